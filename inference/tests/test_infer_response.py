from __future__ import annotations

import json
from typing import Any

import numpy as np
from conftest import GOLDEN

from inference.infer_request import InferRequest
from inference.infer_response import infer_response
from inference.manifest import parse_manifest

FOLDER = GOLDEN / "model" / "good" / "golden" / "2"
MANIFEST = parse_manifest((FOLDER / "manifest.json").read_bytes(), "golden", 2)
ROWS = np.array([[0.1, 0.2, 0.7], [0.25, 0.5, 0.25]], np.float32)
NAMED = [["0.700000:2:red", "0.200000:1:green"], ["0.500000:1:green", "0.250000:0:blue"]]


def answer(
    classes: int | None = None, *, binary: bool = False, name: str | None = None
) -> tuple[dict[str, Any], bytes | None]:
    request = InferRequest(name, [], classes, binary)
    response = infer_response("golden", MANIFEST, request, [*ROWS])
    return json.loads(response.document), response.binary


def test_json_has_the_very_numbers() -> None:
    document, binary = answer()
    tensor = document.pop("outputs")[0]
    assert document == {"model_name": "golden", "model_version": "2"}
    assert (np.array(tensor.pop("data"), np.float32) == ROWS.ravel()).all()
    assert tensor == {"name": "probabilities", "datatype": "FP32", "shape": [2, 3]}
    assert binary is None


def test_bytes_have_the_very_numbers() -> None:
    document, binary = answer(binary=True)
    tensor = document["outputs"][0]
    assert tensor["parameters"] == {"binary_data_size": 24}
    assert "data" not in tensor
    assert binary == ROWS.astype("<f4").tobytes()


def test_the_best_classes_are_named_in_order() -> None:
    document, _ = answer(2)
    tensor = document["outputs"][0]
    assert (tensor["datatype"], tensor["shape"]) == ("BYTES", [2, 2])
    assert tensor["data"] == [*NAMED[0], *NAMED[1]]
    document, binary = answer(2, binary=True)
    assert binary == b"".join(
        len(text).to_bytes(4, "little") + text.encode() for text in [*NAMED[0], *NAMED[1]]
    )
    assert document["outputs"][0]["parameters"] == {"binary_data_size": len(binary)}


def test_no_more_classes_are_named_than_there_are() -> None:
    document, _ = answer(10**9)
    assert document["outputs"][0]["shape"] == [2, 3]


def test_the_id_is_given_back() -> None:
    for name in ("", "7", ']}]},"', "\ud800ä"):
        assert answer(name=name)[0]["id"] == name
        assert answer(1, binary=True, name=name)[0]["id"] == name
