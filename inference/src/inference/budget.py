"""What may be held at a time, by all requests together; more is refused at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from inference.errors import BusyError

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(slots=True)
class Budget:
    """So much of something, and how much of it is taken; for use in one event loop."""

    size: int
    taken: int = 0

    def lease(self) -> Lease:
        """A part that grows as it is taken, and is given back at the end of its `with`."""
        return Lease(self)

    def require(self, amount: int) -> None:
        """See that there is so much left, without taking it.

        Raises:
            BusyError: there is not.
        """
        if self.taken + amount > self.size:
            raise BusyError("too much is being worked on: try again in a second")


@dataclass(slots=True)
class Lease:
    """A request's part of a budget."""

    budget: Budget
    taken: int = 0

    def __enter__(self) -> Self:
        """Nothing is taken yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give all of it back."""
        self.budget.taken -= self.taken
        self.taken = 0

    def take(self, amount: int) -> None:
        """Take more.

        Raises:
            BusyError: there is not so much left.
        """
        self.budget.require(amount)
        self.budget.taken += amount
        self.taken += amount
