from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import fake_amazon
import pytest
import yaml
from fake_backups import OK, Backups, answering
from moto.cloudformation.models import cloudformation_backends

from deploy.eks import announcement, costs, retention, stacks, template
from deploy.eks.deployment import TAG, Deployment
from deploy.eks.inventory import Inventory
from deploy.eks.retention import KEPT, Data
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_amazon import Amazon

GIGABYTE = 2**30
TEMPLATE = """
Parameters:
  Name: {Type: String, Default: logs}
Resources:
  FileSystem:
    Type: AWS::EFS::FileSystem
    DeletionPolicy: Delete
    Properties:
      Encrypted: true
      FileSystemTags: [{Key: ml-pipeline:deployment, Value: !Ref AWS::StackName}]
      FileSystemPolicy: {Version: 2012-10-17, Statement: []}
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Sub "${Name}-of-it"}
"""


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    with fake_amazon.answering(monkeypatch) as found:
        yield found


@pytest.fixture
def deployment() -> Deployment:
    return Deployment("trial", fake_amazon.REGION)


@pytest.fixture
def backups() -> Backups:
    return Backups()


@pytest.fixture
def inventory(amazon: Amazon, deployment: Deployment, backups: Backups) -> Iterator[Inventory]:
    with backups.served(amazon.account.session):
        yield Inventory(amazon.account, deployment)


def make_stack(amazon: Amazon) -> None:
    amazon.account.session.client("cloudformation").create_stack(
        StackName="trial",
        TemplateBody=TEMPLATE,
        Parameters=[{"ParameterKey": "Name", "ParameterValue": "mine"}],
        Tags=[{"Key": TAG, "Value": "trial"}],
    )


def systems(amazon: Amazon) -> list[str]:
    found = amazon.account.session.client("efs").describe_file_systems()["FileSystems"]
    return [each["FileSystemId"] for each in found]


def inner(status: str) -> Any:  # noqa: ANN401 - moto's own
    """The stack within moto, in this state."""
    [stack] = cloudformation_backends["123456789012"]["us-west-2"].stacks.values()
    stack.status = status
    return stack


def test_a_template_lets_its_members_outlive_the_stack() -> None:
    before = {
        "Parameters": {"A": {"Type": "String"}},
        "Resources": {
            "Files": {"Type": "AWS::EFS::FileSystem", "DeletionPolicy": "Delete"},
            "Vault": {
                "Type": "AWS::Backup::BackupVault",
                "Properties": {"BackupVaultTags": {"a": "b"}},
            },
            "Key": {
                "Type": "AWS::KMS::Key",
                "Properties": {"Tags": [{"Key": "a", "Value": {"Ref": "A"}}]},
            },
            "Vpc": {"Type": "AWS::EC2::VPC"},
        },
    }
    untouched = json.dumps(before)
    after = retention.retained(before, ["Files", "Key", "Vault"])
    resources, mark = after["Resources"], {"Key": KEPT, "Value": "true"}
    assert json.dumps(before) == untouched
    assert after["Parameters"] == before["Parameters"]
    assert resources["Vpc"] == {"Type": "AWS::EC2::VPC"}
    assert {name for name in resources if resources[name].get("DeletionPolicy") == "Retain"} == {
        "Files",
        "Key",
        "Vault",
    }
    assert resources["Files"]["Properties"] == {"FileSystemTags": [mark]}
    assert resources["Vault"]["Properties"] == {"BackupVaultTags": {"a": "b", KEPT: "true"}}
    assert resources["Key"]["Properties"] == {
        "Tags": [{"Key": "a", "Value": {"Ref": "A"}}, mark],
    }
    assert retention.is_retained(after, ["Files", "Key", "Vault"])
    assert not retention.is_retained(before, ["Files"])


def test_the_template_of_this_repository_can_be_changed_so() -> None:
    read = template.read(stacks.template())
    after = retention.retained(read, ["FileSystem", "BackupVault"])
    assert retention.is_retained(after, ["FileSystem", "BackupVault"])
    sent = json.dumps(after, separators=(",", ":"), default=str)
    assert len(sent.encode()) <= 51_200  # what CloudFormation takes inline
    assert template.read(sent) == template.read(yaml.safe_dump(json.loads(sent)))


def test_what_holds_data_is_found_in_the_stack_and_beside_it(
    amazon: Amazon, inventory: Inventory, backups: Backups
) -> None:
    make_stack(amazon)
    [own] = systems(amazon)
    client = amazon.account.session.client("efs")
    tags: Any = [{"Key": TAG, "Value": "trial"}]
    older = client.create_file_system(CreationToken="older", Tags=tags)["FileSystemId"]
    client.create_file_system(CreationToken="another's")
    for name in ("trial", "trial-older"):
        amazon.account.session.client("backup").create_backup_vault(
            BackupVaultName=name, BackupVaultTags={TAG: "trial"}
        )
    backups.points["arn:aws:backup:us-west-2:123456789012:recovery-point:1"] = "trial-older"
    data = retention.find(inventory, has_stack=True)
    assert set(data.file_systems) == {own, older}
    assert data.vaults == {"trial": 0, "trial-older": 1}
    assert data.members == ("FileSystem",)
    assert data.ids == {own, older, "trial-older"}  # an empty vault holds no data


def test_the_key_without_which_the_data_cannot_be_read_belongs_to_it(
    amazon: Amazon, inventory: Inventory
) -> None:
    client = amazon.account.session.client("kms")
    tags: Any = [{"TagKey": TAG, "TagValue": "trial"}]
    used, _ = (client.create_key(Tags=tags)["KeyMetadata"]["Arn"] for _ in range(2))
    amazon.account.session.client("efs").create_file_system(
        CreationToken="one",
        Encrypted=True,
        KmsKeyId=used,
        Tags=[{"Key": TAG, "Value": "trial"}],
    )
    assert retention.find(inventory, has_stack=False).keys == {used.rpartition("/")[2]}


def test_kept_data_outlives_the_stack(amazon: Amazon, inventory: Inventory) -> None:
    make_stack(amazon)
    data = retention.find(inventory, has_stack=True)
    assert retention.keep(inventory, "CREATE_COMPLETE", data)
    sent = next(body for name, body in amazon.sent if name == "CreateChangeSet")
    assert sent["Parameters.member.1.UsePreviousValue"] == "true"
    assert sent["Tags.member.1.Key"] == TAG
    assert "2012-10-17" in sent["TemplateBody"]  # and not a date of YAML's
    stack = stacks.find(amazon.account, "trial")
    assert stack
    assert stack.values["Name"] == "mine"
    client = amazon.account.session.client("cloudformation")
    deployed: Any = client.get_template(StackName="trial")["TemplateBody"]
    assert retention.is_retained(deployed, ["FileSystem"])
    assert not retention.is_retained(deployed, ["Logs"])
    stacks.delete(amazon.account, "trial")
    assert systems(amazon) == list(data.file_systems)
    logs = amazon.account.session.client("logs").describe_log_groups()["logGroups"]
    assert not logs


def test_what_is_kept_already_is_not_changed_again(amazon: Amazon, inventory: Inventory) -> None:
    make_stack(amazon)
    data = retention.find(inventory, has_stack=True)
    retention.keep(inventory, "CREATE_COMPLETE", data)
    amazon.sent.clear()
    assert not retention.keep(inventory, "UPDATE_COMPLETE", data)
    assert not amazon.changes


def test_a_deletion_that_failed_is_told_what_to_leave(amazon: Amazon, inventory: Inventory) -> None:
    make_stack(amazon)
    data = retention.find(inventory, has_stack=True)
    amazon.sent.clear()
    assert not retention.keep(inventory, "DELETE_FAILED", data)
    assert not amazon.changes
    assert data.members == ("FileSystem",)


def test_an_update_that_could_not_be_undone_is_ended_without_what_failed(
    amazon: Amazon, inventory: Inventory
) -> None:
    make_stack(amazon)
    stack = inner("UPDATE_ROLLBACK_FAILED")
    data = retention.find(inventory, has_stack=True)
    skipped: list[str] = []

    def fail_one(parsed: dict[str, Any], **_: object) -> None:
        parsed["StackResourceSummaries"][-1]["ResourceStatus"] = "UPDATE_FAILED"

    def go_on(params: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]]:
        skipped.append(params["body"]["ResourcesToSkip.member.1"])
        stack._add_stack_event("UPDATE_ROLLBACK_COMPLETE")  # noqa: SLF001 - moto has no other
        stack.status = "UPDATE_ROLLBACK_COMPLETE"
        return OK, {}

    session = amazon.account.session
    session.events.register("after-call.cloudformation.ListStackResources", fail_one)
    with answering(session, "cloudformation.ContinueUpdateRollback", go_on):
        fresh = Inventory(amazon.account, inventory.deployment)
        assert retention.keep(fresh, "UPDATE_ROLLBACK_FAILED", data)
    session.events.unregister("after-call.cloudformation.ListStackResources", fail_one)
    assert skipped == ["Logs"]


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE"])
def test_data_is_not_lost_because_the_stack_cannot_keep_it(
    amazon: Amazon, inventory: Inventory, status: str
) -> None:
    make_stack(amazon)
    [own] = systems(amazon)
    data = Data({own: GIGABYTE}, members=("FileSystem",))
    with pytest.raises(DeployError, match=f"stack trial is {status}.*copy the data away first"):
        retention.keep(inventory, status, data)
    assert not retention.keep(inventory, status, Data({own: 6144}, members=("FileSystem",)))


def test_a_plan_that_fails_deletes_nothing(amazon: Amazon, inventory: Inventory) -> None:
    make_stack(amazon)
    data = retention.find(inventory, has_stack=True)

    def fail(**_: object) -> tuple[Any, dict[str, Any]]:
        return OK, {"Status": "FAILED", "StatusReason": "a limit"}

    with (
        answering(amazon.account.session, "cloudformation.DescribeChangeSet", fail),
        pytest.raises(DeployError, match="a limit; nothing was deleted"),
    ):
        retention.keep(Inventory(amazon.account, inventory.deployment), "CREATE_COMPLETE", data)


def test_what_keeping_costs_is_told_with_what_to_do(deployment: Deployment) -> None:
    data = Data({"fs-1": 100 * GIGABYTE}, {"trial": 3}, ("one",))
    assert retention.month(data, "us-west-2", costs.prices()) == pytest.approx(30 + 5 + 1)
    where = "--name trial --region us-west-2"
    places = "file system fs-1 (100.00 GB), backup vault trial (3 recovery points), key one"
    assert announcement.kept(deployment, data) == [
        f"kept: {places}; about 36.00 USD a month",
        f"deploy again on it: ./noxw -s deploy_eks -- {where} --file-system-id fs-1",
        f"delete it: ./noxw -s destroy_eks -- {where}",
    ]
    assert not announcement.kept(deployment, Data())
