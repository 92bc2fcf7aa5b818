"""What a look before the start finds."""

from __future__ import annotations

from dataclasses import dataclass


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
