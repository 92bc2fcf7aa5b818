"""Stacks and change sets, as CloudFormation remembers them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rehearsal.amazon.faulty import InvalidError, MissingChangeSetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.amazon.changes import Change
    from rehearsal.amazon.providers import Made
    from rehearsal.amazon.targets import Target

REVIEW = "REVIEW_IN_PROGRESS"
DELETED = "DELETE_COMPLETE"


@dataclass(slots=True, eq=False)
class Resource:
    """A resource of a stack.

    Attributes:
        made: what the service made of it.
        planned: its properties with what other resources give left open, to compare with.
        properties: as they are.
        dependencies: the logical ids of those that must be there before.
        policy: its DeletionPolicy.
    """

    logical: str
    type: str
    made: Made
    planned: Mapping[str, Any]
    properties: Mapping[str, Any]
    dependencies: tuple[str, ...]
    policy: str
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    changed: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a stack or one of its resources."""

    logical: str
    physical: str
    type: str
    status: str
    reason: str
    time: datetime
    id: str


@dataclass(slots=True, eq=False)
class Stack:
    """A stack; it is told to change by one thread at a time."""

    id: str
    name: str
    created: datetime
    target: Target | None = None
    status: str = REVIEW
    reason: str = ""
    updated: datetime | None = None
    deleted: datetime | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def tell(self, status: str, reason: str = "") -> None:
        """The stack as a whole is in another state."""
        self.status, self.reason = status, reason
        self._happen(self.name, self.id, "AWS::CloudFormation::Stack", status, reason)

    def tell_of(self, resource: Resource, status: str, reason: str = "") -> None:
        """One of its resources is."""
        resource.status, resource.reason, resource.changed = status, reason, now()
        self._happen(resource.logical, resource.made.id, resource.type, status, reason)

    def _happen(self, logical: str, physical: str, kind: str, status: str, reason: str) -> None:
        happened = Event(logical, physical, kind, status, reason, now(), str(uuid.uuid4()))
        self.events.append(happened)


@dataclass(slots=True)
class ChangeSet:
    """What would be done to a stack."""

    id: str
    name: str
    kind: str
    stack: Stack
    target: Target
    changes: list[Change]
    created: datetime
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"


@dataclass(frozen=True, slots=True)
class Stacks:
    """All stacks of an account and a region, those deleted among them."""

    account: str
    region: str
    all: dict[str, Stack] = field(default_factory=dict)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)

    def find(self, name: str) -> Stack | None:
        """A stack by its name, or one that may be deleted by its id."""
        for stack in self.all.values():
            if stack.id == name or (stack.name == name and stack.status != DELETED):
                return stack
        return None

    def get(self, name: str) -> Stack:
        """The stack.

        Raises:
            InvalidError: there is none.
        """
        stack = self.find(name)
        if stack is None:
            raise InvalidError(f"Stack with id {name} does not exist")
        return stack

    def add(self, name: str) -> Stack:
        """A new stack, without anything in it."""
        stack = Stack(self.arn(f"stack/{name}"), name, now())
        self.all[stack.id] = stack
        return stack

    def get_change_set(self, name: str, stack: str | None) -> ChangeSet:
        """A change set, by its id, or by its name and its stack's.

        Raises:
            MissingChangeSetError: there is none.
        """
        for each in reversed(self.change_sets.values()):
            named = each.name == name and stack in {each.stack.name, each.stack.id}
            if each.id == name or named:
                return each
        raise MissingChangeSetError(f"ChangeSet [{name}] does not exist")

    def arn(self, path: str) -> str:
        """A new id for what has this path."""
        return f"arn:aws:cloudformation:{self.region}:{self.account}:{path}/{uuid.uuid4()}"


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)
