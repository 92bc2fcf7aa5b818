"""One published version, and the pointer to the current one, read without trusting either."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trainer import hints
from trainer.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import BufferedReader
    from pathlib import Path

FORMAT = 1
MANIFEST = "manifest.json"
POINTER = "current.json"
MODEL = "model.onnx"
MANIFEST_LIMIT = 4 * 2**20  # bytes; 10,000 classes need about a quarter of it
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
SHA256 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]*")


class NewerFormatError(DataError):
    """A newer trainer wrote this; an older one must neither guess at it nor replace it."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """What the manifest says of one file: its size in bytes and its SHA-256 in hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it lies in the repository.

    Attributes:
        problem: why it cannot be used, in one line; None when nothing is known against it.
            What could not be read is empty then.
        manifest_sha256: of the manifest's bytes, in hex.
        is_current: current.json names it.
    """

    folder: Path
    number: int
    created: str = ""
    manifest: Mapping[str, object] = field(default_factory=dict)
    manifest_sha256: str = ""
    files: Mapping[str, ListedFile] = field(default_factory=dict)
    is_current: bool = False
    problem: str | None = None

    @property
    def size(self) -> int:
        """Bytes of the files that the manifest lists."""
        return sum(file.size for file in self.files.values())


@dataclass(frozen=True, slots=True)
class Pointer:
    """What current.json says: the version to serve and the SHA-256 of its manifest."""

    version: int
    manifest_sha256: str

    def encode(self) -> bytes:
        """The bytes of current.json."""
        return encode_json(
            {"format": FORMAT, "version": self.version, "manifest_sha256": self.manifest_sha256}
        )


def numbers(folder: Path) -> tuple[int, ...]:
    """The numbers that are taken, newest first, whatever it is that takes them."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return ()
    return tuple(sorted((int(name) for name in names if _NUMBER.fullmatch(name)), reverse=True))


def read_pointer(folder: Path) -> Pointer | None:
    """The pointer of a model, or None when it has none.

    Raises:
        DataError: it is no pointer.
        NewerFormatError: it has a higher format.
        OSError: the volume failed.
    """
    try:
        content, _ = _read_json(folder / POINTER)
        return _pointer(content)
    except FileNotFoundError:
        return None
    except NewerFormatError:
        raise
    except DataError as error:
        mends = hints.command("rollback", "VERSION", model_name=folder.name)
        raise DataError(f"{folder}: {error}; `{mends}` mends it") from error


def read_version(folder: Path, number: int, pointer: Pointer | None) -> Version:
    """A version by its manifest and the sizes of its files; a broken one comes with its problem.

    Contents are not read: see `verified`.
    """
    version = Version(
        folder=folder / str(number),
        number=number,
        is_current=pointer is not None and pointer.version == number,
    )
    try:
        return _with_manifest(version, folder.name, pointer)
    except DataError as error:
        return replace(version, problem=str(error))
    except OSError as error:
        return replace(version, problem=f"{MANIFEST} cannot be read: {error.strerror}")


def verified(version: Version) -> Version:
    """The version with every file read and compared with the manifest's SHA-256."""
    for name, listed in version.files.items():
        if version.problem is None and _sha256(version.folder / name) != listed.sha256:
            return replace(version, problem=f"{name} is not the file that was published")
    return version


def encode_json(content: Mapping[str, object]) -> bytes:
    """Strict JSON, indented, for people read it too.

    Raises:
        ValueError: a number is not finite.
    """
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _pointer(content: Mapping[str, Any]) -> Pointer:
    version, digest = content.get("version"), content.get("manifest_sha256")
    if type(version) is not int or not 1 <= version < 2**53 or not _is_sha256(digest):
        raise DataError(f"{POINTER} names no version")
    return Pointer(version, str(digest))


def _with_manifest(version: Version, name: str, pointer: Pointer | None) -> Version:
    if not stat.S_ISDIR(version.folder.lstat().st_mode):
        raise DataError("it is no folder")
    manifest, digest = _read_json(version.folder / MANIFEST)
    number = manifest.get("version")
    if manifest.get("name") != name or type(number) is not int or number != version.number:
        raise DataError(f"{MANIFEST} is of another model or version")
    if version.is_current and pointer is not None and pointer.manifest_sha256 != digest:
        raise DataError(f"{MANIFEST} is not the one that {POINTER} names")
    created = manifest.get("created")
    if not isinstance(created, str) or not _TIME.fullmatch(created):
        raise DataError(f"{MANIFEST} has no time of creation")
    files = _listed_files(manifest.get("files"))
    for file, listed in files.items():
        _check_size(version.folder / file, listed.size)
    return replace(
        version,
        created=created,
        manifest=manifest,
        manifest_sha256=digest,
        files=files,
    )


def _read_json(path: Path) -> tuple[dict[str, Any], str]:
    with _open_regular(path) as file:
        data = file.read(MANIFEST_LIMIT + 1)
    if len(data) > MANIFEST_LIMIT:
        raise DataError(f"{path.name} is larger than {MANIFEST_LIMIT:,} bytes")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path.name} is no JSON") from error
    written = content.get("format") if isinstance(content, dict) else None
    if type(written) is not int or written < 1:
        raise DataError(f"{path.name} has no format")
    if written > FORMAT:
        raise NewerFormatError(
            f"{path.name} has format {written}, this trainer knows {FORMAT}: use a newer trainer"
        )
    return content, hashlib.sha256(data).hexdigest()


def _listed_files(entries: object) -> dict[str, ListedFile]:
    if not isinstance(entries, dict) or MODEL not in entries:
        raise DataError(f"{MANIFEST} lists no {MODEL}")
    return {name: _listed_file(name, entry) for name, entry in entries.items()}


def _listed_file(name: str, entry: object) -> ListedFile:
    size = entry.get("bytes") if isinstance(entry, dict) else None
    digest = entry.get("sha256") if isinstance(entry, dict) else None
    if not FILE_NAME.fullmatch(name) or type(size) is not int or not _is_sha256(digest):
        raise DataError(f"{MANIFEST} lists {name!r} without a proper name, size and sha256")
    return ListedFile(size, str(digest))


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def _check_size(path: Path, size: int) -> None:
    try:
        status = path.lstat()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{path.name} is no regular file")
    if status.st_size != size:
        raise DataError(f"{path.name} has {status.st_size:,} bytes instead of {size:,}")


def _sha256(path: Path) -> str | None:
    try:
        with _open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (DataError, OSError):
        return None


def _open_regular(path: Path) -> BufferedReader:
    # A link could lead out of the repository, and opening a pipe could wait for ever.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DataError(f"{path.name} is no regular file") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DataError(f"{path.name} is no regular file")
    return os.fdopen(descriptor, "rb")
