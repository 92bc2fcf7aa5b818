"""The drills' figures: each is held against its bound, printed, and kept for the summary."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """What a drill has measured, and what was wanted."""

    drill: str
    measured: str
    wanted: str

    def __str__(self) -> str:
        return f"drill {self.drill}: {self.measured} (wanted {self.wanted})"


def write_figures(figures: list[Figure], path: Path) -> None:
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")
