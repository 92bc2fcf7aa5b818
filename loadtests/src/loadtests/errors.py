"""What can go wrong."""

from __future__ import annotations

BAD_USAGE = 2
UNREACHABLE = 75  # sysexits.h's EX_TEMPFAIL: another try may succeed


class LoadError(Exception):
    """A fault that is told to the user in one line.

    Attributes:
        exit_code: what the command ends with.
    """

    def __init__(self, message: str, exit_code: int = BAD_USAGE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class AnswerError(Exception):
    """A request that got no right answer; faults of one text are counted as one."""
