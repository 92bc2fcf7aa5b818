from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from inference.errors import BadRequestError
from inference.infer_request import Takes, read_request
from inference.uploads import Upload

if TYPE_CHECKING:
    from inference.infer_request import InferRequest

TAKES = Takes(height=2, width=1, images=3)
PIXELS = np.arange(6, dtype=np.uint8).reshape(1, 2, 1, 3)
DATA = [0, 1, 2, 3, 4, 5]
TENSOR = {"name": "image", "datatype": "UINT8", "shape": [1, 2, 1, 3]}
OUTPUT = {"name": "probabilities"}


def read(document: object, tail: bytes | None = None) -> InferRequest:
    head = json.dumps(document).encode()
    if tail is None:
        return read_request(head, None, TAKES)
    return read_request(head + tail, len(head), TAKES)


def asked(tensor: object, **more: object) -> dict[str, object]:
    return {"inputs": [tensor], **more}


def pixels(request: InferRequest) -> list[Any]:
    return [image.tolist() for image in request.images if isinstance(image, np.ndarray)]


@pytest.mark.parametrize("datatype", ["UINT8", "FP32"])
def test_pixels_are_read_in_every_form(datatype: str) -> None:
    tensor = {**TENSOR, "datatype": datatype}
    raw = PIXELS.astype("u1" if datatype == "UINT8" else "<f4").tobytes()
    binary = {**tensor, "parameters": {"binary_data_size": len(raw)}}
    for request in (
        read(asked({**tensor, "data": DATA})),
        read(asked({**tensor, "data": PIXELS.tolist()})),
        read(asked({**tensor, "data": DATA}), b""),
        read(asked({**binary, "data": None}), raw),
        read(asked(binary), raw),
    ):
        assert pixels(request) == PIXELS.tolist()
        assert (request.id, request.classes, request.binary) == (None, None, False)


def test_an_image_alone_is_answered_as_bytes() -> None:
    request = read_request(PIXELS.tobytes(), 0, TAKES)
    assert pixels(request) == PIXELS.tolist()
    assert request.binary
    for body in (b"", PIXELS.tobytes() * 2):
        with pytest.raises(BadRequestError, match="bytes came"):
            read_request(body, 0, TAKES)


@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_encoded_images_are_read_and_told_apart(shape: list[int]) -> None:
    tensor = {"name": "image", "datatype": "BYTES", "shape": shape}
    texts = [base64.b64encode(each).decode() for each in (b"a", b"bc")]
    expected = [Upload("image[0]", b"a"), Upload("image[1]", b"bc")]
    assert read(asked({**tensor, "data": texts})).images == expected
    raw = b"\x01\0\0\0a\x02\0\0\0bc"
    binary = {**tensor, "parameters": {"binary_data_size": len(raw)}}
    assert read(asked(binary), raw).images == expected


@pytest.mark.parametrize(
    ("more", "classes", "binary"),
    [
        ({}, None, False),
        ({"outputs": None, "parameters": None, "id": None}, None, False),
        ({"outputs": []}, None, False),
        ({"outputs": [OUTPUT]}, None, False),
        ({"outputs": [{**OUTPUT, "parameters": {"binary_data": True}}]}, None, True),
        ({"parameters": {"binary_data_output": True}}, None, True),
        (
            {
                "parameters": {"binary_data_output": True, "priority": 3, "sequence_id": "x"},
                "outputs": [{**OUTPUT, "parameters": {"binary_data": False}}],
            },
            *(None, False),
        ),
        ({"outputs": [{**OUTPUT, "parameters": {"classification": 7}}]}, 7, False),
        ({"model_name": "golden", "x": [{}]}, None, False),
    ],
)
def test_the_output_is_as_asked_for(
    more: dict[str, object],
    classes: int | None,
    binary: bool,  # noqa: FBT001 - expected
) -> None:
    request = read(asked({**TENSOR, "data": DATA}, **more))
    assert (request.classes, request.binary) == (classes, binary)


def test_the_id_is_kept() -> None:
    assert read(asked({**TENSOR, "data": DATA}, id="ä\ud800")).id == "ä\ud800"


SOUND = {**TENSOR, "data": DATA}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], "the JSON is no object"),
        ({}, "inputs must be a list of one tensor"),
        ({"inputs": SOUND}, "inputs must be of the type array"),
        ({"inputs": []}, "inputs must be a list of one tensor"),
        ({"inputs": [1]}, "inputs must be a list of one tensor"),
        ({"inputs": [SOUND, SOUND]}, "inputs must be a list of one tensor"),
        (asked({**SOUND, "name": "x"}), "the only input is 'image'"),
        (asked({**SOUND, "name": ["image"]}), "the only input is 'image'"),
        (asked({**SOUND, "datatype": "INT64"}), "datatype must be UINT8, FP32 or BYTES"),
        (asked({**SOUND, "datatype": None}), "datatype must be"),
        (asked({**SOUND, "datatype": []}), "datatype must be"),
        (asked({**SOUND, "shape": None}), "shape must be"),
        (asked({**SOUND, "shape": "1"}), "shape must be of the type array"),
        (asked({**SOUND, "shape": []}), r"shape must be \[N, 2, 1, 3\], N from 1 to 3"),
        (asked({**SOUND, "shape": [6]}), "shape must be"),
        (asked({**SOUND, "shape": [1, 1, 2, 3]}), "shape must be"),
        (asked({**SOUND, "shape": [1, 2, 1, 3, 1]}), "shape must be"),
        (asked({**SOUND, "shape": [0, 2, 1, 3]}), "shape must be"),
        (asked({**SOUND, "shape": [-1, 2, 1, 3]}), "shape must be"),
        (asked({**SOUND, "shape": [4, 2, 1, 3]}), "shape must be"),
        (asked({**SOUND, "shape": [2**63, 2, 1, 3]}), "shape must be"),
        (asked({**SOUND, "shape": [10**4000, 2, 1, 3]}), "shape must be"),
        (asked({**SOUND, "shape": [True, 2, 1, 3]}), "shape must be"),
        (asked({**SOUND, "shape": [1, 2, True, 3]}), "shape must be"),
        (asked({**SOUND, "shape": [[1], 2, 1, 3]}), "shape must be"),
        (asked({**SOUND, "shape": ["1", 2, 1, 3]}), "shape must be"),
        (asked({**SOUND, "datatype": "BYTES"}), r"shape must be \[N\] or \[N, 1\]"),
        (asked({**SOUND, "datatype": "BYTES", "shape": [True]}), "shape must be"),
        (asked(TENSOR), "must have its data as an array"),
        (asked({**TENSOR, "data": 1}), "must have its data as an array"),
        (asked({**TENSOR, "data": {}}), "must have its data as an array"),
        (asked({**TENSOR, "data": DATA[1:]}), "data must be 6 numbers"),
        (asked({**TENSOR, "data": [DATA]}), "data must be 6 numbers"),
        (asked({**TENSOR, "data": ["1"] * 6}), "data must be 6 numbers"),
        (asked({**TENSOR, "data": [*DATA[1:], 0.5]}), "whole numbers from 0 to 255"),
        (asked({**SOUND, "parameters": []}), "parameters must be of the type object"),
        (asked({**SOUND, "parameters": {"binary_data_size": 0}}), "both data and"),
        (asked({**TENSOR, "parameters": {"binary_data_size": "6"}}), "must be of the type whole"),
        (asked({**TENSOR, "parameters": {"binary_data_size": True}}), "must be of the type whole"),
        (asked({**TENSOR, "parameters": {"binary_data_size": 6}}), "0 bytes come .* says another"),
        (asked({**TENSOR, "parameters": {"binary_data_size": -1}}), "0 bytes come"),
        (asked({**TENSOR, "parameters": {"binary_data_size": 9**999}}), "0 bytes come"),
        (asked({**TENSOR, "parameters": {"binary_data_size": 0}}), "0 bytes came"),
        (asked({**TENSOR, "parameters": {"shared_memory_region": "x"}}), "shared memory"),
        (asked(SOUND, id=1), "id must be of the type string"),
        (asked(SOUND, parameters=1), "parameters must be of the type object"),
        (asked(SOUND, parameters={"binary_data_output": 1}), "must be of the type boolean"),
        (asked(SOUND, outputs={}), "outputs must be of the type array"),
        (asked(SOUND, outputs=["probabilities"]), "the only output is 'probabilities'"),
        (asked(SOUND, outputs=[{"name": "x"}]), "the only output is 'probabilities'"),
        (asked(SOUND, outputs=[OUTPUT, OUTPUT]), "the only output is 'probabilities'"),
        *(
            (asked(SOUND, outputs=[{**OUTPUT, "parameters": parameters}]), told)
            for parameters, told in (
                ({"classification": 0}, "classification must be a whole number from 1"),
                ({"classification": 1.5}, "classification must be of the type whole number"),
                ({"binary_data": "yes"}, "binary_data must be of the type boolean"),
                ({"shared_memory_region": "x"}, "shared memory"),
            )
        ),
    ],
)
def test_what_cannot_be_answered_is_refused(document: object, told: str) -> None:
    with pytest.raises(BadRequestError, match=told):
        read(document)


def test_bytes_that_nobody_asked_for_are_refused() -> None:
    with pytest.raises(BadRequestError, match="1 bytes come"):
        read(asked(SOUND), b"x")
    binary = {**TENSOR, "parameters": {"binary_data_size": 6}}
    for tail in (b"12345", b"1234567"):
        with pytest.raises(BadRequestError, match=f"{len(tail)} bytes come"):
            read(asked(binary), tail)
