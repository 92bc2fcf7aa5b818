from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import fake_amazon
import fake_cluster
import pytest
from fake_backups import OK, Backups, answering
from moto.cloudformation.models import Event, cloudformation_backends

from deploy.eks import announcement, costs, destruction, leftovers, sweep, workloads
from deploy.eks import deployment as deployments
from deploy.eks import inventory as inventories
from deploy.eks.catalog import (
    CLUSTER,
    FILE_SYSTEM,
    INSTANCE,
    INTERFACE,
    LOAD_BALANCER,
    LOG_GROUP,
    RECOVERY_POINT,
    SECURITY_GROUP,
    STACK,
    VAULT,
    VOLUME,
)
from deploy.eks.deployment import TAG, Deployment, Stack
from deploy.eks.inventory import Inventory
from deploy.eks.kinds import CONTROLLER, Found
from deploy.eks.retention import Data
from deploy.errors import DeployError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import boto3
    from fake_amazon import Amazon
    from fake_cluster import Cluster

MINE = Deployment("trial", "us-west-2")
TAGS: Any = [{"Key": TAG, "Value": "trial"}]
POINT = "arn:aws:backup:us-west-2:123456789012:recovery-point:1"
UNREACHABLE = "The connection to the server trial.eks was refused - did you specify the right host?"
TEMPLATE = """
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16}
  Subnet1:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-west-2a}
  Subnet2:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24, AvailabilityZone: us-west-2b}
  FileSystem:
    Type: AWS::EFS::FileSystem
    Properties:
      FileSystemTags: [{Key: ml-pipeline:deployment, Value: !Ref AWS::StackName}]
"""
FEW = (
    *(STACK, CLUSTER, INSTANCE, LOAD_BALANCER, INTERFACE, SECURITY_GROUP, VOLUME),
    *(FILE_SYSTEM, LOG_GROUP, VAULT, RECOVERY_POINT),
)
HELM = """#!{python}
import json, os, sys
with open(os.environ["FAKE_KUBERNETES"] + "/calls", "a") as calls:
    calls.write(json.dumps(["helm", *sys.argv[1:]]) + chr(10))
if sys.argv[1] == "list":
    print(json.dumps([{{"name": "cluster-autoscaler", "namespace": "kube-system"}}]))
"""


def pairs(tags: dict[str, str]) -> Any:  # noqa: ANN401 - types of their own in each service
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@dataclass
class World:
    """A deployment in an account and its cluster, with all that can be left of one."""

    amazon: Amazon
    cluster: Cluster
    backups: Backups

    @property
    def session(self) -> boto3.Session:
        return self.amazon.account.session

    def make_stack(self, **tags: str) -> None:
        self.session.client("cloudformation").create_stack(
            StackName="trial",
            TemplateBody=TEMPLATE,
            Tags=pairs(tags or {TAG: "trial"}),
        )

    @property
    def subnets(self) -> list[str]:
        asked: Any = [{"Name": "tag:aws:cloudformation:stack-name", "Values": ["trial"]}]
        found = self.session.client("ec2").describe_subnets(Filters=asked)["Subnets"]
        return [each["SubnetId"] for each in found]

    def make_cluster(self, **tags: str) -> None:
        self.session.client("eks").create_cluster(
            name="trial",
            roleArn="arn:aws:iam::123456789012:role/trial",
            resourcesVpcConfig={"subnetIds": self.subnets},
            tags=tags,
        )

    def make_balancer(self) -> None:
        """Makes what the load balancer controller makes: the balancer, and groups for it."""
        ec2, tags = self.session.client("ec2"), pairs({CONTROLLER: "trial"})
        self.session.client("elbv2").create_load_balancer(
            Name="one", Subnets=self.subnets, Tags=tags
        )
        [vpc] = {each["VpcId"] for each in ec2.describe_subnets(SubnetIds=self.subnets)["Subnets"]}
        own, other = (
            ec2.create_security_group(
                GroupName=each,
                Description="traffic",
                VpcId=vpc,
                TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
            )["GroupId"]
            for each in ("own", "other")
        )
        rule: Any = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2}
        rule["UserIdGroupPairs"] = [{"GroupId": own}]
        ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[rule])

    def make_backup(self) -> None:
        self.session.client("backup").create_backup_vault(
            BackupVaultName="trial", BackupVaultTags={TAG: "trial"}
        )
        self.backups.points[POINT] = "trial"

    def make_volume(self) -> str:
        made = self.session.client("ec2").create_volume(
            AvailabilityZone="us-west-2a",
            Size=1,
            TagSpecifications=[{"ResourceType": "volume", "Tags": TAGS}],
        )
        return str(made["VolumeId"])

    def fill_cluster(self) -> None:
        self.cluster.has("Ingress", "ml-frontend")
        self.cluster.has("Namespace", "ml-pipeline")
        mine, others = ({"claimRef": {"namespace": each}} for each in ("ml-pipeline", "other"))
        self.cluster.has("PersistentVolume", "ml-pipeline-model", spec=mine)
        self.cluster.has("PersistentVolume", "another", spec=others)

    @property
    def steps(self) -> list[str]:
        """What was done in the cluster."""
        verbs = {"delete", "uninstall"}
        calls = [[each for each in call if each[:1] != "-"] for call in self.cluster.calls]
        found = [(call, verb) for call in calls for verb in verbs & set(call)]
        return [" ".join(call[call.index(verb) :][:3]) for call, verb in found]

    def destroy(self, *, keep_data: bool = False) -> None:
        destruction.destroy(self.amazon.account, MINE, keep_data=keep_data, yes=True)

    def sent(self, call: str) -> Any:  # noqa: ANN401 - as boto3 sends it
        """What was sent by the first call of this name."""
        return next(body for name, body in self.amazon.sent if name == call)

    def status(self, status: str) -> None:
        """Puts the stack into a state."""
        [stack] = cloudformation_backends["123456789012"]["us-west-2"].stacks.values()
        stack.status = status

    def ask(self, service: str, operation: str, key: str) -> list[Any]:
        client: Any = self.session.client(service)  # type: ignore[call-overload]
        return list(getattr(client, operation)()[key])


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    with fake_amazon.answering(monkeypatch) as found:
        yield found


@pytest.fixture
def world(amazon: Amazon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    cluster, backups = fake_cluster.install(tmp_path, monkeypatch), Backups()
    helm = tmp_path / "programs/helm"
    helm.write_text(HELM.format(python=sys.executable))
    helm.chmod(0o755)
    (cluster.state / "calls").touch()
    monkeypatch.setattr(deployments, "ROOT", tmp_path)
    monkeypatch.setattr(inventories, "KINDS", FEW)  # to ask all services takes a while
    world = World(amazon, cluster, backups)

    def end_cluster(**_: object) -> None:
        """Does what CloudFormation does, of whose EKS moto knows nothing."""
        eks = world.session.client("eks")
        for name in eks.list_clusters()["clusters"]:
            eks.delete_cluster(name=name)

    with (
        backups.served(amazon.account.session),
        answering(amazon.account.session, "cloudformation.DeleteStack", end_cluster),
    ):
        yield world


def fail_deletion(reason: str, times: int) -> Callable[..., tuple[Any, dict[str, Any]] | None]:
    """Has the stack's deletion fail so often, for this reason."""
    left = list(range(times))

    def answer(**_: object) -> tuple[Any, dict[str, Any]] | None:
        if not left:
            return None
        left.pop()
        [stack] = cloudformation_backends["123456789012"]["us-west-2"].stacks.values()
        for name, status, why in (
            ("trial", "DELETE_IN_PROGRESS", None),
            ("Vpc", "DELETE_FAILED", reason),
            ("trial", "DELETE_FAILED", None),
        ):
            own = stack.stack_id if name == "trial" else name
            kind = "AWS::CloudFormation::Stack" if name == "trial" else "AWS::EC2::VPC"
            stack.events.append(Event(stack.stack_id, "trial", name, own, kind, status, why, None))
        stack.status = "DELETE_FAILED"
        return OK, {}

    return answer


def test_everything_goes_in_an_order_that_leaves_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.make_stack()
    world.make_cluster()
    world.make_balancer()
    world.make_backup()
    world.make_volume()
    world.fill_cluster()
    world.session.client("logs").create_log_group(logGroupName="/aws/eks/trial/cluster")
    world.amazon.asleep = lambda: None
    world.destroy()
    told = capsys.readouterr()
    assert told.out == "0 left\n"
    assert world.steps == [
        "delete ingress ml-frontend",
        "delete namespace ml-pipeline",
        "delete persistentvolume ml-pipeline-model",
        "uninstall cluster-autoscaler kube-system",
    ]
    removals = ["DeleteLoadBalancer", "DeleteRecoveryPoint", "DeleteStack", "DeleteLogGroup"]
    assert [each for each in world.amazon.changes if each in removals] == removals
    assert "IpPermissions.1.Groups.1.GroupId" in world.sent("RevokeSecurityGroupIngress")
    assert world.amazon.calls.index("DescribeCluster") < world.amazon.calls.index("DeleteStack")
    assert world.cluster.objects("PersistentVolume").keys() == {"another"}
    assert not world.ask("efs", "describe_file_systems", "FileSystems")
    assert not world.ask("backup", "list_backup_vaults", "BackupVaultList")
    assert "step 1/6 ingress: done in" in told.err
    assert "step 6/6 leftovers: done in" in told.err
    assert not MINE.folder.exists()


def test_a_second_time_nothing_is_there(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.destroy()
    told = capsys.readouterr()
    assert told.out == "0 left\n"
    assert told.err == "there is nothing of trial in us-west-2\n"
    assert not world.amazon.changes


@pytest.mark.parametrize("typed", ["", "trial-2\n"])
def test_the_name_has_to_be_typed(
    world: World, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_stack()
    world.amazon.sent.clear()
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    with pytest.raises(DeployError, match="trial was not typed, so nothing was deleted"):
        destruction.destroy(world.amazon.account, MINE, keep_data=False, yes=False)
    assert not world.amazon.changes


def test_once_the_name_is_typed_it_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.make_stack()
    monkeypatch.setattr(sys, "stdin", io.StringIO("trial\n"))
    destruction.destroy(world.amazon.account, MINE, keep_data=False, yes=False)
    assert not world.ask("cloudformation", "describe_stacks", "Stacks")


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED"])
def test_a_stack_in_the_middle_of_a_failure_goes(world: World, status: str) -> None:
    world.make_stack()
    world.status(status)
    world.destroy()
    assert not world.ask("cloudformation", "describe_stacks", "Stacks")


def test_what_goes_on_is_waited_for(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.make_stack()
    world.status("UPDATE_IN_PROGRESS")
    world.amazon.asleep = partial(world.status, "UPDATE_COMPLETE")
    world.destroy()
    assert "stack trial: it is UPDATE_IN_PROGRESS since an earlier run" in capsys.readouterr().err
    assert not world.ask("cloudformation", "describe_stacks", "Stacks")


def test_a_cluster_that_does_not_answer_stops_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.make_stack()
    world.make_cluster()
    world.make_balancer()
    world.fill_cluster()
    world.cluster.will(faults={"get": [UNREACHABLE] * 9})
    world.amazon.asleep = lambda: None
    world.destroy()
    told = capsys.readouterr()
    assert told.out == "0 left\n"
    assert "does not answer" in told.err
    assert "3 left by their controller, removed" in told.err


def test_an_ingress_that_its_controller_does_not_let_go_stops_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workloads, "INGRESS_SECONDS", -1.0)
    monkeypatch.setattr(workloads, "NAMESPACE_SECONDS", -1.0)
    world.make_stack()
    world.make_cluster()
    world.fill_cluster()
    world.cluster.will(
        events={"ml-frontend": [{"message": "Failed deploy model due to AccessDenied"}]}
    )
    program = world.cluster.state.parent / "programs/kubectl"
    heedless = 'case "$*" in *delete*) exit 0;; esac'
    program.write_text(program.read_text().replace("exec ", f"{heedless}\nexec "))
    world.destroy()
    told = capsys.readouterr()
    assert "ingress ml-frontend: not done within -1 s; last: Failed deploy model due to" in told.err
    assert told.out == "0 left\n"


def test_what_stands_in_the_way_of_the_stack_is_removed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.make_stack()
    ec2, tags = world.session.client("ec2"), pairs({"eks:cluster-name": "trial"})
    ec2.create_network_interface(
        SubnetId=world.subnets[0],
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": tags}],
    )
    answer = fail_deletion("the subnet has dependencies and cannot be deleted", 1)
    with answering(world.session, "cloudformation.DeleteStack", answer):
        world.destroy()
    told = capsys.readouterr()
    assert world.amazon.changes.count("DeleteStack") == 2
    assert "Vpc" in told.err
    assert told.out == "0 left\n"


def test_of_the_stack_s_own_nothing_is_removed_before_it(world: World) -> None:
    world.make_stack()
    ec2, name = world.session.client("ec2"), "aws:cloudformation:stack-name"
    tags = pairs({TAG: "trial", name: "trial"})
    own = ec2.create_security_group(
        GroupName="own",
        Description="the stack's",
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )["GroupId"]
    assert leftovers.remove_strangers(Inventory(world.amazon.account, MINE)) == 0
    assert ec2.describe_security_groups(GroupIds=[own])["SecurityGroups"]


def test_a_stack_that_cannot_be_deleted_tells_the_resource_why_and_what_to_do(
    world: World,
) -> None:
    world.make_stack()
    answer = fail_deletion("vpc-1 has dependencies and cannot be deleted", 9)
    with (
        answering(world.session, "cloudformation.DeleteStack", answer),
        pytest.raises(DeployError) as caught,
    ):
        world.destroy()
    told = str(caught.value)
    assert told.startswith("step 5/6 stack: ")
    assert "Vpc" in told
    assert "vpc-1 has dependencies and cannot be deleted" in told
    assert "remove the network interfaces that are left in its VPC" in told
    assert world.amazon.changes.count("DeleteStack") == 1
    world.destroy()
    assert not world.ask("cloudformation", "describe_stacks", "Stacks")


def test_kept_data_stays_until_it_is_deleted_too(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.make_stack()
    world.make_backup()
    world.destroy(keep_data=True)
    [system] = world.ask("efs", "describe_file_systems", "FileSystems")
    again = f"--name trial --region us-west-2 --file-system-id {system['FileSystemId']}"
    told = capsys.readouterr()
    assert told.out.startswith("0 left\nkept: file system ")
    assert f"deploy again on it: ./noxw -s deploy_eks -- {again}\n" in told.out
    assert world.backups.points
    assert not world.ask("cloudformation", "describe_stacks", "Stacks")

    world.amazon.sent.clear()
    world.destroy(keep_data=True)
    told = capsys.readouterr()
    assert told.err == "there is nothing of trial in us-west-2 but what was kept\n"
    assert told.out.startswith("0 left\nkept: file system ")
    assert not world.amazon.changes

    world.destroy()
    told = capsys.readouterr()
    assert "THE DATA IS LOST" in told.err
    assert told.out == "0 left\n"
    assert not world.backups.points
    assert not world.ask("efs", "describe_file_systems", "FileSystems")


def test_kept_data_stays_when_a_deletion_failed_before(world: World) -> None:
    world.make_stack()
    world.status("DELETE_FAILED")
    told: list[Any] = []

    def note(params: dict[str, Any], **_: object) -> None:
        told.append(params["body"].get("RetainResources.member.1"))

    with answering(world.session, "cloudformation.DeleteStack", note):
        try:
            world.destroy(keep_data=True)
        except DeployError:
            pytest.fail("something is left")
    assert told == ["FileSystem"]


def test_what_is_left_is_named_and_fails(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sweep, "SECONDS", -1.0)
    ec2 = world.session.client("ec2")
    made = ec2.run_instances(
        ImageId=ec2.register_image(Name="image")["ImageId"],
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": TAGS}],
    )["Instances"][0]["InstanceId"]
    with pytest.raises(DeployError) as caught:
        world.destroy()
    assert caught.value.exit_code == 1
    told = capsys.readouterr().out
    assert f"left: instance {made}; remove it by: aws ec2 terminate-instances" in told
    assert told.endswith("1 left\n")


def test_a_stack_that_is_no_deployment_is_left_alone(world: World) -> None:
    world.make_stack(owner="somebody")
    world.amazon.sent.clear()
    with pytest.raises(UsageError, match="the stack trial in us-west-2 has no tag"):
        world.destroy()
    assert not world.amazon.changes


def test_a_cluster_that_is_no_deployments_is_left_alone(world: World) -> None:
    vpc = world.session.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = world.session.client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")
    world.session.client("eks").create_cluster(
        name="trial",
        roleArn="arn:aws:iam::123456789012:role/trial",
        resourcesVpcConfig={"subnetIds": [subnet["Subnet"]["SubnetId"]]},
    )
    world.amazon.sent.clear()
    with pytest.raises(UsageError, match=r"the cluster.* trial in us-west-2 has no tag"):
        world.destroy()
    assert not world.amazon.changes


def test_without_kubectl_nothing_is_deleted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.make_stack()
    world.make_cluster()
    world.amazon.sent.clear()
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(UsageError, match="kubectl: it is not on the PATH"):
        world.destroy()
    assert not world.amazon.changes


def test_an_interruption_goes_through_and_the_next_run_goes_on(world: World) -> None:
    world.make_stack()
    volume = world.make_volume()

    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    with (
        answering(world.session, "ec2.DeleteVolume", interrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        world.destroy()
    [left] = world.ask("ec2", "describe_volumes", "Volumes")
    assert left["VolumeId"] == volume
    world.destroy()
    assert not world.ask("ec2", "describe_volumes", "Volumes")


def test_what_goes_is_announced_by_service_with_the_cost_that_ends() -> None:
    stack = Stack("trial", "UPDATE_COMPLETE", {"NatGateways": "3"})
    there = [Found(VOLUME, "vol-1"), Found(VOLUME, "vol-2"), Found(FILE_SYSTEM, "fs-1")]
    month = costs.monthly(stack.values, "us-west-2").total
    assert announcement.lines(MINE, stack, [*there, Found(None, "arn:aws:new:thing")]) == [
        "this deletes trial in us-west-2 (its stack is UPDATE_COMPLETE):",
        "  ec2            2 volume",
        "  efs            1 file system",
        "  other          1 arn:aws:new:thing",
        f"  about {month:,.0f} USD a month end",
    ]


def test_the_fate_of_the_data_is_announced() -> None:
    data = Data({"fs-1": 2**30}, {"trial": 2})
    places = "file system fs-1 (1.00 GB), backup vault trial (2 recovery points)"
    assert announcement.fate(Data(), keep_data=False) == "there is no data"
    assert announcement.fate(data, keep_data=True) == f"the data is kept: {places}"
    lost = f"THE DATA IS LOST, but for --keep-data: {places}"
    assert announcement.fate(data, keep_data=False) == lost


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ("The vpc 'vpc-1' has dependencies and cannot be deleted", "network interfaces"),
        ("Backup vault cannot be deleted because it contains recovery points", "backups"),
        ("User is not authorized to perform: eks:DeleteCluster", "credentials"),
        ("something else", ""),
    ],
)
def test_a_reason_has_a_remedy(reason: str, part: str) -> None:
    told = announcement.remedy(reason)
    assert part in told
    assert bool(told) == bool(part)
