"""A real file system of 256 KiB: root, for whom permissions are nothing, can fill it too."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def small_volume(folder: Path) -> Iterator[Path]:
    """Mount it at a new folder; where that is not permitted, skip, or fail if REQUIRE_MOUNT=1."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)  # noqa: S607 -- where it is differs


def make_read_only(volume: Path) -> None:
    _mount("-o", "remount,ro", str(volume))


def _mount(*arguments: str) -> None:
    try:
        result = subprocess.run(
            ["mount", *arguments],  # noqa: S607 -- where it is differs
            capture_output=True,
            text=True,
            check=False,
        )
        reason = result.stderr.strip() if result.returncode else ""
    except FileNotFoundError:
        reason = "there is no mount command"
    if reason and os.environ.get("REQUIRE_MOUNT") == "1":
        pytest.fail(f"a test volume cannot be mounted: {reason}")
    if reason:
        pytest.skip(f"a test volume cannot be mounted: {reason}")
