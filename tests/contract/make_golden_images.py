"""Write the golden images and the tensors that trainer and inference must make of them.

Run once and keep the result; run again only together with a new recipe:

    PYTHONPATH=trainer/src python tests/contract/make_golden_images.py
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from trainer import recipes

GOLDEN = Path(__file__).parent / "golden"
TARGETS = ((32, 32), (24, 40))
MAX_PIXELS = 50_000_000


def main() -> None:
    """Write `golden/images/` and `golden/tensors.npz`, whose keys are `<file>@<H>x<W>`."""
    images = golden_images()
    tensors = {}
    (GOLDEN / "images").mkdir(parents=True, exist_ok=True)
    for name, data in images.items():
        (GOLDEN / "images" / name).write_bytes(data)
        for height, width in TARGETS:
            key = f"{name}@{height}x{width}"
            tensors[key] = recipes.decode(data, height, width, MAX_PIXELS)
    np.savez_compressed(GOLDEN / "tensors.npz", **tensors)  # type: ignore[arg-type] # only arrays


def golden_images() -> dict[str, bytes]:
    """File names and contents."""
    picture = draw(96, 64)
    layer = picture.copy()
    layer.putalpha(Image.linear_gradient("L").resize(picture.size))
    palette = picture.quantize(32)
    images = {f"exif-{number}.jpg": lying(picture, number) for number in range(1, 9)}
    images |= {
        "plain.jpg": encode(picture, "JPEG", quality=90),
        "large.jpg": encode(draw(960, 640), "JPEG", quality=80),
        "large-exif-6.jpg": lying(draw(960, 640), 6),
        "progressive.jpg": encode(picture, "JPEG", quality=90, progressive=True),
        "cmyk.jpg": encode(picture.convert("CMYK"), "JPEG", quality=90),
        "grey.jpg": encode(picture.convert("L"), "JPEG", quality=90),
        "plain.png": encode(picture, "PNG"),
        "grey-alpha.png": encode(layer.convert("LA"), "PNG"),
        "palette-transparent.png": encode(palette, "PNG", transparency=palette.getpixel((48, 32))),
        "rgba.png": encode(layer, "PNG"),
        "grey16.png": encode(Image.fromarray(sixteen_bits(picture.convert("L"))), "PNG"),
        "rgb16.png": rgb16_png(picture),
        "bilevel.png": encode(picture.convert("1"), "PNG"),
        "animation.gif": encode(
            palette, "GIF", save_all=True, append_images=[Image.new("P", picture.size)]
        ),
        "plain.webp": encode(picture, "WEBP", lossless=True),
        "plain.bmp": encode(picture, "BMP"),
        "palette.bmp": encode(palette, "BMP"),
        "strip.png": encode(draw(300, 3), "PNG"),
    }
    return images


def draw(width: int, height: int) -> Image.Image:
    """A picture whose four corners and three channels all differ."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    waves = np.stack([x, y, 0.5 + 0.5 * np.sin(9 * x + 5 * y)], axis=-1)
    picture = Image.fromarray((waves * 255).astype(np.uint8))
    ink = ImageDraw.Draw(picture)
    ink.rectangle((0, 0, width // 4, height // 4), fill=(230, 30, 40))
    ink.ellipse((width // 2, height // 2, width - 2, height - 2), fill=(20, 40, 200))
    return picture


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    """The image as a file's bytes."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def lying(image: Image.Image, orientation: int) -> bytes:
    """A JPEG that shows the image once it is turned as its EXIF orientation says."""
    turns = Image.Transpose
    stored = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_90,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = image.transpose(stored[orientation]) if orientation in stored else image
    return encode(turned, "JPEG", quality=80, exif=exif)


def sixteen_bits(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    """Samples whose high byte is the image and whose low byte must not matter."""
    samples = np.asarray(image).astype(np.uint16)
    return samples * 256 + samples[::-1, ::-1]


def rgb16_png(image: Image.Image) -> bytes:
    """A PNG of 16 bits a channel, which Pillow reads but does not write."""
    rows = sixteen_bits(image).astype(">u2")
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", *image.size, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


if __name__ == "__main__":
    main()
