"""A volume that can hang as NFS does: a FUSE file system whose process is stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import unmet, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER = 10001  # of the containers


@dataclass(frozen=True, slots=True)
class NetworkVolume:
    """Where it is mounted, and the process that answers for it."""

    mounted: Path
    process: subprocess.Popen[bytes]

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Every access waits until the block ends."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def network_volume(folder: Path) -> Iterator[NetworkVolume]:
    """A mounted one; where that is not possible, skip, or fail if REQUIRE_MOUNT=1."""
    if os.geteuid() != 0 or not shutil.which("bindfs"):
        unmet("a volume that hangs needs bindfs, and root to mount it", "REQUIRE_MOUNT")
    kept, mounted = folder / "kept", folder / "mounted"
    for each in (kept, mounted):
        each.mkdir()
        os.chown(each, USER, USER)
    process = subprocess.Popen(["bindfs", "-f", kept, mounted])  # noqa: S607 - where it is differs
    try:
        wait_until(mounted.is_mount, "the mount")
        yield NetworkVolume(mounted, process)
    finally:
        process.terminate()  # which unmounts
        process.wait()
