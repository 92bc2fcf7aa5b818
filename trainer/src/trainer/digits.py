"""The bundled handwritten digits."""

from __future__ import annotations

import struct
import zlib
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MOST_INK = 16


def read_digits() -> Iterator[tuple[str, str, bytes]]:
    """Name, label and PNG of each of the 1,797 digits, as dark ink on white paper."""
    with (files("trainer") / "bundled" / "digits.npz").open("rb") as file, np.load(file) as digits:
        images, labels = digits["images"], digits["labels"]
    grey = (255 - np.rint(images * (255 / MOST_INK))).astype(np.uint8)
    for number, (image, label) in enumerate(zip(grey, labels, strict=True)):
        yield f"{label}/{number:04}.png", str(label), encode_png(image)


def encode_png(grey: NDArray[np.uint8]) -> bytes:
    """A greyscale PNG of an image `[height, width]`, uncompressed.

    The same bytes everywhere: an image's hash decides its split, and the output of a compressor
    differs between libraries and versions. (PNG: RFC 2083; stored blocks: RFC 1951, 3.2.4.)
    """
    height, width = grey.shape
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    stored = b"\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows
    stream = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(rows))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", stream), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
