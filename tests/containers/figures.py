"""Measured figures: each is kept for the summary before it is held against its bound."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and what was wanted."""

    name: str
    measured: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.name}: {self.measured} (wanted {self.wanted})"


FIGURES = pytest.StashKey[list[Figure]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--figures", type=Path, help="write what was measured there, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    figures = config.stash[FIGURES]
    if figures:
        terminalreporter.section("figures")
    for figure in figures:
        terminalreporter.write_line(str(figure))
    path: Path | None = config.getoption("--figures")
    if path:
        path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Callable[[str, str, str], None]:
    """Keeps a figure: its name, what was measured, what was wanted."""

    def report(name: str, measured: str, wanted: str) -> None:
        pytestconfig.stash[FIGURES].append(Figure(name, measured, wanted))

    return report
