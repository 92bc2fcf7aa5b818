"""What an update changes, found by comparing templates with their values put in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal.amazon.schemas import find_schema, replaces

if TYPE_CHECKING:
    from rehearsal.amazon.stacks import Stack
    from rehearsal.amazon.targets import Target


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one resource.

    Attributes:
        action: Add, Modify or Remove.
        physical: its id, empty for one to be added.
        replacement: True, False or Conditional; empty unless it is modified.
        properties: the names of those that change.
    """

    action: str
    logical: str
    type: str
    physical: str = ""
    replacement: str = ""
    properties: tuple[str, ...] = ()


def find_changes(stack: Stack, target: Target) -> list[Change]:
    """What must be done for a stack to come to its target; in the template's order."""
    scope = target.scope()
    replaced: set[str] = set()
    found: dict[str, Change] = {}
    for name in target.order():
        kind = target.resources[name]["Type"]
        there = stack.resources.get(name)
        if there is None:
            found[name] = Change("Add", name, kind)
            continue
        new = target.properties(name, scope)
        names = {*there.planned, *new}
        changed = tuple(sorted(each for each in names if there.planned.get(each) != new.get(each)))
        follows = replaced & set(target.dependencies(name))
        if there.type != kind or replaces(find_schema(kind), there.planned, new):
            replaced.add(name)
            found[name] = Change("Modify", name, kind, there.made.id, "True", changed)
        elif changed or follows:
            sure = "False" if not follows else "Conditional"
            found[name] = Change("Modify", name, kind, there.made.id, sure, changed)
    ordered = [found[name] for name in target.resources if name in found]
    gone = [each for name, each in stack.resources.items() if name not in target.resources]
    return ordered + [Change("Remove", each.logical, each.type, each.made.id) for each in gone]
