"""The answer to an inference request of the Open Inference Protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inference.model import OUTPUT
from inference.tensor_binary import packed
from inference.tensors import BYTES, FP32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from inference.infer_request import InferRequest
    from inference.manifest import Manifest

    Rows = Sequence[NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class InferResponse:
    """What is sent: JSON, and perhaps a tensor's bytes behind it."""

    document: bytes
    binary: bytes | None


def infer_response(
    name: str, manifest: Manifest, request: InferRequest, rows: Rows
) -> InferResponse:
    """Answer a request.

    Args:
        name: of the model.
        manifest: of the version that was asked.
        request: what was asked for.
        rows: the probabilities `[classes]` of each image.
    """
    head = {
        "model_name": name,
        "model_version": str(manifest.version),
        **({} if request.id is None else {"id": request.id}),
    }
    if request.classes is None:
        tensor: dict[str, object] = {
            "name": OUTPUT,
            "datatype": FP32,
            "shape": [len(rows), len(manifest.labels)],
        }
        if request.binary:
            return _binary(head, tensor, np.stack(rows).astype("<f4").tobytes())
        # Row by row: JSON's encoder lets no other thread run until it has ended.
        return _json(head, tensor, [_dumps(row.tolist())[1:-1] for row in rows])
    named = [_best(manifest, row, request.classes) for row in rows]
    tensor = {"name": OUTPUT, "datatype": BYTES, "shape": [len(named), len(named[0])]}
    if request.binary:
        return _binary(head, tensor, b"".join(map(packed, named)))
    return _json(head, tensor, [_dumps(texts)[1:-1] for texts in named])


def _best(manifest: Manifest, row: NDArray[np.float32], count: int) -> list[str]:
    """`probability:index:label` of the most probable classes, by the classification extension.

    Source of the form, six decimals included:
    <https://github.com/triton-inference-server/server/blob/main/src/classification.cc>.
    """
    best = np.argsort(-row, kind="stable")[:count]
    return [f"{row[index]:f}:{index}:{manifest.labels[index]}" for index in best.tolist()]


def _binary(head: dict[str, str], tensor: dict[str, object], content: bytes) -> InferResponse:
    tensor["parameters"] = {"binary_data_size": len(content)}
    return InferResponse(_dumps({**head, "outputs": [tensor]}).encode(), content)


def _json(head: dict[str, str], tensor: dict[str, object], rows: list[str]) -> InferResponse:
    opened = _dumps({**head, "outputs": [tensor]}).removesuffix("}]}")
    return InferResponse(f'{opened},"data":[{",".join(rows)}]}}]}}'.encode(), None)


def _dumps(document: object) -> str:
    return json.dumps(document, allow_nan=False, separators=(",", ":"))
