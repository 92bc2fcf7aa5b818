"""What can go wrong."""

from __future__ import annotations


class DemoError(Exception):
    """A fault that is told to the user in one line."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        """Keeps the line, and the code that the command ends with."""
        super().__init__(message)
        self.exit_code = exit_code
