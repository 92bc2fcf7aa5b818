"""The whole of deploy/stack.yaml, as it is and as it was, in the stand-in for CloudFormation."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from accounts import REGION, ROOT

from rehearsal.amazon.schemas import find_schema
from rehearsal.faults import Fault

if TYPE_CHECKING:
    from accounts import Account

TEMPLATE = (ROOT / "deploy/stack.yaml").read_text()
ADMIN = "arn:aws:iam::123456789012:role/deployer"
OLDER: dict[str, str | None] = {"AdminCidrs": "127.0.0.1/32", "AdminArn": ADMIN}
ZONES = {"Zones": f"{REGION}a,{REGION}b,{REGION}c"}  # those of an older stack
LEAST: dict[str, str | None] = {**OLDER, **ZONES}
UPGRADE: dict[str, str | None] = {**dict.fromkeys(OLDER), **ZONES}
MOST: dict[str, str | None] = {
    **LEAST,
    "VpcCidr": "172.18.0.0/16",
    "NatGateways": "3",
    "InterfaceEndpoints": "true",
    "DeployerArn": "arn:aws:iam::123456789012:role/another",
    "ContainerLogs": "true",
    "MetricsWorkspace": "true",
    "MonthlyBudget": "300",
    "BudgetEmail": "me@example.com",
}
# What the tag API tells of once it is deleted: keys wait for a week.
STILL_TOLD = (":kms:", ":natgateway/")


@pytest.fixture(scope="module")
def older() -> str:
    """The template as it might have been some time ago."""
    program = ROOT / "deploy/tests/eks/older_stack.py"
    command = [sys.executable, str(program)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("parameters", [LEAST, MOST], ids=["least", "most"])
def test_it_comes_and_goes(account: Account, stack: str, parameters: dict[str, str | None]) -> None:
    made = account.bring(stack, TEMPLATE, parameters, "CREATE")
    assert made["StackStatus"] == "CREATE_COMPLETE", account.events(stack)
    values = outputs(made)
    assert values["ClusterName"] == stack
    cluster = account("eks").describe_cluster(name=stack)["cluster"]
    assert cluster["tags"]["ml-pipeline:deployment"] == stack
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    repositories = account("ecr").describe_repositories()["repositories"]
    assert values["TrainerRepositoryUri"] in {each["repositoryUri"] for each in repositories}
    services = {arn.split(":")[2] for arn in account.tagged(stack)}
    assert services >= {"cloudformation", "ec2", "ecr", "eks", "elasticfilesystem", "kms", "logs"}
    kinds = {each["LogicalResourceId"]: each["ResourceType"] for each in resources(account, stack)}
    same = account.plan(stack, TEMPLATE, dict.fromkeys(parameters))
    assert (same["Status"], same["Changes"]) == ("FAILED", [])
    assert account.delete(stack)["StackStatus"] == "DELETE_COMPLETE", account.events(
        made["StackId"]
    )
    left = {arn for arn in account.tagged(stack) if not any(each in arn for each in STILL_TOLD)}
    assert left == set()
    assert unexplained(account, kinds) == set()


def test_an_older_one_is_upgraded_in_place(account: Account, stack: str, older: str) -> None:
    made = account.bring(stack, older, OLDER, "CREATE")
    assert made["StackStatus"] == "CREATE_COMPLETE", account.events(stack)
    before = physical(account, stack)
    upgraded = account.bring(stack, TEMPLATE, UPGRADE)
    assert upgraded["StackStatus"] == "UPDATE_COMPLETE", account.events(stack)
    after = physical(account, stack)
    kept = {
        "Vpc",
        "PublicSubnet1",
        "PrivateSubnet3",
        "Cluster",
        "FileSystem",
        "ImgsAccessPoint",
        "DataAccessPoint",
        "ModelAccessPoint",
    }
    assert {name: before[name] for name in kept} == {name: after[name] for name in kept}
    assert after.keys() - before.keys() >= {"BackupPlan", "BackupVault"}
    assert outputs(upgraded)["FileSystemId"] == outputs(made)["FileSystemId"]
    version = account("eks").describe_cluster(name=stack)["cluster"]["version"]
    (wanted,) = (
        each for each in upgraded["Parameters"] if each["ParameterKey"] == "KubernetesVersion"
    )
    assert version == wanted["ParameterValue"]
    assert account.delete(stack)["StackStatus"] == "DELETE_COMPLETE", account.events(
        made["StackId"]
    )


def test_an_upgrade_that_fails_is_undone(account: Account, stack: str, older: str) -> None:
    account.bring(stack, older, OLDER, "CREATE")
    before = physical(account, stack)
    account.amazon.faults.order(Fault("create:BackupPlan", "no such role"))
    after = account.bring(stack, TEMPLATE, UPGRADE)
    assert after["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert physical(account, stack) == before
    account.amazon.faults.order()
    assert account.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def unexplained(account: Account, kinds: dict[str, str]) -> set[tuple[str, str]]:
    """What the stand-in calls for a type, and is not among what the type's schema names."""
    called = {(kinds[e.resource], e.action) for e in account.calls() if e.resource in kinds}
    assert {kind for kind, _ in called} == set(kinds.values())
    allowed = {
        (kind, action)
        for kind in set(kinds.values())
        for does in ("create", "read", "update", "delete")
        for action in find_schema(kind).actions(does)
    }
    return called - allowed


def physical(account: Account, stack: str) -> dict[str, str]:
    told = resources(account, stack)
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in told}


def resources(account: Account, stack: str) -> list[dict[str, str]]:
    told = account("cloudformation").describe_stack_resources(StackName=stack)
    return list(told["StackResources"])


def outputs(stack: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_it_fits_into_a_call() -> None:
    assert len(TEMPLATE.encode()) < 51_200
    assert REGION not in TEMPLATE
