"""Progress for people: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Protocol

import rich.console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS_BETWEEN_LINES = 10.0

_log = logging.getLogger(__name__)


class Tell(Protocol):
    """Says how far something is."""

    def __call__(self, done: int, total: int | None, note: str = "") -> None:
        """So many of so many, the latter None when it is not known yet."""


@contextmanager
def progress(title: str) -> Iterator[Tell]:
    """A bar that stays for the length of the block, where stderr is a terminal."""
    console = rich.console.Console(stderr=True)
    if not console.is_terminal:
        yield _lines(title)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TextColumn("{task.fields[note]}"),
        TextColumn("·"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        task = bars.add_task(title, total=None, count="", note="")

        def tell(done: int, total: int | None, note: str = "") -> None:
            count = f"{done:,}" if total is None else f"{done:,}/{total:,}"
            bars.update(task, completed=done, total=total, count=count, note=note)

        yield tell


def _lines(title: str) -> Tell:
    last = monotonic()

    def tell(done: int, total: int | None, note: str = "") -> None:
        nonlocal last
        if monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = monotonic()
            of = "" if total is None else f" of {total:,}"
            _log.info("%s: %s%s%s", title, f"{done:,}", of, f", {note}" if note else "")

    return tell
