"""Reads a model's folder in the repository, and trusts nothing in it.

Every call may block for as long as the volume does. An `OSError` is the volume's fault, or that
of a version that is still being copied, and may pass; a `RepositoryError` stays until somebody
changes a file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from inference.manifest import (
    MODEL_FILE,
    RepositoryError,
    parse_manifest,
    parse_pointer,
    read_document,
)

if TYPE_CHECKING:
    from pathlib import Path

    from inference.manifest import (
        File,
        Manifest,
        Pointer,
    )

#: Something that changes when a file or folder does.
Mark = tuple[tuple[str, int, int, int], ...]

#: The name of a version's folder.
VERSION = re.compile(r"[1-9][0-9]{0,8}")
_MOST_JSON_BYTES = 4 * 1024 * 1024
_MOST_MODEL_BYTES = 1024**3
_BLOCK = 256 * 1024
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Repository:
    """The folder `<MODEL_DIR>/<MODEL_NAME>`."""

    folder: Path

    def pointer(self) -> Pointer | None:
        """The version to serve; `None` when nothing was published yet.

        Raises:
            RepositoryError: current.json cannot be used.
            OSError: the volume cannot be read.
        """
        raw = self._read_json("current.json")
        return None if raw is None else parse_pointer(raw)

    def training(self) -> bytes | None:
        """What the trainer is doing, as it wrote it; `None` when it never ran.

        Raises:
            RepositoryError: training.json cannot be used.
            OSError: the volume cannot be read.
        """
        raw = self._read_json("training.json")
        if raw is not None:
            read_document(raw, "training.json")
        return raw

    def versions(self) -> list[int]:
        """Published versions, the newest first; staging folders are passed over.

        Raises:
            OSError: the volume cannot be read.
        """
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        return sorted((int(name) for name in names if VERSION.fullmatch(name)), reverse=True)

    def manifest(self, version: int) -> Manifest:
        """The version's manifest, without a look at the files that it lists.

        Raises:
            RepositoryError: it cannot be used.
            OSError: it cannot be read.
        """
        with self.open(version, "manifest.json") as file:
            raw = _read_all(file, "manifest.json")
        return parse_manifest(raw, self.folder.name, version)

    def manifest_mark(self, version: int) -> Mark:
        """Changes when the version's manifest does.

        Raises:
            OSError: it cannot be read.
        """
        path = self.folder / str(version) / "manifest.json"
        return (_mark(path.name, path.lstat()),)

    def mark(self, version: int) -> Mark:
        """Changes when any file of the version does.

        Raises:
            OSError: the version cannot be read.
        """
        with os.scandir(self.folder / str(version)) as entries:
            return tuple(
                sorted(_mark(entry.name, entry.stat(follow_symlinks=False)) for entry in entries)
            )

    def verified_model(self, manifest: Manifest) -> bytes:
        """The version's model.onnx, after every file that the manifest lists was verified.

        Raises:
            RepositoryError: a file is not what the manifest says, or is no plain file.
            OSError: a file cannot be read.
        """
        if manifest.files[MODEL_FILE].bytes > _MOST_MODEL_BYTES:
            raise RepositoryError(f"{MODEL_FILE} is larger than {_MOST_MODEL_BYTES} bytes")
        model = b""
        for name, expected in manifest.files.items():
            with self.open(manifest.version, name, expected) as file:
                model = _verified(file, name, expected) or model
        return model

    def open(self, version: int, name: str, expected: File | None = None) -> BinaryIO:
        """Open a file of a version, following no link.

        Args:
            version: whose folder it is in.
            name: as the manifest lists it.
            expected: the size that it must have, if that is known.

        Raises:
            RepositoryError: it is no plain file, or not of this size.
            OSError: it cannot be read.
        """
        file = _open(self.folder / str(version), name)
        size = os.fstat(file.fileno()).st_size
        if expected is not None and size != expected.bytes:
            file.close()
            raise RepositoryError(f"{name} has {size} bytes, not {expected.bytes}")
        return file

    def _read_json(self, name: str) -> bytes | None:
        try:
            with _open(self.folder, name, links=True) as file:
                return _read_all(file, name)
        except FileNotFoundError:
            return None


def _open(folder: Path, name: str, *, links: bool = False) -> BinaryIO:
    """Open a plain file; neither it nor, unless `links`, its folder may be a link."""
    try:
        flags = _FOLDER_FLAGS & ~os.O_NOFOLLOW if links else _FOLDER_FLAGS
        at = os.open(folder, flags)
        try:
            handle = os.open(name, _FILE_FLAGS, dir_fd=at)
        finally:
            os.close(at)
    except OSError as error:
        # Linux says ENOTDIR of a link that was to be opened as a folder.
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise RepositoryError(f"{name} is a link, or in no plain folder") from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise RepositoryError(f"{name} is no plain file")
    return cast("BinaryIO", os.fdopen(handle, "rb", buffering=0))


def _read_all(file: BinaryIO, name: str) -> bytes:
    content = bytearray()
    while block := file.read(_BLOCK):
        content += block
        if len(content) > _MOST_JSON_BYTES:
            raise RepositoryError(f"{name} is larger than {_MOST_JSON_BYTES} bytes")
    return bytes(content)


def _verified(file: BinaryIO, name: str, expected: File) -> bytes | None:
    """Check the contents; give those of the model, which must not be read a second time."""
    digest, content = hashlib.sha256(), bytearray()
    while block := file.read(_BLOCK):
        digest.update(block)
        if name == MODEL_FILE:
            content += block
    if digest.hexdigest() != expected.sha256:
        raise RepositoryError(f"{name} does not have the sha256 that the manifest says")
    return bytes(content) if name == MODEL_FILE else None


def _mark(name: str, found: os.stat_result) -> tuple[str, int, int, int]:
    return name, found.st_ino, found.st_size, found.st_mtime_ns
