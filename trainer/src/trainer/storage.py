"""Writing to volumes that may be full, read-only or gone."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trainer.errors import SettingsError, TemporaryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Tell a failed write below `folder` in one line.

    Raises:
        TemporaryError: the disk is full, or the volume failed.
        SettingsError: the folder cannot be written at all.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise TemporaryError(f"{folder}: the disk is full; make room and retry") from error
        if error.errno in _REFUSED:
            raise SettingsError(
                f"{folder}: cannot be written ({error.strerror}); make it writable, or use another"
            ) from error
        raise TemporaryError(f"{folder}: cannot be written ({error.strerror})") from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, which the system frees even when the process is killed.

    Raises:
        TemporaryError: another process holds it.
        SettingsError: the folder cannot be written.
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
        yield


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that after a crash it is whole or absent; `path` must be free."""
    try:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
