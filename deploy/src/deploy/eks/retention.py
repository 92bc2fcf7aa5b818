"""Keeping the data: a file system and its backups that outlive their stack.

CloudFormation takes a new DeletionPolicy only together with a change of the resource itself (User
Guide, "DeletionPolicy attribute"), so what is kept gets a tag as well.
"""

from __future__ import annotations

import copy
import json
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from deploy.console import say
from deploy.eks import catalog, stacks, template
from deploy.eks.account import told_in_one_line
from deploy.eks.changes import ChangeSet
from deploy.eks.history import History
from deploy.eks.waiting import Patience, wait_until_done
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from deploy.eks.inventory import Inventory
    from deploy.eks.kinds import Kind

KEPT = "ml-pipeline:kept"  # the tag of what is kept
SECONDS = 300.0
# Where each type of resource has its tags: a list of pairs, or a map.
TAGS = {
    "AWS::EFS::FileSystem": "FileSystemTags",
    "AWS::Backup::BackupVault": "BackupVaultTags",
    "AWS::KMS::Key": "Tags",
}
# A stack in these states takes a change; in others it can only be deleted.
CHANGEABLE = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)
BYTES_A_GB = 2**30  # as EFS and AWS Backup bill
EMPTY_BYTES = 6144  # what EFS meters of a file system without files


@dataclass(frozen=True, slots=True)
class Data:
    """What holds the data of a deployment, and what that cannot be read without.

    Attributes:
        file_systems: their ids, each with its size in bytes.
        vaults: names of backup vaults, each with its number of recovery points.
        keys: ids of the deployment's keys by which these are encrypted.
        members: logical ids in the stack, of those that are in it.
    """

    file_systems: Mapping[str, int] = field(default_factory=dict)
    vaults: Mapping[str, int] = field(default_factory=dict)
    keys: Collection[str] = ()
    members: tuple[str, ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        """Of all of it; a vault without recovery points holds none."""
        filled = (name for name, points in self.vaults.items() if points)
        return frozenset((*self.file_systems, *filled, *self.keys))

    @property
    def size(self) -> int:
        """Bytes on the file systems."""
        return sum(self.file_systems.values())


def retained(deployed: Mapping[str, Any], members: Collection[str]) -> dict[str, Any]:
    """A template whose members outlive the stack, each with a change that carries this.

    Args:
        deployed: the template, with its functions by their long names.
        members: logical ids.
    """
    changed = copy.deepcopy(dict(deployed))
    for name in members:
        resource = changed["Resources"][name]
        resource["DeletionPolicy"] = "Retain"
        properties, key = resource.setdefault("Properties", {}), TAGS[resource["Type"]]
        tags = properties.get(key, {} if key == "BackupVaultTags" else [])
        if isinstance(tags, dict):
            properties[key] = {**tags, KEPT: "true"}
        else:
            others = [each for each in tags if each.get("Key") != KEPT]
            properties[key] = [*others, {"Key": KEPT, "Value": "true"}]
    return changed


def is_retained(deployed: Mapping[str, Any], members: Collection[str]) -> bool:
    """Whether all members outlive the stack already."""
    policies = {deployed["Resources"][each].get("DeletionPolicy") for each in members}
    return policies <= {"Retain", "RetainExceptOnCreate"}


def month(data: Data, region: str, listed: Mapping[str, Any]) -> float:
    """What it costs to keep the data, in US dollars a month.

    The backups are taken to be one copy, since their service bills what differs between them.

    Args:
        data: that is kept.
        region: where it is.
        listed: the price list, as costs.prices gives it.
    """
    known = listed["base"] if region in listed["same"] else region
    prices = {key: each.get(known, each[listed["base"]]) for key, each in listed["prices"].items()}
    copies = sum(1 for points in data.vaults.values() if points)
    stored = data.size / BYTES_A_GB
    files, backups = stored * prices["files"], stored * copies * prices["backup"]
    return float(files + backups + len(data.keys) * prices["key"])


def find(inventory: Inventory, *, has_stack: bool) -> Data:
    """What holds the deployment's data, in its stack and beside it."""
    members = _members(inventory) if has_stack else {}

    def listed(kind: Kind, operation: str, key: str, name: str) -> list[dict[str, Any]]:
        ours = {each.id for each in inventory.find(kind)} | set(members)
        with told_in_one_line(f"{kind.service} {operation}"):
            pages = inventory.client(kind.service).get_paginator(operation).paginate()
            return [each for page in pages for each in page[key] if each[name] in ours]

    systems = listed(catalog.FILE_SYSTEM, "describe_file_systems", "FileSystems", "FileSystemId")
    vaults = listed(catalog.VAULT, "list_backup_vaults", "BackupVaultList", "BackupVaultName")
    used = [each.get("KmsKeyId") or each.get("EncryptionKeyArn") or "" for each in systems + vaults]
    ours = {each.id for each in inventory.find(catalog.KEY)} | set(members)
    keys = frozenset(each.rpartition("/")[2] for each in used) & ours
    sizes = {each["FileSystemId"]: int(each["SizeInBytes"]["Value"]) for each in systems}
    saved = Counter(each.within for each in inventory.find(catalog.RECOVERY_POINT))
    points = {each["BackupVaultName"]: saved[each["BackupVaultName"]] for each in vaults}
    data = Data(sizes, points, keys)
    held = sorted(data.ids & set(members))
    return replace(data, members=tuple(members[each] for each in held))


def keep(inventory: Inventory, status: str, data: Data) -> bool:
    """Sees to it that the data outlives the stack.

    Args:
        inventory: of the deployment.
        status: the stack's, which is at rest.
        data: that is kept.

    Returns:
        Whether anything had to be changed.

    Raises:
        DeployError: the stack is in a state in which its data cannot be kept.
    """
    if not data.members or status == "DELETE_FAILED":  # whose deletion is told what to leave
        return False
    deployed = _deployed(inventory)
    if is_retained(deployed, data.members):
        return False
    if status == "UPDATE_ROLLBACK_FAILED":
        status = _roll_back(inventory)
    if status in CHANGEABLE:
        _apply(inventory, retained(deployed, data.members))
        return True
    if data.size > EMPTY_BYTES * len(data.file_systems):
        raise DeployError(
            f"stack {inventory.deployment.name} is {status}: CloudFormation can only delete it, "
            "with the file system; copy the data away first, then destroy without --keep-data"
        )
    say(f"  the stack is {status} and its file system is empty: there is no data to keep")
    return False


def _members(inventory: Inventory) -> dict[str, str]:
    """Logical ids of the stack's resources that can hold data, by physical id."""
    with told_in_one_line("ListStackResources"):
        paginator = inventory.client("cloudformation").get_paginator("list_stack_resources")
        pages = paginator.paginate(StackName=inventory.deployment.name)
        listed = [each for page in pages for each in page["StackResourceSummaries"]]
    return {
        each["PhysicalResourceId"]: each["LogicalResourceId"]
        for each in listed
        if each["ResourceType"] in TAGS
        and each.get("PhysicalResourceId")
        and each["ResourceStatus"] not in {"DELETE_COMPLETE", "DELETE_SKIPPED"}
    }


def _deployed(inventory: Inventory) -> Mapping[str, Any]:
    with told_in_one_line("GetTemplate"):
        body = inventory.client("cloudformation").get_template(
            StackName=inventory.deployment.name, TemplateStage="Original"
        )["TemplateBody"]
    return template.read(body) if isinstance(body, str) else dict(body)


def _roll_back(inventory: Inventory) -> str:
    """Ends an update that could not be undone, without what failed, since all goes anyway.

    Returns:
        The stack's status then.
    """
    client, name = inventory.client("cloudformation"), inventory.deployment.name
    say(f"  stack {name}: an update was not undone to its end, which is done first")
    with told_in_one_line("ContinueUpdateRollback"):
        pages = client.get_paginator("list_stack_resources").paginate(StackName=name)
        failed = [
            each["LogicalResourceId"]
            for page in pages
            for each in page["StackResourceSummaries"]
            if each["ResourceStatus"] == "UPDATE_FAILED"
        ]
        history = History(client, name, f"stack {name}")
        client.continue_update_rollback(StackName=name, ResourcesToSkip=failed)
    return history.follow()


def _apply(inventory: Inventory, changed: Mapping[str, Any]) -> None:
    client, name = inventory.client("cloudformation"), inventory.deployment.name
    with told_in_one_line("CreateChangeSet"):
        [stack] = client.describe_stacks(StackName=name)["Stacks"]
        made = client.create_change_set(
            StackName=name,
            ChangeSetName=f"keep-data-{time.time_ns():x}",
            ChangeSetType="UPDATE",
            TemplateBody=json.dumps(changed, separators=(",", ":"), default=str),
            Parameters=[
                {"ParameterKey": each["ParameterKey"], "UsePreviousValue": True}
                for each in stack.get("Parameters", [])
            ],
            Capabilities=stack.get("Capabilities") or ["CAPABILITY_IAM"],
            Tags=stack["Tags"],
        )

    def look() -> str | None:
        with told_in_one_line("DescribeChangeSet"):
            told = client.describe_change_set(ChangeSetName=made["Id"])
        if told["Status"] == "FAILED":
            raise DeployError(
                f"stack {name}: CloudFormation cannot plan to keep the data: "
                f"{told.get('StatusReason', 'no reason is given')}; nothing was deleted"
            )
        return None if told["Status"] == "CREATE_COMPLETE" else str(told["Status"])

    wait_until_done(f"change set of stack {name}", look, Patience(SECONDS, every=2.0))
    stacks.execute(
        inventory.account, ChangeSet(made["Id"], made["StackId"], name, is_first=False, changes=())
    )
