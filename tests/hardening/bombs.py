"""Small requests that want to become large ones, and polyglots."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MEGABYTE = 2**20


def zeros(megabytes: int, window: int = zlib.MAX_WBITS) -> bytes:
    """So many megabytes of zeros, compressed in steps that never hold them.

    Args:
        megabytes: of what they become.
        window: 15 for zlib, 31 for gzip, -15 for neither's frame.
    """
    deflate = zlib.compressobj(9, zlib.DEFLATED, window)
    packed = b"".join(deflate.compress(bytes(MEGABYTE)) for _ in range(megabytes))
    return packed + deflate.flush()


def png(side: int, *chunks: tuple[bytes, bytes], depth: int = 8, colour: int = 2) -> bytes:
    """A square picture (RFC 2083) whose chunks after the header are these."""
    header = (b"IHDR", struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, 0))
    return SIGNATURE + b"".join(chunk(*each) for each in (header, *chunks, (b"IEND", b"")))


def chunk(kind: bytes, content: bytes) -> bytes:
    """Of a PNG."""
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def form(parts: Iterable[bytes], boundary: bytes = b"b", end: bytes = b"--") -> bytes:
    """A form whose parts are these, each with its header."""
    between = b"--" + boundary
    lines = b"".join(between + b"\r\n" + part + b"\r\n" for part in parts)
    return lines + between + end + b"\r\n"


def part(content: bytes, name: str = "file", more: str = "") -> bytes:
    """A field of a form."""
    header = f'Content-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return header.encode("latin-1") + content


def chunked(body: bytes, size: int) -> bytes:
    """A body as it is sent in chunks of that size."""
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
