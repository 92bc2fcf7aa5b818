"""What an inference request of the Open Inference Protocol asks for.

Source: <https://github.com/kserve/kserve/blob/master/docs/predict-api/v2/required_api.md>.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from inference.errors import BadRequestError
from inference.model import INPUT, OUTPUT
from inference.tensor_binary import read_elements, read_pixels
from inference.tensor_json import Array, read_base64, read_document, read_numbers
from inference.tensors import BYTES, FP32, UINT8
from inference.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from inference.manifest import Manifest

    Images = Sequence[Upload | NDArray[np.uint8]]

_SHARED = "shared_memory_region"
_TYPES = {bool: "boolean", dict: "object", int: "whole number", list: "array", str: "string"}

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Takes:
    """What the served model takes: images of so many pixels, and so many of them at most."""

    height: int
    width: int
    images: int

    @classmethod
    def of(cls, manifest: Manifest, most_images: int) -> Takes:
        """By the model's manifest, and by what one request may hold."""
        return cls(manifest.height, manifest.width, most_images)


@dataclass(frozen=True, slots=True, eq=False)
class InferRequest:
    """A request that was read.

    Attributes:
        id: to be given back.
        images: encoded, or the pixels `[height, width, 3]`.
        classes: how many of the best to name, in place of all probabilities.
        binary: whether the output is wanted as bytes behind the JSON.
    """

    id: str | None
    images: Images
    classes: int | None
    binary: bool


def read_request(body: bytes, json_bytes: int | None, takes: Takes) -> InferRequest:
    """Read a request's body.

    Args:
        body: JSON, and perhaps a tensor's bytes behind it.
        json_bytes: length of the JSON; 0 for one image's bytes alone; `None` for all of the body.
        takes: what the served model takes.

    Raises:
        BadRequestError: it is malformed, or asks for what is not there.
        TooLargeError: there is too much JSON beside the tensor's data.
    """
    binary = memoryview(body)[len(body) if json_bytes is None else json_bytes :]
    if json_bytes == 0:
        return InferRequest(
            None, read_pixels(binary, UINT8, (1, takes.height, takes.width, 3)), None, binary=True
        )
    document = read_document(body[:json_bytes])
    classes, as_binary = _output(document)
    return InferRequest(
        _get(document, "id", str),
        _images(_input(document), binary, takes),
        classes,
        as_binary,
    )


def _input(document: Mapping[str, object]) -> Mapping[str, object]:
    tensors = _get(document, "inputs", list)
    if not tensors or len(tensors) != 1 or not isinstance(tensors[0], dict):
        raise BadRequestError(f"inputs must be a list of one tensor, {INPUT!r}")
    tensor: Mapping[str, object] = tensors[0]
    if tensor.get("name") != INPUT:
        raise BadRequestError(f"the only input is {INPUT!r}, of which inputs has none")
    return tensor


def _images(tensor: Mapping[str, object], binary: memoryview, takes: Takes) -> Images:
    datatype = tensor.get("datatype")
    if not isinstance(datatype, str) or datatype not in {UINT8, FP32, BYTES}:
        raise BadRequestError(f"datatype must be {UINT8}, {FP32} or {BYTES}")
    shape = _shape(tensor, takes, encoded=datatype == BYTES)
    data = _data(tensor, binary)
    if datatype == BYTES:
        encoded = (
            read_base64(data, shape[0])
            if isinstance(data, Array)
            else read_elements(data, shape[0])
        )
        return [Upload(f"{INPUT}[{index}]", each) for index, each in enumerate(encoded)]
    if isinstance(data, Array):
        return [*read_numbers(data, shape)]
    return read_pixels(data, datatype, shape)


def _shape(tensor: Mapping[str, object], takes: Takes, *, encoded: bool) -> tuple[int, ...]:
    shape = _get(tensor, "shape", list) or []
    count = shape[0] if shape and type(shape[0]) is int else 0
    fitting = ([], [1]) if encoded else ([takes.height, takes.width, 3],)
    if not 1 <= count <= takes.images or shape[1:] not in fitting or bool in map(type, shape):
        form = "[N] or [N, 1]" if encoded else f"[N, {takes.height}, {takes.width}, 3]"
        raise BadRequestError(f"shape must be {form}, N from 1 to {takes.images}")
    return tuple(map(int, shape))


def _data(tensor: Mapping[str, object], binary: memoryview) -> Array | memoryview:
    """The tensor's data, which is in the JSON or behind it."""
    parameters = _parameters(tensor)
    data = tensor.get("data")
    size = _get(parameters, "binary_data_size", int)
    if size is None:
        if not isinstance(data, Array):
            raise BadRequestError(f"the input {INPUT!r} must have its data as an array")
        size = 0
    elif data is not None:
        raise BadRequestError("the input has both data and binary_data_size")
    if size != len(binary):
        raise BadRequestError(
            f"{len(binary)} bytes come after the JSON, by Inference-Header-Content-Length, but "
            "binary_data_size says another number"
        )
    return data if isinstance(data, Array) else binary


def _output(document: Mapping[str, object]) -> tuple[int | None, bool]:
    """How many classes are to be named, if not all probabilities are wanted; whether as bytes."""
    all_binary = _get(_parameters(document), "binary_data_output", bool)
    outputs = _get(document, "outputs", list) or [{"name": OUTPUT}]
    if len(outputs) != 1 or not isinstance(outputs[0], dict) or outputs[0].get("name") != OUTPUT:
        raise BadRequestError(f"the only output is {OUTPUT!r}: ask for it once, or name none")
    parameters = _parameters(outputs[0])
    classes = _get(parameters, "classification", int)
    if classes is not None and classes < 1:
        raise BadRequestError("classification must be a whole number from 1")
    binary = _get(parameters, "binary_data", bool)
    return classes, bool(all_binary if binary is None else binary)


def _parameters(parent: Mapping[str, object]) -> Mapping[str, object]:
    parameters: Mapping[str, object] = _get(parent, "parameters", dict) or {}
    if _SHARED in parameters:
        raise BadRequestError("shared memory is not supported: send the data itself")
    return parameters


def _get(document: Mapping[str, object], key: str, kind: type[Value]) -> Value | None:
    """A member; `None` where it is missing or null, as some clients write it."""
    value = document.get(key)
    if value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadRequestError(f"{key} must be of the type {_TYPES[kind]}")
    return value
