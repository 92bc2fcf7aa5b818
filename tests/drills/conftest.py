"""What the drills share: one compose project, its publisher, and the figures that they print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from figures import Figure, write_figures
from requirements import require_engine
from stack import GOLDEN, running_publisher, running_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stack import Publisher, Stack

FIGURES = pytest.StashKey[list[Figure]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("drills")
    group.addoption("--full", action="store_true", help="drills at their full length")
    group.addoption("--figures", type=Path, help="write the drills' figures there, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    figures = config.stash[FIGURES]
    if not figures:
        return
    terminalreporter.section("drills")
    for figure in figures:
        terminalreporter.write_line(str(figure))
    path: Path | None = config.getoption("--figures", default=None)
    if path:
        write_figures(figures, path)


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Callable[[str, str, str], None]:
    """Keeps a drill's figure, before it is held against its bound."""

    def report(drill: str, measured: str, wanted: str) -> None:
        pytestconfig.stash[FIGURES].append(Figure(drill, measured, wanted))

    return report


@pytest.fixture(scope="session")
def full(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("--full", default=False))


@pytest.fixture(scope="session")
def engine() -> None:
    require_engine()


@pytest.fixture(scope="session")
def stack(engine: None) -> Iterator[Stack]:  # noqa: ARG001 - nothing is started without one
    with running_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
def publisher(stack: Stack) -> Iterator[Publisher]:
    """It has published a first version."""
    with running_publisher(stack) as publisher:
        publisher.publish()
        stack.wait_until_ready()
        yield publisher


@pytest.fixture(scope="session")
def image() -> bytes:
    """A red picture."""
    return (GOLDEN / "1/sample-red.png").read_bytes()
