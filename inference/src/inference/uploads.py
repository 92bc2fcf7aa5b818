"""From a request's body to the encoded images in it, all of it in memory and within bounds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from inference.errors import (
    BadRequestError,
    TooLargeError,
    UnsupportedTypeError,
)
from inference.forms import FormError, parameters, parts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from inference.budget import Lease

FIELD = b"file"

_MOST_FIELDS = 20
#: What takes a few milliseconds is done where it is; more would hold up other requests.
_QUICK_BYTES = 1024 * 1024
_TAKEN = "multipart/form-data, image/* or application/octet-stream"


@dataclass(frozen=True, slots=True)
class Upload:
    """An encoded image, and the file name that the client gave it."""

    filename: str | None
    content: bytes | bytearray


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may send, and what all may hold together.

    Attributes:
        body: bytes.
        files: in one form.
        memory: counts the bytes of this body.
    """

    body: int
    files: int
    memory: Lease


async def read_uploads(request: Request, limits: Limits) -> list[Upload]:
    """The images of a multipart form's `file` fields, or the whole body as one.

    Raises:
        BadRequestError: there is no image, or too many, or the form is broken.
        BusyError: too many bytes of other bodies are held.
        TooLargeError: the body has too many bytes.
        UnsupportedTypeError: the body is of another type, or compressed.
        ClientDisconnect: the client went away.
    """
    codings = request.headers.getlist("content-encoding")
    if any(coding.lower() != "identity" for coding in codings):
        raise UnsupportedTypeError("send the body as it is, without a Content-Encoding")
    kind, options = _content_type(request)
    form = kind == b"multipart/form-data"
    if not form and not kind.startswith(b"image/") and kind != b"application/octet-stream":
        raise UnsupportedTypeError(f"send the image as {_TAKEN}")
    boundary = options.get(b"boundary", b"")
    if form and not boundary:
        raise BadRequestError("the Content-Type of the form names no boundary")
    body = await whole_body(request, limits)
    if form and len(body) > _QUICK_BYTES:
        uploads = await asyncio.to_thread(_images, body, boundary, limits.files)
    elif form:
        uploads = _images(body, boundary, limits.files)
    else:
        uploads = [Upload(None, body)] if body else []
    if not uploads:
        field = FIELD.decode()
        raise BadRequestError(f"no image came: send one as the form field `{field}`, or as body")
    return uploads


async def whole_body(request: Request, limits: Limits) -> bytes:
    """The body's chunks in one.

    Raises:
        BusyError: too many bytes of other bodies are held.
        ClientDisconnect: the client went away.
        TooLargeError: the body has too many bytes.
    """
    chunks = body_chunks(request, limits)
    first = await anext(chunks)
    body = bytearray()  # a chunk of its own takes 40 bytes more than it has, however few those are
    async for chunk in chunks:
        body += chunk
    return first + body if body else first  # mostly it came at once, and is not copied


async def body_chunks(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    """The body's chunks, until there are too many bytes; how fast they must come is the guard's.

    Raises:
        BusyError: too many bytes of other bodies are held.
        ClientDisconnect: the client went away.
        TooLargeError: the body has too many bytes.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limits.body:
        raise TooLargeError(f"the body is larger than {limits.body} bytes")
    received, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        received += len(chunk)
        if received > limits.body:
            raise TooLargeError(f"the body is larger than {limits.body} bytes")
        limits.memory.take(len(chunk))
        yield chunk


def _content_type(request: Request) -> tuple[bytes, dict[bytes, bytes]]:
    try:
        return parameters(request.headers.get("content-type", ""))
    except FormError as error:
        raise BadRequestError(f"the Content-Type cannot be read: {error}") from error


def _images(body: bytes, boundary: bytes, max_files: int) -> list[Upload]:
    """The form's `file` fields; of others there may be a few, which are passed over."""
    uploads: list[Upload] = []
    others = 0
    try:
        for part in parts(body, boundary):
            if part.name == FIELD:
                uploads.append(Upload(part.filename, part.content))
            else:
                others += 1
            if len(uploads) > max_files:
                raise BadRequestError(f"too many files: send at most {max_files} at a time")
            if others > _MOST_FIELDS:
                raise BadRequestError(f"too many form fields: only `{FIELD.decode()}` is read")
    except FormError as error:
        raise BadRequestError(f"the multipart form cannot be read: {error}") from error
    return uploads
