"""What happens to a stack: its events, followed until it is at rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.eks.account import told_in_one_line
from deploy.eks.waiting import Patience, wait_until_done
from deploy.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackEventTypeDef

CHANGE_SECONDS = 3600.0
MOST_TOLD = 3  # failed resources
STARTS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"})


def at_rest(status: str) -> bool:
    """Whether nothing goes on; a stack that waits for its first change set is at rest."""
    return status == "REVIEW_IN_PROGRESS" or not status.endswith("_IN_PROGRESS")


@dataclass
class History:
    """What happens to a stack from now on.

    Attributes:
        stack: its id, by which it is found also when it is deleted.
        what: is waited for, such as "stack ml-pipeline".
        is_begun: whether what is followed goes on already.
        status: of the stack, when it was looked at last.
    """

    client: CloudFormationClient
    stack: str
    what: str
    is_begun: bool = False
    status: str = field(init=False)
    _last: str | None = None  # the newest event that is known
    _failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Notes where the stack is now."""
        self.status = self._status()
        if not self.is_begun:
            self._last = next((each["EventId"] for each in self._newest_first()), None)

    def follow(self, seconds: float = CHANGE_SECONDS) -> str:
        """Waits until the stack is at rest, and tells what happens to it.

        Returns:
            Its status.

        Raises:
            DeployError: it takes too long; what goes on is not stopped.
        """
        wait_until_done(self.what, self._look, Patience(seconds))
        return self.status

    def fault(self) -> str:
        """What failed, and why, in one line."""
        told = self._failures[:MOST_TOLD]
        more = len(self._failures) - len(told)
        reasons = "; ".join(told) or "no reason is given"
        return f"{self.what} is {self.status}: {reasons}{f'; {more} more' if more else ''}"

    def _look(self) -> str | None:
        """The last that happened; None when nothing more will."""
        try:
            return self._last_news()
        except UnreachableError as error:  # what goes on does not need us to look
            return str(error)

    def _last_news(self) -> str | None:
        news, before = self._read(), self.status
        self.status = self._status()
        # Just after the start, the status may still be the one before.
        self.is_begun = self.is_begun or news is not None or self.status != before
        if self.is_begun and at_rest(self.status):
            self._read()
            return None
        return news or self.status

    def _read(self) -> str | None:
        """Notes what failed since the last time, and gives the last that happened."""
        new = list(self._new())
        if new:
            self._last = new[0]["EventId"]
        self._failures += [_told(each) for each in reversed(new) if self._is_failure(each)]
        return _told(new[0]) if new else None

    def _new(self) -> Iterator[StackEventTypeDef]:
        for event in self._newest_first():
            if event["EventId"] == self._last:
                return
            yield event
            if self._is_own(event) and event["ResourceStatus"] in STARTS:
                return  # what was before belongs to another change

    def _newest_first(self) -> Iterator[StackEventTypeDef]:
        with told_in_one_line("DescribeStackEvents"):
            for page in self.client.get_paginator("describe_stack_events").paginate(
                StackName=self.stack
            ):
                yield from page["StackEvents"]

    def _is_own(self, event: StackEventTypeDef) -> bool:
        return event.get("PhysicalResourceId") == self.stack

    def _is_failure(self, event: StackEventTypeDef) -> bool:
        """Whether a resource failed by itself, and not since another one had."""
        failed = event.get("ResourceStatus", "").endswith("_FAILED")
        cancelled = "cancelled" in event.get("ResourceStatusReason", "").lower()
        return failed and not cancelled and not self._is_own(event)

    def _status(self) -> str:
        with told_in_one_line("DescribeStacks"):
            [found] = self.client.describe_stacks(StackName=self.stack)["Stacks"]
        return found["StackStatus"]


def _told(event: StackEventTypeDef) -> str:
    name, kind = event.get("LogicalResourceId", ""), event.get("ResourceType", "")
    reason = " ".join(event.get("ResourceStatusReason", "").split())
    told = f"{name} ({kind}) {event.get('ResourceStatus', '')}"
    return f"{told}: {reason}" if reason else told
