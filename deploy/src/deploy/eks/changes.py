"""What a change set would do to a stack, for people to read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

ADDED, CHANGED, REPLACED, REMOVED = "added", "changed", "replaced", "removed"
MARKS = {ADDED: "+", CHANGED: "~", REPLACED: "!", REMOVED: "-"}  # in the order of the summary
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
