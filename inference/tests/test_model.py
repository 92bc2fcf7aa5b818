from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from conftest import GOLDEN
from onnx import TensorProto, helper

from inference.manifest import RepositoryError, parse_manifest
from inference.model import ModelError, are_probabilities, load

if TYPE_CHECKING:
    from inference.manifest import Manifest

FOLDER = GOLDEN / "model" / "good" / "golden" / "2"
GOOD = (FOLDER / "model.onnx").read_bytes()


@pytest.fixture
def manifest() -> Manifest:
    return parse_manifest((FOLDER / "manifest.json").read_bytes(), "golden", 2)


def changed(taken: onnx.ValueInfoProto | None = None, last: str = "Softmax") -> bytes:
    """The golden graph with another input, or another last operator."""
    model = onnx.load_from_string(GOOD)
    if taken is not None:
        model.graph.input[0].CopyFrom(taken)
    node = model.graph.node[-1]
    if last != node.op_type:
        node.CopyFrom(helper.make_node(last, list(node.input), list(node.output)))
    return bytes(model.SerializeToString())


def image(kind: int = TensorProto.UINT8, n: int | str = "n", side: int = 8) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info("image", kind, [n, side, side, 3])


def one_short_of_two() -> bytes:
    """The golden graph, but with one row for a batch of two."""
    model = onnx.load_from_string(GOOD)
    softmax, graph = model.graph.node[-1], model.graph
    kept = softmax.output[0]
    softmax.output[0] = "all"
    for name, value in {"none": 0, "first": 1, "two": 2}.items():
        graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [1], [value]))
    graph.node.extend(
        [
            helper.make_node("Shape", ["all"], ["shape"]),
            helper.make_node("Slice", ["shape", "none", "first"], ["rows"]),
            helper.make_node("Equal", ["rows", "two"], ["are two"]),
            helper.make_node("Cast", ["are two"], ["missing"], to=TensorProto.INT64),
            helper.make_node("Sub", ["rows", "missing"], ["left"]),
            helper.make_node("Slice", ["all", "none", "left", "none"], [kept]),
        ]
    )
    return bytes(model.SerializeToString())


def test_the_strongest_channel_is_the_class(manifest: Manifest) -> None:
    model = load(GOOD, manifest, 1)
    images = np.zeros((3, 8, 8, 3), np.uint8)
    for index in range(3):
        images[index, :, :, 2 - index] = 200
    rows = model.probabilities(images)
    assert rows.argmax(axis=1).tolist() == [0, 1, 2]
    assert np.allclose(rows.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be loaded"),
        (b"no protobuf at all", "cannot be loaded"),
        (GOOD[:100], "cannot be loaded"),
        ((GOLDEN / "model/external/golden/2/model.onnx").read_bytes(), "outside itself"),
        (changed(last="Nonsense"), "Nonsense"),
        (changed(image(n=1)), "batch dimension of image is fixed"),
        (changed(image(side=16)), "manifest says 8 x 8"),
        (changed(image(kind=TensorProto.FLOAT)), r"has image tensor\(float\)"),
        (changed(last="Identity"), "no probabilities"),
        (changed(last="Neg"), "no probabilities"),
    ],
)
def test_a_graph_that_cannot_serve_is_refused(
    content: bytes, reason: str, manifest: Manifest
) -> None:
    with pytest.raises(RepositoryError, match=reason) as caught:
        load(content, manifest, 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "good"),
    [
        ([1, 0, 0], True),
        ([1.0005, -0.0005, 0], True),
        ([0.4, 0.5, 0], False),
        ([1.5, -0.5, 0], False),
        ([np.nan, 0.5, 0.5], False),
        ([np.inf, -np.inf, 1], False),
    ],
)
def test_probabilities_are_known(row: list[float], good: bool) -> None:  # noqa: FBT001 - expected
    rows = np.array([row, [0, 1, 0]], np.float32)
    assert are_probabilities(rows).tolist() == [good, True]


def test_a_run_that_fails_is_a_typed_error(manifest: Manifest) -> None:
    with pytest.raises(ModelError, match=r"^[^\n]+$"):
        load(GOOD, manifest, 1).probabilities(np.zeros((1, 4, 4, 3), np.uint8))


def test_each_image_must_get_a_row(manifest: Manifest) -> None:
    model = load(one_short_of_two(), manifest, 1)
    assert len(model.probabilities(np.zeros((3, 8, 8, 3), np.uint8))) == 3
    with pytest.raises(ModelError, match=r"^it gives shape \(1, 3\) for a batch of 2$"):
        model.probabilities(np.zeros((2, 8, 8, 3), np.uint8))


def test_values_that_are_not_finite_are_refused(manifest: Manifest) -> None:
    model = onnx.load_from_string(GOOD)
    nodes = model.graph.node
    nodes[-1].CopyFrom(helper.make_node("Div", ["scores", "none"], ["probabilities"]))
    nodes.insert(3, helper.make_node("Sub", ["scores", "scores"], ["none"]))
    with pytest.raises(RepositoryError, match="no probabilities"):
        load(model.SerializeToString(), manifest, 1)


def test_names_are_checked(manifest: Manifest) -> None:
    model = onnx.load_from_string(GOOD)
    model.graph.node[-1].output[0] = model.graph.output[0].name = "scores2"
    with pytest.raises(RepositoryError, match=r"scores2 tensor\(float\), where it must have"):
        load(model.SerializeToString(), manifest, 1)


def test_labels_and_outputs_must_be_equally_many(manifest: Manifest) -> None:
    with pytest.raises(RepositoryError, match=r"gives \[3\] classes, but the manifest has 2"):
        load(GOOD, replace(manifest, labels=("a", "b")), 1)
