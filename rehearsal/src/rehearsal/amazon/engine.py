"""What changes stacks.

As with Amazon's, a call returns at once and a thread goes on: what it does is told by the stack's
status and events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal.amazon.changes import find_changes
from rehearsal.amazon.faulty import InvalidError
from rehearsal.amazon.providers import Clients
from rehearsal.amazon.work import Work

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rehearsal.amazon.providers import Provider
    from rehearsal.amazon.stacks import Stack, Stacks
    from rehearsal.amazon.targets import Target
    from rehearsal.faults import Faults


@dataclass(frozen=True, slots=True)
class Engine:
    """What changes stacks.

    Attributes:
        providers: by type.
        endpoint: where the services answer.
    """

    stacks: Stacks
    providers: Mapping[str, Provider]
    faults: Faults
    endpoint: str

    def bring(self, stack: Stack, target: Target, caller: str) -> None:
        """Creates or updates a stack, in a thread of its own."""
        word = "UPDATE" if stack.target else "CREATE"
        before, stack.target = stack.target, stack.target or target
        stack.tell(f"{word}_IN_PROGRESS", "User Initiated")
        self._work(stack, caller).start(lambda work: work.bring(before, target))

    def bring_back(self, stack: Stack, caller: str) -> None:
        """Brings a stack to what it was before an update that failed, in a thread of its own."""
        before = stack.target
        stack.tell("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        self._work(stack, caller).start(lambda work: work.bring_back(before))

    def delete(self, stack: Stack, caller: str, retain: Collection[str]) -> None:
        """Deletes a stack, in a thread of its own.

        Raises:
            InvalidError: resources are to be kept of a stack whose deletion has not failed.
        """
        if retain and stack.status != "DELETE_FAILED":
            raise InvalidError(
                f"Stack [{stack.name}] is not in DELETE_FAILED: RetainResources cannot be given"
            )
        stack.tell("DELETE_IN_PROGRESS", "User Initiated")
        self._work(stack, caller).start(lambda work: work.delete_all(retain))

    def _work(self, stack: Stack, caller: str) -> Work:
        clients = Clients(self.endpoint, caller, self.stacks.region)
        return Work(self.stacks.account, self.providers, self.faults, stack, clients)


def is_unchanged(stack: Stack, target: Target) -> bool:
    """Whether a target asks for nothing that the stack is not."""
    before = stack.target
    if before is None or find_changes(stack, target):
        return False
    return before.outputs(before.scope()) == target.outputs(target.scope())
