"""The model volume: its folders, its one writer, and what is staged there and removed again."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from trainer.errors import SettingsError
from trainer.settings import NAME
from trainer.storage import STAGING, staging_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = ".lock"

# Nothing is staged for longer than minutes. Age tells a dead process on another host as well,
# which a process id does not, and a volume that is mounted without locks, which a lock does not.
STALE_SECONDS = 24 * 60 * 60


def model_folder(model_dir: Path, name: str) -> Path:
    """The folder of a model's versions, which may not be there yet.

    Raises:
        SettingsError: the name could lead out of `model_dir`, or is no name.
    """
    if not NAME.fullmatch(name):
        raise SettingsError(
            f"model name {name!r}: use 1 to 64 letters, digits, dots, dashes or underscores, "
            "the first a letter or digit"
        )
    return model_dir / name


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's one writer's lock; the kernel frees it when its holder dies.

    A lock file and not the folder itself: NFS turns `flock` into a byte-range lock, which needs
    a file that is open for writing.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder / LOCK, flags, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A new path beside the versions that readers ignore; whatever is left there is removed."""
    path = staging_path(folder)
    try:
        yield path
    finally:
        remove(path)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder as far as the volume lets us; links are not followed."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def remove_stale(folder: Path) -> None:
    """Remove what dead processes left in staging."""
    for path in folder.glob(f"{STAGING}*"):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > STALE_SECONDS:
                remove(path)
