"""Write the valid images from which fuzzing starts, and the photo that the load is made of.

Run once and keep the result, so that one seed gives the same bytes everywhere:

    .nox/env_inference/bin/python tests/hardening/make_golden_corpus.py
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

CORPUS = Path(__file__).parent / "corpus"
WIDTH, HEIGHT = 36, 24
PHOTO = (1280, 960)
ORIENTATION, ARTIST = 0x0112, 0x013B
ADAM7 = (  # first column, first row, and the steps to the next ones: RFC 2083, section 2.6
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)


def main() -> None:
    """Write `corpus/images/` and `corpus/photo.jpg`."""
    (CORPUS / "images").mkdir(parents=True, exist_ok=True)
    for name, content in images().items():
        (CORPUS / "images" / name).write_bytes(content)
    # The golden model takes no time, so the photo takes what a model of 128 px would besides.
    photo = encode(draw(*PHOTO, noise=16), "JPEG", quality=80, progressive=True)
    (CORPUS / "photo.jpg").write_bytes(photo)


def images() -> dict[str, bytes]:
    """File names and contents, of every kind that the server reads."""
    picture = draw(WIDTH, HEIGHT)
    other = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    layer = picture.copy()
    layer.putalpha(Image.linear_gradient("L").resize(picture.size))
    palette = picture.quantize(16)
    grey = np.asarray(picture.convert("L"))
    exif = Image.Exif()
    exif[ORIENTATION], exif[ARTIST] = 6, "nobody"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[:24] + bytes(12) + profile[36:]  # when it was made: ICC.1:2022, section 7.2.8
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a comment", zip=True)
    text.add_itxt("Title", "a title", "en", "title", zip=True)
    several = {"save_all": True, "append_images": [other]}
    return {
        "baseline.jpg": encode(picture, "JPEG"),
        "progressive.jpg": encode(picture, "JPEG", progressive=True),
        "restarts.jpg": encode(picture, "JPEG", restart_marker_blocks=1),
        "exif.jpg": encode(picture, "JPEG", exif=exif),
        "cmyk.jpg": encode(picture.convert("CMYK"), "JPEG"),
        "grey.jpg": encode(picture.convert("L"), "JPEG"),
        "two.mpo": encode(picture, "MPO", **several),
        "plain.png": encode(picture, "PNG"),
        "alpha.png": encode(layer, "PNG"),
        "palette.png": encode(palette, "PNG", transparency=3),
        "bilevel.png": encode(picture.convert("1"), "PNG"),
        "grey16.png": encode(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"),
        "chunks.png": encode(picture, "PNG", pnginfo=text, icc_profile=profile, exif=exif),
        "interlaced.png": interlaced_png(np.asarray(picture)),
        "animated.png": encode(picture, "PNG", **several),
        "lossy.webp": encode(picture, "WEBP"),
        "lossless.webp": encode(layer, "WEBP", lossless=True),
        "exif.webp": encode(picture, "WEBP", exif=exif),
        "animated.webp": encode(picture, "WEBP", **several),
        "plain.gif": encode(palette, "GIF"),
        "animated.gif": encode(palette, "GIF", transparency=3, duration=9, **several),
        "plain.bmp": encode(picture, "BMP"),
        "palette.bmp": encode(palette, "BMP"),
        "bilevel.bmp": encode(picture.convert("1"), "BMP"),
        "rle.bmp": rle_bmp(np.asarray(palette)),
    }


def draw(width: int, height: int, noise: int = 0) -> Image.Image:
    """A picture with edges, slopes and, where it is wanted, the grain of a photo."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    waves = np.stack([x, y, 0.5 + 0.5 * np.sin(9 * x + 5 * y)], axis=-1) * 200 + 20
    waves[: height // 4, : width // 4] = (230, 30, 40)
    grain = np.random.default_rng(0).integers(0, 256, (height // 2, width // 2, 3), dtype=np.uint8)
    grown = np.asarray(Image.fromarray(grain).resize((width, height))) / 255 - 0.5
    return Image.fromarray((waves + noise * grown).clip(0, 255).astype(np.uint8))


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    """The file's content."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def interlaced_png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """Adam7, which Pillow reads and does not write; `[height, width, 3]`."""
    rows = [
        b"\0" + row.tobytes()
        for column, row, across, down in ADAM7
        for row in pixels[row::down, column::across]
    ]
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 1)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def rle_bmp(indices: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """BI_RLE8, which Pillow reads and does not write; `[height, width]`."""
    rows = [b"".join(bytes((1, index)) for index in row) + b"\0\0" for row in indices[::-1]]
    data = b"".join(rows) + b"\0\1"
    colours = b"".join(bytes((index * 16, 255 - index * 16, 99, 0)) for index in range(16))
    offset = 14 + 40 + len(colours)
    head = struct.pack("<2sIHHI", b"BM", offset + len(data), 0, 0, offset)
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 8, 1, len(data), 0, 0, 16, 0)
    return head + info + colours + data


if __name__ == "__main__":
    main()
