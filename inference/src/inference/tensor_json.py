"""A request as JSON, read so that nobody can make it costly.

Python's parser turns an array into objects of up to 30 times its size, and holds up all other
threads until it has ended. So the tensors' data is cut out of the document before that is
parsed: what is left is small. The numbers are then read in pieces, straight into an array.
"""

from __future__ import annotations

import binascii
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inference.errors import BadRequestError, TooLargeError
from inference.tensors import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

_MOST_BYTES = 64 * 1024
_MOST_STRINGS = 100_000
_PIECE = 16 * 1024
_SPACE = b" \t\r\n"
_NUMBER = b"0123456789eE.+-"

#: A member that is called `data`, or ends so, up to its array.
_KEY = re.compile(rb'"data"[ \t\r\n]*+:[ \t\r\n]*+(?=\[)')
_NUMBERS = re.compile(rb"[\[\],0-9eE.+\- \t\r\n]{1,%d}+" % _PIECE)
_COLON = re.compile(rb"[ \t\r\n]*+:")
_MARKS = bytes.maketrans(_NUMBER, b"0" * len(_NUMBER))
_BLANKS = bytes.maketrans(b"[]", b"  ")


@dataclass(frozen=True, slots=True)
class Array:
    """A JSON array as it came, from bracket to bracket if it is sound."""

    raw: bytes


def read_document(raw: bytes) -> dict[str, object]:
    """Parse a JSON object; an array that is called `data` becomes an `Array`.

    Raises:
        BadRequestError: it is none, or has a key twice.
        TooLargeError: there is too much beside the data.
    """
    rest, arrays = _cut(raw)
    found = iter(arrays)
    try:
        document = json.loads(
            rest.decode(),
            object_pairs_hook=_object,
            parse_constant=lambda constant: _array(constant, found),
        )
    except (ValueError, RecursionError) as error:
        raise BadRequestError("the body is not valid JSON, or has a key twice") from error
    if not isinstance(document, dict):
        raise BadRequestError("the JSON is no object")
    return document


def read_numbers(array: Array, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The pixels of a tensor, flat or nested as its shape says.

    Raises:
        BadRequestError: the array is not of that shape, or a value is no pixel's.
    """
    count = math.prod(shape)
    # First the commas: what is announced may be large, what came is not.
    if array.raw.count(b",") != count - 1 or not _nested(array.raw, shape):
        raise BadRequestError(
            f"data must be {count} numbers, flat or nested as the shape {[*shape]} says"
        )
    values, at = np.empty(count, np.uint8), 0
    for piece in _pieces(_translated(array.raw, _BLANKS)):
        numbers = whole(_numbers(piece))
        values[at : at + len(numbers)] = numbers
        at += len(numbers)
    if at != count:
        raise BadRequestError("data ends with a comma")
    return values.reshape(shape)


def read_base64(array: Array, count: int) -> list[bytes]:
    """The elements of a BYTES tensor, `[count]` or `[count, 1]`, which JSON has in base64.

    Raises:
        BadRequestError: the array is not of that shape, or not base64.
    """
    parts = array.raw.split(b'"')
    marks, texts = b'"'.join(parts[::2]).translate(None, _SPACE), parts[1::2]
    try:
        # First the number: what is announced may be large, what came is not.
        if len(texts) == count and marks in {_list(b'"', count), _list(b'["]', count)}:
            return [_decoded(text.replace(b"\\/", b"/")) for text in texts]
    except ValueError as error:
        raise BadRequestError("data has a string that is not base64") from error
    raise BadRequestError(f"data must be {count} strings, each an encoded image in base64")


def _cut(raw: bytes) -> tuple[bytes, list[bytes]]:
    """What is left without the data, of which each has `NaN`, which is no JSON, in its place."""
    kept, arrays, at = b"", [], 0
    while len(kept) <= _MOST_BYTES and (key := _KEY.search(raw, at, at + _MOST_BYTES)):
        array = _array_at(raw, key.end())
        arrays.append(array)
        kept += raw[at : key.end()] + b"NaN"
        at = key.end() + len(array)
    if len(kept) + len(raw) - at > _MOST_BYTES:
        raise TooLargeError(f"the JSON is larger than {_MOST_BYTES} bytes without the data")
    return kept + raw[at:], arrays


def _array_at(raw: bytes, begin: int) -> bytes:
    """The array of numbers or strings that begins there, without the next member's key."""
    at, strings = begin, 0
    while True:
        if numbers := _NUMBERS.match(raw, at):
            at = numbers.end()
            continue
        end = raw.find(b'"', at + 1) + 1 if raw.startswith(b'"', at) else 0
        # No base64 has an escaped quote: then it ends here, and what is left is no JSON.
        if not end or raw[end - 2 : end - 1] == b"\\" or _COLON.match(raw, end):
            return raw[begin:at].rstrip(b"," + _SPACE)
        at, strings = end, strings + 1
        if strings > _MOST_STRINGS:
            raise BadRequestError("too many strings")


def _array(constant: str, arrays: Iterator[bytes]) -> Array:
    """The next array that was cut out; a constant that the client wrote is one too many."""
    raw = next(arrays, None)
    if raw is None:
        raise ValueError(f"{constant} is no JSON")
    return Array(raw)


def _object(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    members = [*pairs]
    document = dict(members)
    if len(document) != len(members):
        raise ValueError("a key appears twice")
    return document


def _nested(raw: bytes, shape: tuple[int, ...]) -> bool:
    """Whether brackets and commas, which are as many as they must be, are where they must be."""
    marks = _translated(raw, _MARKS, _SPACE)
    begins = range(0, len(marks), _PIECE)
    # Of every two neighbours, so that none are between two pieces.
    pieces = (marks[at : at + _PIECE + 1] for at in begins)
    if any(b"]0" in piece or b"0[" in piece for piece in pieces):
        return False
    brackets = _translated(marks, None, b"0")
    expected = b""
    for side in reversed(shape):
        expected = _list(expected, side)
    return brackets in {expected, _list(b"", math.prod(shape))}


def _list(element: bytes, count: int) -> bytes:
    return b"[" + (element + b",") * (count - 1) + element + b"]"


def _translated(text: bytes, table: bytes | None, delete: bytes = b"") -> bytes:
    """`text.translate`, which would hold up other threads."""
    begins = range(0, len(text), _PIECE)
    return b"".join([text[at : at + _PIECE].translate(table, delete) for at in begins])


def _pieces(numbers: bytes) -> Iterator[bytes]:
    """Parts of a list without brackets, each of whole numbers and small."""
    begin = 0
    while begin < len(numbers):
        comma = numbers.find(b",", begin + _PIECE)
        end = len(numbers) if comma < 0 else comma
        if end - begin > 2 * _PIECE:
            raise BadRequestError("data has a number of too many digits")
        yield numbers[begin:end]
        begin = end + 1


def _numbers(piece: bytes) -> NDArray[np.float64]:
    try:
        return np.asarray(json.loads(b"[" + piece + b"]"), np.float64)
    except (ValueError, OverflowError) as error:
        raise BadRequestError("data has something that is no JSON number") from error


def _decoded(text: bytes) -> bytes:
    """Base64, by pieces that end where four characters do; padding ends the last one alone."""
    if b"=" in text[:-2]:
        raise ValueError("padding within")
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
    return b"".join([binascii.a2b_base64(piece, strict_mode=True) for piece in pieces])
