from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from trainer.normalization import fuse_normalization, to_convolutions

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELS = 3
PER_CHANNEL = (1, CHANNELS, 1, 1)
DRAWS = np.random.default_rng(0)
SCALE, BIAS = (DRAWS.normal(size=PER_CHANNEL).astype(np.float32) for _ in range(2))
IMAGES = DRAWS.normal(size=(2, CHANNELS, 4, 5)).astype(np.float32)
TWICE = (("Mul", ("x", "scale"), "m"), ("Add", ("m", "bias"), "a"))
CHAIN = (("Mul", ("x", "scale"), "m"), ("Add", ("m", "bias"), "y"))


def graph_of(
    *nodes: tuple[str, tuple[str, ...], str], **constants: NDArray[np.float32]
) -> onnx.ModelProto:
    shape: list[str | int | None] = ["n", CHANNELS, 4, 5]
    constants = {"scale": SCALE, "bias": BIAS} | constants
    graph = helper.make_graph(
        [
            helper.make_node(kind, inputs, [output], f"node-{output}")
            for kind, inputs, output in nodes
        ],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def kinds(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def run(model: onnx.ModelProto) -> NDArray[np.float32]:
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    answer: NDArray[np.float32] = session.run(["y"], {"x": IMAGES})[0]
    return answer


@pytest.mark.parametrize(
    "nodes",
    [
        CHAIN,
        (("Mul", ("scale", "x"), "m"), ("Add", ("bias", "m"), "y")),
        (("Relu", ("x",), "r"), ("Mul", ("r", "scale"), "m"), ("Add", ("m", "bias"), "y")),
        (*TWICE, ("Mul", ("a", "scale"), "n"), ("Add", ("n", "bias"), "y")),
    ],
)
def test_a_normalisation_becomes_one_operator_with_the_same_answers(
    nodes: tuple[tuple[str, tuple[str, ...], str], ...],
) -> None:
    model = graph_of(*nodes)
    expected, before = run(model), kinds(model)
    fuse_normalization(model.graph)
    assert (
        kinds(model) == Counter(BatchNormalization=before["Mul"], Relu=before["Relu"]) + Counter()
    )
    assert run(model) == pytest.approx(expected, abs=1e-6)
    to_convolutions(model.graph)
    assert set(kinds(model)) <= {"Conv", "Relu"}
    assert kinds(model)["Conv"] == before["Mul"]
    assert run(model) == pytest.approx(expected, abs=1e-6)
    read = {name for node in model.graph.node for name in node.input}
    assert {each.name for each in model.graph.initializer} <= read


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ((*CHAIN[:1], ("Add", ("m", "x"), "y")), {}),  # a shortcut
        ((*TWICE, ("Sub", ("a", "m"), "y")), {}),  # read twice
        (CHAIN, {"scale": np.float32(2).reshape(())}),  # not by channel
        (CHAIN, {"bias": np.ones((1, CHANNELS, 4, 5), np.float32)}),
        (CHAIN, {"scale": np.ones((1, 1, 1, 5), np.float32)}),
        ((*CHAIN[:1], ("Sub", ("m", "bias"), "y")), {}),
    ],
)
def test_anything_else_stays(
    nodes: tuple[tuple[str, tuple[str, ...], str], ...], constants: dict[str, NDArray[np.float32]]
) -> None:
    model = graph_of(*nodes, **constants)
    expected, before = run(model), [node.op_type for node in model.graph.node]
    fuse_normalization(model.graph)
    assert [node.op_type for node in model.graph.node] == before
    assert run(model) == pytest.approx(expected, abs=0)


def test_mean_variance_and_epsilon_count() -> None:
    values = {
        name: DRAWS.uniform(0.5, 2, CHANNELS).astype(np.float32)
        for name in ("gamma", "beta", "mean", "variance")
    }
    model = graph_of(("BatchNormalization", ("x", *values), "y"), **values)
    model.graph.node[0].attribute.append(helper.make_attribute("epsilon", 0.5))
    expected = run(model)
    to_convolutions(model.graph)
    assert kinds(model) == {"Conv": 1}
    assert run(model) == pytest.approx(expected, abs=1e-5)
