"""Programs that are run to their end."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECONDS = 600.0  # after which a program is taken to hang
_OWN = {"HOME", "PATH", "TMPDIR"}  # and DOCKER_HOST and the like


def run(
    *command: str,
    given: str = "",
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """What a program writes to stdout.

    It gets nothing of the user's own settings but what leads to programs and to Docker.

    Args:
        command: the program and its arguments.
        given: to its stdin.
        environment: what it needs besides.
        folder: that it works in.

    Raises:
        RehearsalError: it is not there, or it fails.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=own_environment() | dict(environment or {}),
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except OSError as error:
        raise RehearsalError(
            f"{command[0]}: cannot be started ({error.strerror}); install it, or put it on the PATH"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise RehearsalError(f"{_title(command)}: not done within {SECONDS:.0f} s") from error
    if done.returncode != 0:
        told = " | ".join(done.stderr.strip().splitlines()[-5:])
        raise RehearsalError(f"{_title(command)}: {told or f'ends with {done.returncode}'}")
    return done.stdout.strip()


def own_environment() -> dict[str, str]:
    """What leads to programs and to Docker."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _OWN or name.startswith("DOCKER_")
    }


def _title(command: tuple[str, ...]) -> str:
    return " ".join(command[:3])
