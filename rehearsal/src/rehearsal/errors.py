"""What can go wrong in a rehearsal, apart from what is rehearsed."""

from __future__ import annotations


class RehearsalError(Exception):
    """A fault that is told in one line: what it is about, and what to do."""
