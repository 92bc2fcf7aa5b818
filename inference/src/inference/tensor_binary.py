"""Tensors as bytes: the protocol's binary tensor data extension.

Little-endian, row by row, without padding; an element of a BYTES tensor has its length, as four
bytes, before it. Source:
<https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md>.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import numpy as np

from inference.errors import BadRequestError
from inference.tensors import UINT8, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_LENGTH = struct.Struct("<I")


def read_pixels(raw: memoryview, datatype: str, shape: tuple[int, ...]) -> list[NDArray[np.uint8]]:
    """The images of a UINT8 or FP32 tensor `[N, height, width, 3]`.

    Raises:
        BadRequestError: there are more or fewer bytes, or a value is no pixel's.
    """
    kind = np.dtype(np.uint8 if datatype == UINT8 else "<f4")
    expected = math.prod(shape) * kind.itemsize
    if len(raw) != expected:
        raise BadRequestError(
            f"{len(raw)} bytes came for {datatype} of shape {[*shape]}, which takes {expected}"
        )
    images = np.frombuffer(raw, kind).reshape(shape)
    return [*images] if datatype == UINT8 else [whole(image) for image in images]


def read_elements(raw: memoryview, count: int) -> list[bytes]:
    """The elements of a BYTES tensor.

    Raises:
        BadRequestError: there are more or fewer.
    """
    elements: list[bytes] = []
    at = 0
    while at < len(raw) and len(elements) < count:
        begin = at + _LENGTH.size
        at = begin + _LENGTH.unpack(raw[at:begin])[0] if begin <= len(raw) else begin
        elements.append(bytes(raw[begin:at]))
    if at != len(raw) or len(elements) != count:
        raise BadRequestError(
            f"the BYTES tensor must have {count} elements, each after its length in four bytes"
        )
    return elements


def packed(texts: Sequence[str]) -> bytes:
    """A BYTES tensor of texts."""
    elements = [text.encode() for text in texts]
    return b"".join(_LENGTH.pack(len(each)) + each for each in elements)
