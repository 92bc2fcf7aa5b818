"""Change sets: made, shown, and taken away again; stacks.py carries them out."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deploy.eks.account import told_in_one_line
from deploy.eks.deployment import TAG
from deploy.eks.waiting import Patience, wait_until_done
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import ParameterTypeDef

PLANNING_SECONDS = 300.0

ADDED, CHANGED, REPLACED, REMOVED = "added", "changed", "replaced", "removed"
MARKS = {ADDED: "+", CHANGED: "~", REPLACED: "!", REMOVED: "-"}  # in the order of the summary
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
WITH_DATA = frozenset({"AWS::EFS::FileSystem", "AWS::Backup::BackupVault"})


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource.

    Attributes:
        action: a key of `MARKS`.
        name: its logical id.
        kind: such as AWS::EKS::Cluster.
        details: what of it changes, such as names of properties.
        is_sure: whether it happens for certain; a replacement may depend on another resource.
    """

    action: str
    name: str
    kind: str
    details: tuple[str, ...] = ()
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set that waits for its execution.

    Attributes:
        id: its ARN.
        stack: the stack's id.
        name: the stack's name.
        is_first: whether there is nothing yet, but an empty stack made for it.
    """

    id: str
    stack: str
    name: str
    is_first: bool
    changes: Sequence[Change]


def create(
    client: CloudFormationClient,
    name: str,
    template: str,
    settings: Sequence[ParameterTypeDef],
    *,
    is_first: bool,
) -> ChangeSet | None:
    """Has CloudFormation work out what would change; None when nothing would.

    Args:
        client: of CloudFormation.
        name: the stack's.
        template: as text.
        settings: its parameters.
        is_first: whether there is no stack yet.

    Raises:
        DeployError: the change cannot be made; then nothing of it is left.
    """
    with told_in_one_line("CreateChangeSet"):
        try:
            made = client.create_change_set(
                StackName=name,
                ChangeSetName=f"deploy-{time.time_ns():x}",
                ChangeSetType="CREATE" if is_first else "UPDATE",
                TemplateBody=template,
                Parameters=settings,
                Capabilities=["CAPABILITY_IAM"],
                Tags=[{"Key": TAG, "Value": name}],
            )
        except ClientError as error:
            if _says_unchanged(error.response.get("Error", {}).get("Message", "")):
                return None
            raise
    change_set = ChangeSet(made["Id"], made["StackId"], name, is_first, ())
    reason = _wait_until_planned(client, change_set)
    if reason is None:
        pages = client.get_paginator("describe_change_set").paginate(ChangeSetName=made["Id"])
        with told_in_one_line("DescribeChangeSet"):
            found = read(each for page in pages for each in page.get("Changes", []))
        return replace(change_set, changes=found)
    delete(client, change_set)
    if _says_unchanged(reason):
        return None
    raise DeployError(f"stack {name}: CloudFormation cannot plan this change: {reason}")


def delete(client: CloudFormationClient, change_set: ChangeSet) -> None:
    """Takes a change set away, and the empty stack that was made for it."""
    with told_in_one_line("DeleteChangeSet"):
        client.delete_change_set(ChangeSetName=change_set.id)
    if change_set.is_first:
        with told_in_one_line("DeleteStack"):
            client.delete_stack(StackName=change_set.stack)


def read(described: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:
    """The changes of resources, from DescribeChangeSet's `Changes`."""
    resources = (each["ResourceChange"] for each in described if "ResourceChange" in each)
    return tuple(map(_read_one, resources))


def lines(changes: Sequence[Change]) -> list[str]:
    """A line each, those first that matter most."""
    order = [REPLACED, REMOVED, CHANGED, ADDED]
    width = max((len(each.name) for each in changes), default=0)
    ordered = sorted(changes, key=lambda each: (order.index(each.action), each.name))
    return [_line(each, width) for each in ordered]


def summary(changes: Sequence[Change]) -> str:
    """How many of each, such as "62 added, 1 changed"."""
    counts = Counter(each.action for each in changes)
    told = [f"{counts[action]} {action}" for action in MARKS if counts[action]]
    return ", ".join(told) or "settings alone"


def losses(changes: Sequence[Change]) -> list[str]:
    """Resources whose data would be gone."""
    gone = {REPLACED, REMOVED}
    return [each.name for each in changes if each.action in gone and each.kind in WITH_DATA]


def _wait_until_planned(client: CloudFormationClient, change_set: ChangeSet) -> str | None:
    """Gives why there is no change set; None when there is one."""
    reason: str | None = None

    def look() -> str | None:
        nonlocal reason
        with told_in_one_line("DescribeChangeSet"):
            told = client.describe_change_set(ChangeSetName=change_set.id)
        status = told["Status"]
        if status == "FAILED":
            reason = told.get("StatusReason", "no reason is given")
        return None if status in {"CREATE_COMPLETE", "FAILED"} else status

    what = f"change set of stack {change_set.name}"
    wait_until_done(what, look, Patience(PLANNING_SECONDS, every=2.0))
    return reason


def _says_unchanged(text: str) -> bool:
    return any(each in text for each in _UNCHANGED)


def _read_one(change: Mapping[str, Any]) -> Change:
    replacement = change.get("Replacement", "False")
    action = {"Add": ADDED, "Import": ADDED, "Remove": REMOVED}.get(change["Action"], CHANGED)
    if action == CHANGED and replacement != "False":
        action = REPLACED
    targets = [each.get("Target", {}) for each in change.get("Details", ())]
    details = [str(each.get("Name") or each.get("Attribute", "")) for each in targets]
    return Change(
        action,
        change["LogicalResourceId"],
        change.get("ResourceType", ""),
        tuple(sorted(set(filter(None, details)))),
        is_sure=replacement != "Conditional" and change["Action"] != "Dynamic",
    )


def _line(change: Change, width: int) -> str:
    details = f" ({', '.join(change.details)})" if change.details else ""
    doubt = "" if change.is_sure else " perhaps"
    verb = f"{doubt} {change.action}" if change.action == REPLACED else doubt
    return f"  {MARKS[change.action]} {change.name:{width}}  {change.kind}{verb}{details}"
