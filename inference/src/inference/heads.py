"""What a request's head may be, beyond what the parser sees to.

llhttp refuses a Content-Length beside a Transfer-Encoding, a repeated or malformed one, folded
headers, bare line ends, and whitespace before a colon. The rest of what two servers in a row might
read differently (RFC 9112, sections 3.2, 6.1 and 11.2) is refused here.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from inference.errors import BadRequestError, HeadTooLargeError, UriTooLongError

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD_BYTES = 32 * 1024
TARGET_BYTES = 8 * 1024  # as nginx's large_client_header_buffers
HEADERS = 100

_VERSIONS = ("1.1", "1.0")


def check_head(target: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Look a head over; the names of its headers are in lower case.

    Raises:
        BadRequestError: servers might differ on who is asked, or where the request ends.
        HeadTooLargeError: it has too many bytes or headers.
        UriTooLongError: its target has too many bytes.
    """
    size = len(target) + sum(map(len, chain.from_iterable(headers)))
    if size > HEAD_BYTES or len(target) > TARGET_BYTES:
        raise too_large(target)
    if len(headers) > HEADERS:
        raise HeadTooLargeError(f"there are more than {HEADERS} headers")
    if version not in _VERSIONS:
        raise BadRequestError("this is not HTTP/1.1, nor HTTP/1.0")
    names = [name for name, _ in headers]
    hosts = names.count(b"host")
    if hosts > 1 or (hosts == 0 and version == "1.1"):
        raise BadRequestError("there must be one Host header")
    if b"transfer-encoding" in names:
        _check_coding(version, headers)


def too_large(target: bytes) -> UriTooLongError | HeadTooLargeError:
    """What is wrong with a head, of which there is the target or its beginning."""
    if len(target) > TARGET_BYTES:
        return UriTooLongError(f"the address is longer than {TARGET_BYTES} bytes")
    return HeadTooLargeError(f"the head is larger than {HEAD_BYTES} bytes")


def _check_coding(version: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
    if version == "1.0":
        raise BadRequestError("HTTP/1.0 has no Transfer-Encoding")
    if any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in headers):
        raise BadRequestError("the only Transfer-Encoding that is read is chunked")
