"""Reading untrusted archives, member by member, without writing a file.

Nothing is ever extracted to a path that an archive names; names are still checked, since an
archive with a dangerous one is refused whole.
"""

from __future__ import annotations

import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

import zstandard

from trainer.errors import DataError
from trainer.manifests import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = "zip, tar, tar.gz, tar.xz and tar.zst"

_MAGIC_BYTES = 262
_HEADER_SLACK = 2**20  # what tar headers between two members may take
_MOST_NAME_LETTERS = 4096  # Linux's longest path


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold, at most.

    Attributes:
        members: files and folders.
        file_bytes: of one file.
        total_bytes: of all files.
        ratio: of all files to the archive, once the files exceed `free_bytes`; pictures hardly
            shrink, and DEFLATE reaches 1,032.
    """

    members: int = 5_000_000
    file_bytes: int = 64 * 2**20
    total_bytes: int = 2**40
    ratio: int = 100
    free_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of an archive."""

    name: str
    data: bytes


def read_archive(path: Path, limits: Limits | None = None) -> Iterator[Member]:
    """The regular files of a zip or tar archive, in its order.

    Raises:
        DataError: the archive is damaged, cut off, encrypted or of an unknown kind; it holds a
            link, a device or a name that leads elsewhere; or it is larger than the limits.
    """
    limits = limits or Limits()
    with _told(path), path.open("rb") as file:
        magic = file.read(_MAGIC_BYTES)
        file.seek(0)
        if magic.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield from _read_zip(file, path, limits)
        else:
            most = _most_bytes(path, limits)
            yield from _read_tar(_Bounded(_inflate(file, magic), path, most), path, limits)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # damaged headers raise anything
        if isinstance(error, OSError) and error.errno is not None:  # gzip's own have none
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error
        raise DataError(f"{path}: damaged or cut off; fetch it again") from error


def _most_bytes(path: Path, limits: Limits) -> int:
    size = path.stat().st_size
    return min(limits.total_bytes, max(limits.free_bytes, limits.ratio * size))


# ---- zip


def _read_zip(file: IO[bytes], path: Path, limits: Limits) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        _check_zip(entries, path, limits)
        for entry in entries:
            if not entry.is_dir():
                yield Member(entry.filename, archive.read(entry))


def _check_zip(entries: list[zipfile.ZipInfo], path: Path, limits: Limits) -> None:
    """Everything a zip's directory tells, before any member is read."""
    _check_count(len(entries), path, limits)
    if sum(entry.file_size for entry in entries) > _most_bytes(path, limits):
        raise _bomb(path)
    for entry in entries:
        _check_name(entry.orig_filename, path)
        _check_file_size(entry.filename, entry.file_size, path, limits)
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _no_file(path, entry.filename)
        if entry.flag_bits & 1:
            raise DataError(
                f"{path}: {entry.filename!r} is encrypted; repack it without a password"
            )
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(
                f"{path}: {entry.filename!r} is compressed in an unusual way; repack it by deflate"
            )
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise DataError(f"{path}: {entry.filename!r} overlaps another member")
        end = entry.header_offset + entry.compress_size


# ---- tar


def _read_tar(stream: _Bounded, path: Path, limits: Limits) -> Iterator[Member]:
    count = 0
    with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", bufsize=2**14) as archive:
        while (member := archive.next()) is not None:
            count += 1
            _check_count(count, path, limits)
            _check_name(member.name, path)
            if member.issparse() or not (member.isreg() or member.isdir()):
                raise _no_file(path, member.name)
            _check_file_size(member.name, member.size, path, limits)
            stream.allow(member.size)
            if member.isreg():
                # A regular member always has a reader, whose read() goes by pieces of 8 KiB.
                reader = cast("IO[bytes]", archive.extractfile(member))
                yield Member(member.name, reader.read(member.size))
            # Else every header of a long archive stays in memory.
            archive.members.clear()  # type: ignore[attr-defined] # not in its stub
    stream.check_end()


def _inflate(file: IO[bytes], magic: bytes) -> IO[bytes]:
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if magic.startswith(b"\xfd7zXZ\0"):
        return cast("IO[bytes]", lzma.LZMAFile(file))
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return cast("IO[bytes]", zstandard.ZstdDecompressor().stream_reader(file))
    if magic[257:262] == b"ustar":
        return file
    raise DataError(
        f"{file.name}: neither an archive ({KINDS}) nor a manifest ({', '.join(SUFFIXES)})"
    )


class _Bounded(io.RawIOBase):
    """What comes out of a decompressor, up to a limit."""

    def __init__(self, file: IO[bytes], path: Path, most_bytes: int) -> None:
        self._file = file
        self._path = path
        self._left = most_bytes
        self._allowed = _HEADER_SLACK
        self._tail = b""

    def allow(self, count: int) -> None:
        """Permit one more member of `count` bytes, beside its headers."""
        self._allowed = count + _HEADER_SLACK

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        self._allowed -= len(data)
        if self._left < 0:
            raise _bomb(self._path)
        if self._allowed < 0:
            raise DataError(f"{self._path}: a header of more than a megabyte")
        self._tail = (self._tail + data[-tarfile.BLOCKSIZE :])[-tarfile.BLOCKSIZE :]
        return data

    def check_end(self) -> None:
        """Read what follows the end mark, which also checks the compressor's own check sum.

        Raises:
            DataError: there is no end mark, so that members may be missing.
        """
        self._allowed = self._left
        while self.read(2**16):
            pass
        if any(self._tail) or not self._tail:
            raise EOFError


# ---- rules that both kinds share


def _check_count(count: int, path: Path, limits: Limits) -> None:
    if count > limits.members:
        raise DataError(f"{path}: more than {limits.members:,} members")


def _check_name(name: str, path: Path) -> None:
    if len(name) > _MOST_NAME_LETTERS:
        raise DataError(
            f"{path}: the name of the member {name[:50]!r}... has more than "
            f"{_MOST_NAME_LETTERS:,} letters; it is not used"
        )
    normal = name.replace("\\", "/")
    drive = normal[1:2] == ":"
    if normal.startswith("/") or drive or ".." in normal.split("/") or "\0" in name:
        raise DataError(f"{path}: the member {name!r} leads out of the archive; it is not used")


def _check_file_size(name: str, count: int, path: Path, limits: Limits) -> None:
    if count < 0:
        raise DataError(f"{path}: damaged, the member {name!r} has a negative size")
    if count > limits.file_bytes:
        raise DataError(f"{path}: the member {name!r} is larger than {limits.file_bytes:,} bytes")


def _no_file(path: Path, name: str) -> DataError:
    return DataError(f"{path}: the member {name!r} is a link or no regular file; it is not used")


def _bomb(path: Path) -> DataError:
    return DataError(f"{path}: unpacks to far more than an archive of pictures does; not used")
