"""What a look before the start finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the user should know before anything is made.

    Attributes:
        what: is found, in one line.
        remedy: what to do; empty when there is nothing to do.
        is_fatal: whether the deployment cannot begin.
    """

    what: str
    remedy: str = ""
    is_fatal: bool = True

    def __str__(self) -> str:
        """As it is told, in one line."""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{'fault' if self.is_fatal else 'note'}: {self.what}{remedy}"


def refuse(findings: Iterable[Finding]) -> None:
    """Ends it here, if one of them is fatal.

    Raises:
        UsageError: one is; all of them are told by then.
    """
    fatal = sum(each.is_fatal for each in findings)
    if fatal:
        faults = "1 fault" if fatal == 1 else f"{fatal} faults"
        raise UsageError(f"{faults}, told above; nothing was made or changed")
