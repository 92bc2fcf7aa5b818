from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import onnx
import pytest
from conftest import GOLDEN
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from inference.onnx_file import has_external_data

if TYPE_CHECKING:
    from collections.abc import Callable

MODELS = GOLDEN / "model"
GOOD = (MODELS / "good" / "golden" / "2" / "model.onnx").read_bytes()


def test_the_golden_models_are_told_apart() -> None:
    external = (MODELS / "external" / "golden" / "2" / "model.onnx").read_bytes()
    assert not has_external_data(GOOD)
    assert has_external_data(external)


def elsewhere() -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    return tensor


def addressed() -> TensorProto:
    """Names a place, but leaves out the location's kind, which some readers do not ask for."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.external_data.add(key="location", value="*/_ORT_MEM_ADDR_/*")
    return tensor


def subgraph(tensor: TensorProto) -> onnx.GraphProto:
    return helper.make_graph([], "below", [], [], [tensor])


def node(**attributes: object) -> onnx.NodeProto:
    made = onnx.NodeProto(op_type="Some")
    made.attribute.extend(helper.make_attribute(*each) for each in attributes.items())
    return made


PLACES: dict[str, Callable[[onnx.ModelProto, TensorProto], object]] = {
    "initializer": lambda model, tensor: model.graph.initializer.append(tensor),
    "constant": lambda model, tensor: model.graph.node.append(node(value=tensor)),
    "constants": lambda model, tensor: model.graph.node.append(node(values=[tensor])),
    "branch": lambda model, tensor: model.graph.node.append(node(then=subgraph(tensor))),
    "branches": lambda model, tensor: model.graph.node.append(node(all=[subgraph(tensor)])),
    "sparse": lambda model, tensor: model.graph.sparse_initializer.add(values=tensor),
    "sparse indices": lambda model, tensor: model.graph.sparse_initializer.add(indices=tensor),
    "function": lambda model, tensor: model.functions.add(node=[node(value=tensor)]),
    "function's default": lambda model, tensor: model.functions.add(
        attribute_proto=[helper.make_attribute("a", tensor)]
    ),
    "training": lambda model, tensor: model.training_info.add(algorithm=subgraph(tensor)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("tensor", [elsewhere(), addressed()], ids=["kind", "address"])
def test_external_data_is_found_wherever_it_hides(place: str, tensor: TensorProto) -> None:
    model = onnx.load_from_string(GOOD)
    PLACES[place](model, tensor)
    assert has_external_data(model.SerializeToString())


def test_tensors_within_the_file_are_no_external_data() -> None:
    model = onnx.load_from_string(GOOD)
    for put in PLACES.values():
        put(model, TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], raw_data=b"0000"))
    assert not has_external_data(model.SerializeToString())


def test_endless_nesting_is_refused() -> None:
    graph = subgraph(TensorProto(name="w"))
    for _ in range(30):
        graph = helper.make_graph([node(then=graph)], "above", [], [])
    with pytest.raises(ValueError, match="nested"):
        has_external_data(helper.make_model(graph).SerializeToString())


@given(st.binary())
def test_any_bytes_give_an_answer_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert has_external_data(data) in (True, False)


@given(st.integers(0, len(GOOD) - 1))
def test_a_cut_file_never_passes_for_external(size: int) -> None:
    with contextlib.suppress(ValueError):
        assert not has_external_data(GOOD[:size])
