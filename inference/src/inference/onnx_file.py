"""A look into an ONNX file before ONNX Runtime gets it.

A graph may keep its weights in other files, or claim that they lie at an address in memory; a
published model does neither. This reads just enough of the Protocol Buffers encoding
(<https://protobuf.dev/programming-guides/encoding/>) to find such tensors, wherever ONNX's
schema (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>) allows one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXTERNAL_DATA, _DATA_LOCATION = 13, 14

#: Message -> field number -> message, for all that leads to a tensor.
_SCHEMA = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
}

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_DEEPEST = 50


def has_external_data(model: bytes) -> bool:
    """Whether any tensor of the model says that its data lie elsewhere.

    Raises:
        ValueError: the bytes are no well-formed ONNX file.
    """
    return _external(memoryview(model), "model", 0)


def _external(data: memoryview, message: str, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("graphs are nested too deeply")
    if message == "tensor":
        return any(
            number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value)
            for number, value in _fields(data)
        )
    below = _SCHEMA[message]
    return any(
        _external(value, below[number], depth + 1)
        for number, value in _fields(data)
        if number in below and isinstance(value, memoryview)
    )


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        value: memoryview | int = 0
        if wire == _VARINT:
            value, at = _varint(data, at)
        elif wire == _LENGTH:
            size, at = _varint(data, at)
            value = data[at : at + size]
            at += size
        elif wire in (_FIXED32, _FIXED64):
            at += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError("not an ONNX file")
        if at > len(data):
            raise ValueError("the ONNX file is cut off")
        yield number, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):  # 64 bits take at most ten bytes
        if at >= len(data):
            raise ValueError("the ONNX file is cut off")
        more, bits = divmod(data[at], 0x80)
        value |= bits << shift
        at += 1
        if not more:
            return value, at
    raise ValueError("not an ONNX file")
