"""HTTP's content codings gzip and deflate: RFC 9110, section 8.4.1.

A compressed body is inflated block by block, each counted before the next one is made, so that
a bomb is refused when it has reached the bounds of a body that is not compressed.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import TYPE_CHECKING

from inference.errors import BadRequestError, TooLargeError, UnsupportedTypeError
from inference.uploads import body_chunks, whole_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from inference.uploads import Limits

_GZIP, _DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS
_WINDOWS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _DEFLATE}
_BLOCK = 256 * 1024

#: Of less, the headers are the larger part.
_LEAST_BYTES = 1024
#: Probabilities hardly get smaller by more effort.
_EFFORT = 1
_CHOICE = re.compile(
    r"\s*(gzip|x-gzip|deflate)\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?", re.IGNORECASE
)


async def read_body(request: Request, limits: Limits) -> bytes:
    """The whole body, inflated if it is compressed.

    Raises:
        BadRequestError: it is not compressed as the header says.
        BusyError: too many bytes of other bodies are held.
        TooLargeError: it has, or inflates to, too many bytes.
        UnsupportedTypeError: it is compressed in a way that is not known here.
        ClientDisconnect: the client went away.
    """
    coding = ",".join(request.headers.getlist("content-encoding")).strip().lower()
    if coding in {"", "identity"}:
        return await whole_body(request, limits)
    if coding not in _WINDOWS:
        raise UnsupportedTypeError("send the body as it is, or with Content-Encoding gzip/deflate")
    return await _inflated(request, limits, coding)


def encoded(body: bytes, accepted: str) -> tuple[bytes, str | None]:
    """The body, compressed if the client accepts that and it is worth while.

    Args:
        body: of the answer.
        accepted: the request's Accept-Encoding.

    Returns:
        The bytes to be sent and their coding, if any.
    """
    coding = _preferred(accepted)
    if coding is None or len(body) < _LEAST_BYTES:
        return body, None
    deflater = zlib.compressobj(_EFFORT, wbits=_WINDOWS[coding])
    return deflater.compress(body) + deflater.flush(), coding


async def _inflated(request: Request, limits: Limits, coding: str) -> bytes:
    inflater = zlib.decompressobj(_WINDOWS[coding])
    body = bytearray()
    async for chunk in body_chunks(request, limits):
        for block in _blocks(inflater, chunk, coding):
            if len(body) + len(block) > limits.body:
                raise TooLargeError(f"the body inflates to more than {limits.body} bytes")
            limits.memory.take(len(block))
            body += block
            await asyncio.sleep(0)  # so that others have their turn, however much there is
    if not inflater.eof:
        raise BadRequestError(f"the {coding} body is cut off")
    return bytes(body)


def _blocks(inflater: zlib._Decompress, chunk: bytes, coding: str) -> Iterator[bytes]:
    while True:
        try:
            block = inflater.decompress(chunk, _BLOCK)
        except zlib.error as error:
            raise BadRequestError(f"the body is not {coding}, or damaged") from error
        # Further members, which gzip allows, would each cost a new start: no client sends any.
        if inflater.unused_data:
            raise BadRequestError(f"more follows the end of the {coding} body")
        yield block
        chunk = inflater.unconsumed_tail
        if not chunk:
            return


def _preferred(accepted: str) -> str | None:
    """The coding of the highest weight, the first among equals."""
    choices = [_CHOICE.fullmatch(each) for each in accepted[:1000].split(",")]
    weights = [(float(each[2] or 1), each[1].lower()) for each in choices if each]
    weight, coding = max(weights, key=lambda each: each[0], default=(0.0, ""))
    return coding if weight > 0 else None
