"""What a drill needs of the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import NoReturn


def require_engine() -> None:
    """A Docker engine that answers; without one skip, or fail if REQUIRE_DOCKER=1."""
    asked = ["docker", "version", "--format", "{{.Server.Version}}"]
    if not shutil.which("docker") or subprocess.run(asked, capture_output=True).returncode:  # noqa: PLW1510 - that it fails is looked at
        unmet("there is no Docker engine that answers", "REQUIRE_DOCKER")


def unmet(reason: str, variable: str) -> NoReturn:
    """Skip, or fail where the variable says that it must be there."""
    if os.environ.get(variable) == "1":
        pytest.fail(reason)
    pytest.skip(reason)
