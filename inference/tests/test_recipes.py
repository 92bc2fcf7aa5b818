from __future__ import annotations

import contextlib
import io
import resource
import struct
import sys
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from conftest import GOLDEN, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.ImageFile import ImageFile

from inference.recipes import (
    RECIPES,
    STRETCH_BILINEAR,
    TooManyPixelsError,
    UnreadableImageError,
    decode,
    open_image,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_PIXELS = 50_000_000
IMAGES = sorted((GOLDEN / "images").iterdir())
JPEG = (GOLDEN / "images" / "large.jpg").read_bytes()


def golden() -> list[tuple[str, NDArray[np.uint8]]]:
    with np.load(GOLDEN / "tensors.npz") as tensors:
        return [(key, tensors[key]) for key in tensors.files]


@pytest.mark.parametrize(("key", "expected"), golden(), ids=lambda value: str(value)[:30])
def test_golden_images_give_the_golden_tensors(key: str, expected: NDArray[np.uint8]) -> None:
    name, _, size = key.rpartition("@")
    height, width = (int(side) for side in size.split("x"))
    data = (GOLDEN / "images" / name).read_bytes()
    got = RECIPES[STRETCH_BILINEAR](data, height, width, MAX_PIXELS)
    assert got.dtype == np.uint8
    assert np.abs(got.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize(
    "data",
    [b"", b"this is text, whatever its name says", JPEG[:20], JPEG[: len(JPEG) // 2], b"\xff\xd8"],
)
def test_what_is_no_whole_image_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        decode(data, 8, 8, MAX_PIXELS)


@pytest.mark.parametrize("kind", ["TIFF", "ICO", "PPM", "EPS"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(UnreadableImageError, match="known formats"):
        decode(picture("red", kind), 8, 8, MAX_PIXELS)


def test_the_limit_itself_passes() -> None:
    assert decode(picture(), 8, 8, 200).shape == (8, 8, 3)
    with pytest.raises(TooManyPixelsError, match="20 x 10"):
        decode(picture(), 8, 8, 199)


def test_a_huge_png_costs_no_memory() -> None:
    bomb = huge_png(30_000)
    before = peak()
    with pytest.raises(TooManyPixelsError):
        decode(bomb, 8, 8, MAX_PIXELS)
    assert peak() - before < 50 * 1024**2


def peak() -> int:
    """The most memory that was resident at a time, in bytes; macOS counts in those already."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def scans(number: int) -> bytes:
    """A progressive JPEG whose last scan is repeated until there are so many."""
    data = picture("red", "JPEG", progressive=True)
    begin = data.rindex(b"\xff\xda")
    more = number - data.count(b"\xff\xda")
    return data[:-2] + data[begin:-2] * more + data[-2:]


def test_a_jpeg_of_too_many_scans_is_refused_unseen() -> None:
    assert decode(scans(100), 8, 8, MAX_PIXELS).shape == (8, 8, 3)
    with pytest.raises(UnreadableImageError, match="more than 100 scans"):
        decode(scans(101), 8, 8, MAX_PIXELS)


def test_a_reserved_marker_hides_no_scans() -> None:
    many = scans(101)
    at = many.index(b"\xff\xda", many.index(b"\xff\xda") + 2)  # Pillow reads up to the first
    with pytest.raises(UnreadableImageError, match="more than 100 scans"):
        decode(many[:at] + b"\xff\x02\xff\xff" + many[at:], 8, 8, MAX_PIXELS)


def test_only_the_scans_of_the_picture_itself_count() -> None:
    jpeg, decoys = picture("red", "JPEG"), b"\xff\xda\x00\x02" * 200
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(decoys)) + decoys
    for data in (jpeg + b"\0\0" + decoys, jpeg[:2] + comment + jpeg[2:]):
        assert decode(data, 8, 8, MAX_PIXELS).shape == (8, 8, 3)


@pytest.mark.parametrize("bytes_before", range(256 * 1024 - 30, 256 * 1024 + 30))
def test_a_scan_is_found_wherever_it_begins(bytes_before: int) -> None:
    many = scans(101)
    at = many.index(b"\xff\xda", many.index(b"\xff\xda") + 2)
    with pytest.raises(UnreadableImageError, match="more than 100 scans"):
        open_image(many[:at] + bytes(bytes_before) + many[at:], MAX_PIXELS)


@pytest.mark.parametrize(
    ("parts", "told"),
    [(b"\xff" * 1_000_001, "1,000,000 parts"), (b"\xff\xfe\0\2" * 10_001, "10,000 segments")],
)
def test_a_jpeg_of_too_many_parts_is_refused(parts: bytes, told: str) -> None:
    jpeg = picture("red", "JPEG")
    with pytest.raises(UnreadableImageError, match=told):
        decode(jpeg[:2] + parts + jpeg[2:], 8, 8, MAX_PIXELS)


def test_a_decoder_is_given_a_file_at_once() -> None:
    data = picture("red", "JPEG")
    image = open_image(data, MAX_PIXELS)
    assert isinstance(image, ImageFile)
    assert image.decodermaxblock == len(data)


@settings(max_examples=200)
@given(st.binary(max_size=40), st.integers(0), st.sampled_from(IMAGES))
def test_damage_gives_pixels_or_the_typed_error(junk: bytes, at: int, path: Path) -> None:
    data = path.read_bytes()
    at %= len(data)
    with contextlib.suppress(UnreadableImageError, TooManyPixelsError):
        assert decode(data[:at] + junk + data[at + len(junk) :], 8, 8, 10**6).shape == (8, 8, 3)


def huge_png(side: int) -> bytes:
    """A valid black greyscale PNG, made in steps that never hold its pixels."""
    deflate, row = zlib.compressobj(9), bytes(side + 1)
    data = b"".join(deflate.compress(row) for _ in range(side)) + deflate.flush()
    file = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    file.seek(0, io.SEEK_END)
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    for kind, content in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b"")):
        check = zlib.crc32(kind + content)
        file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check))
    return file.getvalue()


def test_the_huge_png_is_valid() -> None:
    assert Image.open(io.BytesIO(huge_png(50))).getpixel((49, 49)) == 0
