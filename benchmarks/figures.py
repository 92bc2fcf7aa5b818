"""What a measurement gives, and how it is told."""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        what: is measured.
        value: with its unit.
        target: what it should be, with its unit.
        reached: whether it is.
        detail: of what the value is made.
    """

    what: str
    value: str
    target: str
    reached: bool
    detail: str = ""


def write_figures(figures: Sequence[Figure]) -> None:
    """Tells the figures on stdout, to the process that asked for them."""
    sys.stdout.write(json.dumps([asdict(figure) for figure in figures]) + "\n")


def read_figures(text: str) -> list[Figure]:
    """The figures that another process has told on its last line."""
    return [Figure(**record) for record in json.loads(text.splitlines()[-1])]


def spread(values: Sequence[float], unit: str, digits: int = 2) -> str:
    """Median, least and most of several passes."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f})"
