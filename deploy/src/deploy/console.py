"""What the user is told: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
import time

FIRST_SECONDS = 2.0
SECONDS_BETWEEN_LINES = 10.0


def say(text: str) -> None:
    """Tells the user something."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def tell(text: str) -> None:
    """Gives a line of the result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Progress:
    """How far a copy is: nothing when it is short, one line that changes where it is a terminal.

    Args:
        title: what is done.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._live = sys.stderr.isatty()
        self._next = time.monotonic() + FIRST_SECONDS
        self._shown = False

    def __call__(self, files: int, size: int, of_files: int, of_size: int) -> None:
        """So many files of so many bytes in all, of so many."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + (0.2 if self._live else SECONDS_BETWEEN_LINES)
        self._shown = True
        start, end = ("\r", "\x1b[K") if self._live else ("", "\n")
        megabytes = f"{size / 1e6:,.0f} of {of_size / 1e6:,.0f} MB"
        sys.stderr.write(f"{start}{self._title}: {files:,} of {of_files:,} files, {megabytes}{end}")
        sys.stderr.flush()

    def close(self) -> None:
        """Leaves the line that was shown last."""
        if self._live and self._shown:
            sys.stderr.write("\n")
