"""From a request's body to the encoded images in it, all of it in memory and within bounds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from inference.errors import (
    BadRequestError,
    TimedOutError,
    TooLargeError,
    UnsupportedTypeError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from python_multipart.multipart import MultipartCallbacks
    from starlette.requests import Request

    from inference.budget import Lease

FIELD = "file"

_MOST_FIELDS = 20
_NAME_LETTERS = 255
_SECONDS = 60.0
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
        TimedOutError: the client stopped sending.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedTypeError("send the body as it is, without a Content-Encoding")
    kind, options = parse_options_header(request.headers.get("content-type"))
    body = body_chunks(request, limits)
    if kind == b"multipart/form-data":
        uploads = await _read_form(body, options.get(b"boundary", b""), limits.files)
    elif kind.startswith(b"image/") or kind == b"application/octet-stream":
        content = b"".join([chunk async for chunk in body])
        uploads = [Upload(None, content)] if content else []
    else:
        raise UnsupportedTypeError(f"send the image as {_TAKEN}")
    if not uploads:
        raise BadRequestError(f"no image came: send one as the form field `{FIELD}`, or as body")
    return uploads


async def body_chunks(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    """The body's chunks, until there are too many bytes or they take too long to come.

    Raises:
        BusyError: too many bytes of other bodies are held.
        TooLargeError: the body has too many bytes.
        TimedOutError: the client stopped sending.
    """
    too_large = TooLargeError(f"the body is larger than {limits.body} bytes")
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limits.body:
        raise too_large
    received, chunks = 0, aiter(request.stream())
    deadline = asyncio.get_running_loop().time() + _SECONDS
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise TimedOutError(f"the body did not come in {_SECONDS:g} s") from error
        received += len(chunk)
        if received > limits.body:
            raise too_large
        limits.memory.take(len(chunk))
        yield chunk


async def _read_form(body: AsyncIterator[bytes], boundary: bytes, max_files: int) -> list[Upload]:
    if not boundary:
        raise BadRequestError("the Content-Type of the form names no boundary")
    form = _Form(max_files)
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for chunk in body:
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise BadRequestError("the multipart form is broken") from error
    if not form.ended:
        raise BadRequestError("the multipart form is cut off")
    return form.uploads


@dataclass(slots=True)
class _Form:
    """Collects what the parser finds: the `file` fields, and of others only their number."""

    max_files: int
    uploads: list[Upload] = field(default_factory=list)
    ended: bool = False
    _fields: int = 0
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _disposition: str = ""
    _filename: str | None = None
    _content: bytearray | None = None

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._extend_header,
            "on_header_value": self._extend_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": self._extend_content,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._disposition, self._filename, self._content = "", None, None
        self._begin_header()

    def _begin_header(self) -> None:
        self._header, self._value = bytearray(), bytearray()

    def _extend_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _extend_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value.decode("latin-1")
        self._begin_header()

    def _begin_content(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != FIELD.encode():
            self._count_field()
            return
        if len(self.uploads) >= self.max_files:
            raise BadRequestError(f"too many files: send at most {self.max_files} at a time")
        if b"filename" in options:
            self._filename = options[b"filename"].decode("utf-8", "replace")[:_NAME_LETTERS]
        self._content = bytearray()

    def _count_field(self) -> None:
        self._fields += 1
        if self._fields > _MOST_FIELDS:
            raise BadRequestError(f"too many form fields: only `{FIELD}` is read")

    def _extend_content(self, data: bytes, start: int, end: int) -> None:
        if self._content is not None:
            self._content += data[start:end]

    def _end_part(self) -> None:
        if self._content is not None:
            self.uploads.append(Upload(self._filename, self._content))

    def _end(self) -> None:
        self.ended = True
