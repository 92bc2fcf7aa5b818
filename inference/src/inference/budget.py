"""What may be held at a time, by all requests together; more is refused at once."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inference.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Budget:
    """So much of something, and how much of it is taken; for use in one event loop."""

    size: int
    taken: int = 0

    @contextlib.contextmanager
    def lease(self) -> Iterator[Lease]:
        """A part that grows as it is taken, and is given back at the end."""
        lease = Lease(self)
        try:
            yield lease
        finally:
            self.taken -= lease.taken


@dataclass(slots=True)
class Lease:
    """A request's part of a budget."""

    budget: Budget
    taken: int = 0

    def take(self, amount: int) -> None:
        """Take more.

        Raises:
            BusyError: there is not so much left.
        """
        if self.budget.taken + amount > self.budget.size:
            raise BusyError("too much is being worked on: try again in a second")
        self.budget.taken += amount
        self.taken += amount
