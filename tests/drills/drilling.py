"""What the drills share: one compose project, its publisher, and the figures that they print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backend import running_backend
from engine import require_docker
from figures import Figure, write_figures
from publishing import GOLDEN, running_publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backend import Backend
    from publishing import Publisher


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
def docker_engine() -> None:
    require_docker()


@pytest.fixture(scope="session")
def backend(docker_engine: None) -> Iterator[Backend]:  # noqa: ARG001 - nothing starts without one
    with running_backend() as backend:
        yield backend


@pytest.fixture(scope="session")
def publisher(backend: Backend) -> Iterator[Publisher]:
    with running_publisher(backend) as publisher:
        yield publisher


@pytest.fixture(scope="session")
def image() -> bytes:
    """A red picture."""
    return (GOLDEN / "1/sample-red.png").read_bytes()
