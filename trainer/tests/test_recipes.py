"""The recipe: golden images, and what each rule of it is for."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer import recipes

GOLDEN = Path(__file__).parents[2] / "tests/contract/golden"
TENSORS = dict(np.load(GOLDEN / "tensors.npz"))


@pytest.mark.parametrize("key", sorted(TENSORS))
def test_golden_image_gives_golden_tensor(key: str) -> None:
    name, _, size = key.partition("@")
    height, width = map(int, size.split("x"))
    pixels = recipes.decode(golden(name), height, width, 10**6)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (height, width, 3)
    assert np.abs(pixels.astype(int) - TENSORS[key]).max() <= 1


@pytest.mark.parametrize("number", range(1, 9))
def test_every_exif_orientation_shows_the_same_upright_picture(number: int) -> None:
    turned = recipes.decode(golden(f"exif-{number}.jpg"), 24, 40, 10**6).astype(int)
    upright = recipes.decode(golden("plain.png"), 24, 40, 10**6)
    assert np.abs(turned - upright).mean() < 4


@pytest.mark.parametrize("name", ["cmyk.jpg", "plain.webp", "plain.bmp", "rgb16.png", "large.jpg"])
def test_encodings_of_one_picture_agree(name: str) -> None:
    other = recipes.decode(golden(name), 32, 32, 10**6).astype(int)
    assert np.abs(other - recipes.decode(golden("plain.png"), 32, 32, 10**6)).mean() < 4


@pytest.mark.parametrize(
    ("name", "height", "width", "decoded"),
    [
        ("large.jpg", 120, 24, (480, 320)),
        ("large.jpg", 24, 120, (240, 160)),
        ("large-exif-6.jpg", 120, 24, (320, 480)),
        ("large-exif-6.jpg", 24, 120, (160, 240)),
        ("large.jpg", 600, 600, (960, 640)),
    ],
)
def test_jpeg_is_decoded_at_the_smallest_scale_twice_the_target(
    name: str, height: int, width: int, decoded: tuple[int, int]
) -> None:
    image = recipes.open_image(golden(name), 10**6)
    recipes.render(image, height, width)
    assert image.size == decoded


def test_resize_averages_what_it_shrinks() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    pixels = recipes.decode(png(stripes), 8, 8, 10**6)
    assert np.abs(pixels[:, 1:-1].astype(int) - 127).max() <= 4


def test_transparent_is_white_and_half_transparent_is_mixed() -> None:
    layer = np.array([[[0, 0, 0, 0], [0, 0, 0, 128], [0, 0, 0, 255]]], np.uint8)
    assert recipes.decode(png(layer), 1, 3, 10)[0, :, 0].tolist() == [255, 127, 0]


def test_sixteen_bit_grey_keeps_the_high_byte() -> None:
    samples = np.array([[0x00FF, 0x0100, 0x80FF, 0xFFFF]], np.uint16)
    assert recipes.decode(png(samples), 1, 4, 10)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_transparent_sixteen_bit_colour_is_white() -> None:
    row = b"\0" + np.array([[51200, 100, 4660], [100, 200, 300]], ">u2").tobytes()
    data = raw_png(2, 1, (16, 2), row, transparent=struct.pack(">HHH", 51200, 100, 4660))
    assert recipes.decode(data, 1, 2, 10)[0].tolist() == [[255, 255, 255], [0, 0, 1]]


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert recipes.decode(file.getvalue(), 1, 1, 100)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_photo_with_damaged_exif_is_still_a_photo() -> None:
    file = BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken")
    assert recipes.decode(file.getvalue(), 2, 2, 100).shape == (2, 2, 3)


def test_too_many_pixels_are_refused_by_the_header() -> None:
    header = raw_png(30_000, 30_000, (8, 2), b"")
    with pytest.raises(recipes.TooManyPixelsError, match="pixels"):
        recipes.decode(header, 8, 8, 50_000_000)
    with pytest.raises(recipes.TooManyPixelsError, match=r"11 x 10 pixels, more than 100"):
        recipes.decode(raw_png(11, 10, (8, 2), b""), 8, 8, 100)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"just a text that somebody named photo.jpg",
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
        b"II*\0\x08\0\0\0",
        b"%!PS-Adobe-3.0 EPSF-3.0",
    ],
    ids=["empty", "text", "jpeg-start", "png-start", "tiff", "postscript"],
)
def test_what_is_no_image_is_unreadable(data: bytes) -> None:
    with pytest.raises(recipes.UnreadableImageError):
        recipes.decode(data, 8, 8, 10**6)


@pytest.mark.parametrize("name", sorted(path.name for path in (GOLDEN / "images").iterdir()))
def test_every_cut_of_an_image_is_unreadable_or_an_image(name: str) -> None:
    data = golden(name)
    for end in range(0, len(data) - 64, max(1, len(data) // 40)):
        try:
            pixels = recipes.decode(data[:end], 8, 8, 10**6)
        except recipes.UnreadableImageError:
            continue
        assert pixels.shape == (8, 8, 3)


def test_cut_jpeg_is_unreadable() -> None:
    data = golden("large.jpg")
    with pytest.raises(recipes.UnreadableImageError, match="cut off"):
        recipes.decode(data[: len(data) // 2], 8, 8, 10**6)


def golden(name: str) -> bytes:
    return (GOLDEN / "images" / name).read_bytes()


def png(samples: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    file = BytesIO()
    Image.fromarray(samples).save(file, "PNG")
    return file.getvalue()


def raw_png(
    width: int, height: int, kind: tuple[int, int], rows: bytes, transparent: bytes = b""
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, *kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    if transparent:
        chunks.insert(1, (b"tRNS", transparent))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
