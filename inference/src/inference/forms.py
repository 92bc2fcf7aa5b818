"""Forms of the type multipart/form-data, read from a whole body.

The syntax is RFC 7578's and RFC 2046's, section 5.1. Delimiters are searched for, rather than
met byte by byte in Python: with such a parser, 20 MB of what are almost delimiters kept the event
loop busy for 15 s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.multipart import parse_options_header

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_BOUNDARY = 70  # RFC 2046, section 5.1.1
_MOST_HEADER_BYTES = 4096  # of one part
_MOST_PARAMETERS = 100  # a file's name may have semicolons, too
_NAME_LETTERS = 255
_PIECE = 256 * 1024

_EMPTY_LINES = re.compile(rb"[\r\n]{0,99}")
_AFTER_DELIMITER = re.compile(rb"(--)|[ \t]{0,99}\r\n")  # the end of the form, or of the line
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*)")
_DISPOSITION = b"content-disposition"


class FormError(ValueError):
    """The form is broken or cut off; the message tells which."""


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a form.

    Attributes:
        name: of the field, as it came.
        filename: that the client gave it, if it did.
        content: decoded by nothing.
    """

    name: bytes
    filename: str | None
    content: bytes


def parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    """The fields in their order, each looked for when it is asked for.

    Raises:
        FormError: the boundary cannot be one, or the form is broken or cut off.
    """
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise FormError(f"its boundary must have 1 to {_LONGEST_BOUNDARY} letters")
    delimiter = b"\r\n--" + boundary
    at = _first(body, delimiter)
    while begin := _begin_of_part(body, at):
        header, content = _header(body, begin)
        at = _find(body, delimiter, content)
        if at < 0:
            raise FormError("it is cut off")
        yield _part(header, body[content:at])
        at += len(delimiter)


def parameters(header: str) -> tuple[bytes, dict[bytes, bytes]]:
    """A header's value, in lower case, and its parameters.

    Raises:
        FormError: there are too many of them to be read in no time.
    """
    if header.count(";") > _MOST_PARAMETERS:
        raise FormError("a header has too many parameters")
    return parse_options_header(header)


def _first(body: bytes, delimiter: bytes) -> int:
    """Where the first delimiter ends; only empty lines may be before it."""
    found = _EMPTY_LINES.match(body)
    begin = found.end() if found else 0
    line = delimiter[2:]
    if not body.startswith(line, begin):
        raise FormError("it is cut off" if line.startswith(body[begin:]) else "it is broken")
    return begin + len(line)


def _find(body: bytes, delimiter: bytes, begin: int) -> int:
    """`body.find`, which would hold up other threads."""
    for at in range(begin, len(body), _PIECE):
        found = body.find(delimiter, at, at + _PIECE + len(delimiter) - 1)
        if found >= 0:
            return found
    return -1


def _begin_of_part(body: bytes, at: int) -> int:
    """Where the part behind a delimiter begins; 0 behind the last one."""
    found = _AFTER_DELIMITER.match(body, at)
    if not found:
        raise FormError("it is cut off" if len(body) - at < len("\r\n") else "it is broken")
    return 0 if found[1] else found.end()


def _header(body: bytes, begin: int) -> tuple[bytes, int]:
    """A part's header, and where its content begins."""
    if body.startswith(b"\r\n", begin):
        return b"", begin + 2
    end = body.find(b"\r\n\r\n", begin, begin + _MOST_HEADER_BYTES)
    if end < 0:
        short = len(body) - begin < _MOST_HEADER_BYTES
        raise FormError("it is cut off" if short else "a part's header is too long")
    return body[begin:end], end + 4


def _part(header: bytes, content: bytes) -> Part:
    options: dict[bytes, bytes] = {}
    for line in header.split(b"\r\n") if header else ():
        found = _HEADER.fullmatch(line)
        if not found:
            raise FormError("it is broken")
        if found[1].lower() == _DISPOSITION:
            options = parameters(found[2].decode("latin-1"))[1]
    filename = options.get(b"filename")
    told = None if filename is None else filename.decode("utf-8", "replace")[:_NAME_LETTERS]
    return Part(options.get(b"name", b""), told, content)
