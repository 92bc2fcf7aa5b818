"""What the user is told: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

FIRST_SECONDS = 2.0
SECONDS_BETWEEN_LINES = 10.0


def say(text: str) -> None:
    """Tells the user something."""
    _write(sys.stderr, f"{text}\n")


def tell(text: str) -> None:
    """Gives a line of the result."""
    _write(sys.stdout, f"{text}\n")


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
        so_far = f"{files:,} of {of_files:,} files, {megabytes}"
        _write(sys.stderr, f"{start}{self._title}: {so_far}{end}")

    def close(self) -> None:
        """Leaves the line that was shown last."""
        if self._live and self._shown:
            say("")


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:  # as of `| head -1`: what was asked for is done all the same
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
