"""Durable changes to files, whole or not at all, on volumes that may be full, read-only or gone."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from trainer import hints
from trainer.errors import TemporaryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAGING = ".staging-"  # what a reader ignores

_REMEDIES = {
    errno.ENOSPC: "make room on the full disk (`{prune}` removes old versions)",
    errno.EDQUOT: "raise the quota or make room (`{prune}` removes old versions)",
    errno.EROFS: "mount the volume writable for the trainer",
    errno.EACCES: "let the trainer's user write there",
    errno.EPERM: "let the trainer's user write there",
    errno.ENOTDIR: "move the file away that stands in the folder's place",
    errno.EEXIST: "move the file away that stands in the folder's place",
}
_OTHER_REMEDY = "see that the volume is there and healthy"


@contextmanager
def writing(folder: Path, action: str = "write") -> Iterator[None]:
    """Turn a volume's failure into one line that names the folder and the remedy.

    Args:
        folder: what is written to.
        action: what cannot be done, for the message.

    Raises:
        TemporaryError: for any OSError, the full and the read-only volume included: what was to
            be written is not lost, and the same command succeeds once the volume is mended.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, _OTHER_REMEDY)
        remedy = remedy.format(prune=hints.command("prune", "--keep", "1"))
        reason = error.strerror or str(error)
        raise TemporaryError(
            f"{folder}: cannot {action}: {reason}; {remedy}, then try again"
        ) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, which the system frees even when the process is killed.

    Raises:
        TemporaryError: another process holds it, or the folder cannot be written.
    """
    with writing(path.parent):
        file = path.open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TemporaryError(
                f"{path.parent}: another trainer is writing here; wait for it and retry"
            ) from error
        if not _is_at(path, file.fileno()):  # removed by its holder after it was opened here
            raise TemporaryError(f"{path.parent}: another trainer was writing here; retry")
        yield


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def staging_path(folder: Path) -> Path:
    """A path in the folder that nothing else uses and that readers ignore."""
    return folder / f"{STAGING}{secrets.token_hex(8)}"


def write_durably(path: Path, data: bytes) -> None:
    """Write a new file and wait until it is on the disk; after a failure there is none."""
    try:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file in one step: a reader, or a power cut, sees the old one or the new one."""
    staged = staging_path(path.parent)
    try:
        write_durably(staged, data)
        staged.replace(path)
    finally:
        with suppress(OSError):
            staged.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's entries are on the disk, so that renames survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
