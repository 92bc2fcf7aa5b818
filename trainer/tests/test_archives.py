"""Untrusted archives."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from functools import partial
from typing import TYPE_CHECKING

import pytest
import zstandard

from trainer.archives import Limits, read_archive
from trainer.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = ("zip", "tar", "tar.gz", "tar.xz", "tar.zst")
FILES = {"top/a/1.png": b"one" * 500, "top/a/2.png": b"two", "top/b/3.png": bytes(range(256)) * 9}


@pytest.mark.parametrize("kind", KINDS)
def test_members_in_order_whatever_the_kind_and_file_name(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path, pack(kind, FILES))
    assert {member.name: member.data for member in read_archive(path)} == FILES


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "C:/x", "a\\..\\x", "\\\\host\\x"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_elsewhere(kind: str, name: str, tmp_path: Path) -> None:
    path = written(tmp_path, pack(kind, {"a/1.png": b"x", name: b"x"}))
    with pytest.raises(DataError, match="leads out of the archive") as caught:
        list(read_archive(path))
    assert name.rsplit("\\", maxsplit=1)[-1] in str(caught.value)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar(kind: bytes, tmp_path: Path) -> None:
    member = tarfile.TarInfo("a/evil.png")
    member.type, member.linkname = kind, "/etc/passwd"
    path = written(tmp_path, tar_of(lambda archive: archive.addfile(member)))
    with pytest.raises(DataError, match=r"'a/evil\.png' is a link or no regular file"):
        list(read_archive(path))


def test_link_in_a_zip(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("a/evil.png")
    entry.external_attr = 0o120777 << 16
    path = written(tmp_path, zip_of(lambda archive: archive.writestr(entry, "/etc/passwd")))
    with pytest.raises(DataError, match=r"'a/evil\.png' is a link"):
        list(read_archive(path))


def test_encrypted_zip(tmp_path: Path) -> None:
    data = bytearray(pack("zip", {"a/1.png": b"x"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match=r"'a/1\.png' is encrypted"):
        list(read_archive(written(tmp_path, bytes(data))))


def test_overlapping_zip(tmp_path: Path) -> None:
    data = bytearray(pack("zip", {"a/1.png": b"x" * 99, "a/2.png": b"x" * 99}))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    data[second + 42 : second + 46] = bytes(4)  # its header's place: that of the first
    with pytest.raises(DataError, match="overlaps another member"):
        list(read_archive(written(tmp_path, bytes(data))))


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz", "tar.zst"])
def test_bomb(kind: str, tmp_path: Path) -> None:
    members = {f"a/{number}.png": bytes(100_000) for number in range(20)}
    path = written(tmp_path, pack(kind, members))
    with pytest.raises(DataError, match="unpacks to far more"):
        list(read_archive(path, Limits(free_bytes=500_000, ratio=10)))


@pytest.mark.parametrize("kind", KINDS)
def test_one_member_too_large_and_too_many_members(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path, pack(kind, FILES))
    with pytest.raises(DataError, match=r"'top/a/1\.png' is larger than 1,000 bytes"):
        list(read_archive(path, Limits(file_bytes=1000)))
    with pytest.raises(DataError, match="more than 2 members"):
        list(read_archive(path, Limits(members=2)))


def test_tar_header_that_would_fill_the_memory(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a/1.png")
    member.pax_headers = {"comment": "x" * 5_000_000}
    path = written(tmp_path, tar_of(lambda archive: archive.addfile(member)))
    with pytest.raises(DataError, match="header of more than a megabyte"):
        list(read_archive(path))


@pytest.mark.parametrize("size", ["-1", "-" + "9" * 30])
def test_tar_member_of_negative_size(size: str, tmp_path: Path) -> None:
    member = tarfile.TarInfo("a/1.png")
    member.pax_headers = {"size": size}
    path = written(tmp_path, tar_of(lambda archive: archive.addfile(member)))
    with pytest.raises(DataError, match=r"'a/1\.png' has a negative size"):
        list(read_archive(path))


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_of_any_length_are_told_shortly(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path, pack(kind, {"../" + "x" * 60_000: b"x"}))
    with pytest.raises(DataError, match="more than 4,096 letters") as caught:
        list(read_archive(path))
    assert len(str(caught.value)) < 500


def test_unusual_compression_in_a_zip(tmp_path: Path) -> None:
    data = zip_of(lambda archive: archive.writestr("a/1.png", b"x", zipfile.ZIP_LZMA))
    with pytest.raises(DataError, match=r"'a/1\.png' is compressed in an unusual way; repack"):
        list(read_archive(written(tmp_path, data)))


def test_archive_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        list(read_archive(tmp_path))


def test_sparse_member_that_claims_more_than_there_is(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a/1.png")
    member.type = tarfile.GNUTYPE_SPARSE
    path = written(tmp_path, tar_of(lambda archive: archive.addfile(member)))
    with pytest.raises(DataError, match=r"no regular file|damaged"):
        list(read_archive(path))


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_is_noticed(kind: str, tmp_path: Path) -> None:
    whole = pack(kind, FILES)
    # A tar ends with zeros, of which the last may be missing.
    last = len(whole) - (tarfile.RECORDSIZE if kind == "tar" else 1)
    for end in range(1, last, max(1, len(whole) // 60)):
        path = written(tmp_path, whole[:end])
        with pytest.raises(DataError, match=r"damaged or cut off|neither an archive"):
            list(read_archive(path))


def test_tar_cut_between_two_members_is_noticed(tmp_path: Path) -> None:
    whole = pack("tar", {"a/1.png": b"x" * 512, "a/2.png": b"y" * 512})
    with pytest.raises(DataError, match="cut off"):
        list(read_archive(written(tmp_path, whole[:1024])))


def test_damaged_member(tmp_path: Path) -> None:
    data = bytearray(pack("zip", {"a/1.png": bytes(range(256))}))
    data[60] ^= 255
    with pytest.raises(DataError, match="damaged"):
        list(read_archive(written(tmp_path, bytes(data))))


def test_text_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neither an archive \(zip, tar"):
        list(read_archive(written(tmp_path, b"hello")))


def pack(kind: str, files: dict[str, bytes]) -> bytes:
    if kind == "zip":
        return zip_of(lambda archive: add_all(archive.writestr, files))
    whole = tar_of(lambda archive: add_all(partial(add, archive), files))
    if kind == "tar.gz":
        return gzip.compress(whole)
    if kind == "tar.xz":
        return lzma.compress(whole)
    if kind == "tar.zst":
        return zstandard.compress(whole)
    return whole


def tar_of(build: Callable[[tarfile.TarFile], object]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        build(archive)
    return file.getvalue()


def zip_of(build: Callable[[zipfile.ZipFile], object]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        build(archive)
    return file.getvalue()


def add_all(adding: Callable[[str, bytes], None], files: dict[str, bytes]) -> None:
    for name, data in files.items():
        adding(name, data)


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def written(folder: Path, data: bytes) -> Path:
    path = folder / "archive.bin"
    path.write_bytes(data)
    return path
