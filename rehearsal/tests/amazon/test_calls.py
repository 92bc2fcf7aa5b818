from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from accounts import REGION
from botocore.exceptions import ClientError

from rehearsal.faults import Fault, open_faults
from rehearsal.recording import Call, is_mutating, open_recorder, read_calls

if TYPE_CHECKING:
    from pathlib import Path

    from accounts import Account


def test_every_call_is_written_down_with_its_caller(account: Account, stack: str) -> None:
    before = len(account.calls())
    account("efs").describe_file_systems()
    account("logs").create_log_group(logGroupName=stack)
    account("resourcegroupstaggingapi").get_resources()
    with pytest.raises(ClientError):
        account("eks").describe_cluster(name=stack)
    assert account.calls()[before:] == [
        Call("deployer", "elasticfilesystem:DescribeFileSystems", mutating=False),
        Call("deployer", "logs:CreateLogGroup", mutating=True),
        Call("deployer", "tag:GetResources", mutating=False),
        Call(
            "deployer",
            "eks:DescribeCluster",
            mutating=False,
            error="ResourceNotFoundException",
        ),
    ]


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("eks", "list_clusters", "eks:ListClusters"),  # REST
        ("ec2", "describe_vpcs", "ec2:DescribeVpcs"),  # query
        ("elbv2", "describe_load_balancers", "elasticloadbalancing:DescribeLoadBalancers"),
        ("ecr", "describe_repositories", "ecr:DescribeRepositories"),  # JSON
        ("iam", "list_roles", "iam:ListRoles"),
    ],
)
def test_a_fault_comes_in_the_words_of_the_service(
    account: Account, stack: str, service: str, operation: str, action: str
) -> None:
    del stack
    account.amazon.faults.order(Fault(action, "not you", "AccessDeniedException", times=1))
    with pytest.raises(ClientError) as refused:
        getattr(account(service), operation)()
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert refused.value.response["Error"]["Message"] == "not you"
    assert account.calls()[-1].error == "AccessDeniedException"
    getattr(account(service), operation)()
    assert account.calls()[-1] == Call("deployer", action, mutating=False)


def test_callers_are_told_apart(account: Account) -> None:
    make: Any = boto3.Session("balancer", "any", region_name=REGION).client
    make("efs", endpoint_url=account.amazon.url).describe_file_systems()
    account("efs").describe_file_systems()
    assert [each.caller for each in account.calls()[-2:]] == ["balancer", "deployer"]


def test_what_is_missing_is_told_by_its_name(account: Account) -> None:
    with pytest.raises(ClientError, match="the rehearsal lacks eks:ListInsights"):
        account("eks").list_insights(clusterName="one")


def test_faults_end_when_they_are_used_up(tmp_path: Path) -> None:
    faults = open_faults(tmp_path / "faults.jsonl")
    assert faults.take("a:B") is None
    faults.order(Fault("a:B", "twice", times=2), Fault("a:C", "always"))
    assert [faults.take("a:B") is not None for _ in range(3)] == [True, True, False]
    assert [faults.take("a:C") is not None for _ in range(3)] == [True] * 3
    faults.order()
    assert faults.take("a:C") is None


def test_the_recorder_writes_whole_lines(tmp_path: Path) -> None:
    recorder = open_recorder(tmp_path / "calls.jsonl", {"key": "somebody"})
    calls = [Call("key", f"ec2:Describe{number}", mutating=False) for number in range(50)]
    threads = [threading.Thread(target=recorder.record, args=(each,)) for each in calls]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    told = read_calls(tmp_path / "calls.jsonl")
    assert {each.caller for each in told} == {"somebody"}
    assert {each.action for each in told} == {each.action for each in calls}


@pytest.mark.parametrize(
    ("action", "mutating"),
    [
        ("ec2:DescribeVpcs", False),
        ("ecr:BatchGetImage", False),
        ("sts:GetCallerIdentity", False),
        ("cloudformation:CreateChangeSet", True),
        ("kms:ScheduleKeyDeletion", True),
    ],
)
def test_what_mutates_is_told_by_its_name(action: str, *, mutating: bool) -> None:
    assert is_mutating(action) == mutating
