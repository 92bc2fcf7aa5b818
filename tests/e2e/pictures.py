"""PNGs that are made here (RFC 2083)."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def huge_png() -> bytes:
    """The beginning of a picture with 900 million pixels."""
    return SIGNATURE + _header(30_000) + _chunk(b"IDAT", zlib.compress(bytes(99)))


def plain_png(size: int, red: int, green: int, blue: int) -> bytes:
    """A square of one colour."""
    rows = (b"\0" + bytes((red, green, blue)) * size) * size
    pixels = _chunk(b"IDAT", zlib.compress(rows))
    return SIGNATURE + _header(size) + pixels + _chunk(b"IEND", b"")


def _header(size: int) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0))


def _chunk(kind: bytes, content: bytes) -> bytes:
    size, check = len(content), zlib.crc32(kind + content)
    return struct.pack(">I", size) + kind + content + struct.pack(">I", check)
