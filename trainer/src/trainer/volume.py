"""Durable changes to the model volume, whole or not at all, on a local disk as on NFS."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from trainer.errors import SettingsError, TemporaryError
from trainer.settings import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAGING = ".staging-"
LOCK = ".lock"

# Nothing is staged for longer than minutes. Age tells a dead process on another host as well,
# which a process id does not, and a volume that is mounted without locks, which a lock does not.
STALE_SECONDS = 24 * 60 * 60

_REMEDIES = {
    errno.ENOSPC: "free some space there (`trainer prune --keep 1` removes old versions)",
    errno.EDQUOT: "raise the quota or free some space (`trainer prune --keep 1`)",
    errno.EROFS: "mount the volume writable for the trainer",
    errno.EACCES: "let the trainer's user write there",
    errno.EPERM: "let the trainer's user write there",
}
_OTHER_REMEDY = "see that the volume is there and healthy"


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
def told_in_one_line(folder: Path, action: str) -> Iterator[None]:
    """Turn a volume's failure into one line that names the folder and the remedy.

    Raises:
        TemporaryError: for any OSError, the full and the read-only volume included: the work
            that was to be written is still there, and the same command succeeds once the volume
            is mended.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, _OTHER_REMEDY)
        reason = error.strerror or str(error)
        raise TemporaryError(
            f"{folder}: cannot {action}: {reason}; {remedy}, then try again"
        ) from error


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


def staging_path(folder: Path) -> Path:
    """A path beside the versions that nothing else uses and that readers ignore."""
    return folder / f"{STAGING}{secrets.token_hex(8)}"


def write_file(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        sync_file(file.fileno())


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file in one step: a reader, or a power cut, sees the old one or the new one."""
    with staging(path.parent) as temporary:
        write_file(temporary, data)
        temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's entries are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def sync_file(descriptor: int) -> None:
    """Wait until what was written to the open file is on the disk."""
    os.fsync(descriptor)


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
