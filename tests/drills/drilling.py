"""What the drills share: one compose project, and its publisher."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backend import running_backend
from engine import require_docker
from publishing import GOLDEN, running_publisher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backend import Backend
    from publishing import Publisher


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("drills")
    group.addoption("--full", action="store_true", help="drills at their full length")


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
