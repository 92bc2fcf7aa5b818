"""The stand-ins, started once for all whole rehearsals."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from program import PROGRAM, Program

from rehearsal.stand_ins import stand_ins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from rehearsal.stand_ins import Rehearsal


@pytest.fixture(scope="session")
def stand_in() -> Iterator[Rehearsal]:
    """Where what a cluster is made with is missing, the tests skip, or fail if told to."""
    for program in ("docker", "kind", "ctlptl", "kubectl", "helm"):
        if shutil.which(program) is None:
            unmet(f"there is no {program} on the PATH")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:  # noqa: S607 -- on the PATH
        unmet("there is no Docker engine that answers `docker info`")
    if not PROGRAM.is_file():
        unmet(f"{PROGRAM} is not there; `./noxw -s env_deploy` installs it")
    with (
        tempfile.TemporaryDirectory(prefix="rehearsal-") as folder,
        stand_ins(Path(folder)) as started,
    ):
        yield started


@pytest.fixture(scope="session")
def eks(stand_in: Rehearsal) -> Program:
    """The program, for the one deployment that all tests share."""
    return Program(stand_in.environment, stand_in.arguments, f"rehearsal-{os.getpid()}")


def unmet(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_KIND") == "1":
        pytest.fail(f"{reason}, and REQUIRE_KIND=1")
    pytest.skip(reason)
