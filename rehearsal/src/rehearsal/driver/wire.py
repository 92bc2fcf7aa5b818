"""Protocol Buffers on the wire, as far as the few messages of a CSI driver need it.

https://protobuf.dev/programming-guides/encoding tells the format.
"""

from __future__ import annotations

from collections import defaultdict

Values = dict[int, list[int | bytes]]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}
_BITS = 64
_MORE = 0x80  # of a number's bytes all but the last have this bit


def encode(*fields: tuple[int, int | str | bytes]) -> bytes:
    """A message of these fields, each a number and a value; a nested message is bytes."""
    return b"".join(_field(number, value) for number, value in fields)


def decode(message: bytes) -> Values:
    """The values of each field, in their order; text and nested messages are bytes.

    Raises:
        ValueError: it is no message.
    """
    values: Values = defaultdict(list)
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("a field has the number 0")
        if kind == VARINT:
            value, at = _varint(message, at)
            values[number].append(value)
            continue
        if kind == BYTES:
            size, at = _varint(message, at)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise ValueError(f"field {number} is of the kind {kind}, which there is not")
        end = at + size
        if end > len(message):
            raise ValueError(f"field {number} is cut off")
        values[number].append(message[at:end])
        at = end
    return dict(values)


def text(values: Values, number: int) -> str:
    """A field of text; empty when it is not there."""
    value = values.get(number, [b""])[-1]  # the last one counts
    if isinstance(value, int):
        raise ValueError(f"field {number} is a number")  # noqa: TRY004 - as of what was sent
    return value.decode()


def texts(values: Values, number: int) -> tuple[str, ...]:
    """A repeated field of text."""
    return tuple(text({number: [each]}, number) for each in values.get(number, []))


def whole(values: Values, number: int) -> int:
    """A field that is a number, an enumeration or a truth value; 0 when it is not there."""
    value = values.get(number, [0])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {number} is no number")  # noqa: TRY004 - as of what was sent
    return value


def nested(values: Values, number: int) -> Values | None:
    """A field that is a message; None when it is not there."""
    if number not in values:
        return None
    value = values[number][-1]
    if isinstance(value, int):
        raise ValueError(f"field {number} is a number")  # noqa: TRY004 - as of what was sent
    return decode(value)


def pairs(values: Values, number: int) -> dict[str, str]:
    """A map of text to text, which is a repeated message of key and value."""
    entries = (nested({number: [each]}, number) or {} for each in values.get(number, []))
    return {text(entry, 1): text(entry, 2) for entry in entries}


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _number(number << 3 | VARINT) + _number(value)
    content = value.encode() if isinstance(value, str) else value
    return _number(number << 3 | BYTES) + _number(len(content)) + content


def _number(value: int) -> bytes:
    if not 0 <= value < 1 << _BITS:
        raise ValueError(f"{value} is negative or has more than {_BITS} bits")
    groups = bytearray()
    while value >= _MORE:
        groups.append(value & (_MORE - 1) | _MORE)
        value >>= 7
    return bytes([*groups, value])


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, _BITS + 6, 7):
        if at >= len(message):
            raise ValueError("a number is cut off")
        byte, at = message[at], at + 1
        value |= (byte & (_MORE - 1)) << shift
        if byte < _MORE:
            return value, at
    raise ValueError("a number has no end")
