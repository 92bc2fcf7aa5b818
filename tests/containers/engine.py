"""The Docker engine, and what a test skips or fails for where it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

SECONDS = 600.0
OWN = {"HOME", "PATH"}  # and DOCKER_HOST and the like


def require_docker() -> None:
    """A Docker engine that answers; without one skip, or fail if REQUIRE_DOCKER=1."""
    if shutil.which("docker") is None or start("docker", "info").returncode != 0:
        unmet("there is no Docker engine that answers `docker info`", "REQUIRE_DOCKER")


def unmet(reason: str, variable: str) -> NoReturn:
    """Skip, or fail where the variable says that it must be there."""
    if os.environ.get(variable) == "1":
        pytest.fail(f"{reason}, and {variable}=1")
    pytest.skip(reason)


def with_engine(given: Mapping[str, str]) -> dict[str, str]:
    """An environment of what leads to the engine and what is given; no setting of the user's."""
    own = {
        name: value
        for name, value in os.environ.items()
        if name in OWN or name.startswith("DOCKER_")
    }
    return own | dict(given)


def start(
    *command: str, environment: Mapping[str, str] | None = None, seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, however it ends, without the user's own settings."""
    return subprocess.run(
        command,
        env=with_engine(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def run(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """What a command writes to stdout; its failure fails the test."""
    done = start(*command, environment=environment)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def wait_until(
    condition: Callable[[], bool], what: str, seconds: float = 60.0, *, every: float = 0.05
) -> float:
    """How many seconds it took until the condition held."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"after {seconds:.0f} s still not: {what}"
        time.sleep(every)
    return time.monotonic() - began
