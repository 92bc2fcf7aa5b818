from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

from trainer.errors import CheckError
from trainer.export import answers, build_classifier, export
from trainer.model import build_model
from trainer.quantization import CALIBRATION_IMAGES, FEW, check, choose, quantize

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 16
SIZES = (2000, 1000)


@cache
def floats() -> bytes:
    keras.utils.set_random_seed(0)
    model, draws = build_model(SIZE, 3), np.random.default_rng(0)
    # As training leaves them: no offset is 0, which tf2onnx would leave out.
    model.set_weights([each + draws.normal(0, 0.02, each.shape) for each in model.get_weights()])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export(build_classifier(model, temperature=5), SIZE, path)
        return path.read_bytes()


@cache
def quantized() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        quantize_at(path)
        assert [each.name for each in Path(folder).iterdir()] == ["model.onnx"]
        return path.read_bytes()


def quantize_at(path: Path, seed: int = 0) -> list[tuple[int, int | None]]:
    path.write_bytes(floats())
    told: list[tuple[int, int | None]] = []
    quantize(path, pixels(300), seed, lambda done, total, _="": told.append((done, total)))
    return told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(quantized())
    return tmp_path / "model.onnx"


def pixels(count: int) -> NDArray[np.uint8]:
    draws = np.random.default_rng(1)
    colours = draws.integers(0, 256, (count, 1, 1, 3))
    noise = draws.integers(-60, 61, (count, SIZE, SIZE, 3))
    images: NDArray[np.uint8] = np.clip(colours + noise, 0, 255).astype(np.uint8)
    return images


def test_the_graph_keeps_the_contract(path: Path) -> None:
    session = onnxruntime.InferenceSession(path)
    (image,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape[1:]) == ("image", "tensor(uint8)", [SIZE, SIZE, 3])
    assert (probabilities.name, probabilities.type) == ("probabilities", "tensor(float)")
    assert probabilities.shape[1:] == [3]
    assert not isinstance(image.shape[0], int)
    read = onnx.load(path, load_external_data=False)
    assert [each.version for each in read.opset_import if not each.domain] == [18]
    initializers = read.graph.initializer
    assert not any(onnx.external_data_helper.uses_external_data(each) for each in initializers)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_number_of_pictures_gets_probabilities(path: Path, count: int) -> None:
    found = answers(path, pixels(count))
    assert found.shape == (count, 3)
    assert found.sum(axis=1) == pytest.approx(np.ones(count), abs=1e-5)


def test_the_answers_are_nearly_the_float_ones_from_a_smaller_file(
    path: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "float.onnx"
    whole.write_bytes(floats())
    assert np.abs(answers(path, pixels(50)) - answers(whole, pixels(50))).max() < 0.01
    assert path.stat().st_size < 0.6 * whole.stat().st_size


def test_convolutions_run_on_integers_but_the_first(path: Path, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    before = [node.op_type for node in onnx.load(path).graph.node]
    after = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert after.count("Conv") == 1
    assert after.count("QLinearConv") == before.count("Conv") - 1
    assert after.count("QLinearAdd") == 4
    assert {"Mul", "BatchNormalization", "QLinearSoftmax"}.isdisjoint(after[3:-3])


def test_no_two_products_overflow_16_bits(path: Path) -> None:
    weights = [
        numpy_helper.to_array(each)
        for each in onnx.load(path).graph.initializer
        if each.data_type == TensorProto.INT8 and each.dims
    ]
    largest = max(int(np.abs(each.astype(int)).max()) for each in weights if each.size > 1)
    assert largest == 64
    assert 2 * 255 * largest < 2**15


def test_each_channel_has_a_scale(path: Path) -> None:
    read = onnx.load(path)
    values = {each.name: numpy_helper.to_array(each) for each in read.graph.initializer}
    for node in read.graph.node:
        weight = values.get(node.input[0])
        if node.op_type == "DequantizeLinear" and weight is not None and weight.ndim == 4:
            assert values[node.input[1]].shape == weight.shape[:1]


def test_equal_seeds_give_equal_files_and_others_do_not(path: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again.onnx", tmp_path / "other.onnx"
    quantize_at(again)
    quantize_at(other, seed=1)
    assert again.read_bytes() == path.read_bytes()
    assert other.read_bytes() != path.read_bytes()


def test_tells_how_many_images_were_seen(tmp_path: Path) -> None:
    told = quantize_at(tmp_path / "model.onnx")
    assert told[0] == (0, CALIBRATION_IMAGES)
    assert told[-1] == (CALIBRATION_IMAGES, CALIBRATION_IMAGES)
    assert told == sorted(told)
    assert len(told) > 10


@pytest.mark.parametrize("count", [1, CALIBRATION_IMAGES, CALIBRATION_IMAGES + 9])
def test_images_are_chosen_by_seed_and_stay_in_order(count: int) -> None:
    numbers = np.stack(np.divmod(np.arange(count), 256), axis=1).astype(np.uint8)
    chosen = [int(each[0]) * 256 + int(each[1]) for each in choose(numbers, seed=3)]
    assert len(chosen) == min(count, CALIBRATION_IMAGES)
    assert chosen == sorted(set(chosen))
    assert (choose(numbers, seed=3) == numbers[chosen]).all()
    if count > CALIBRATION_IMAGES:
        assert not (choose(numbers, seed=4) == numbers[chosen]).all()


def rows(right: int, wrong: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    expected = np.tile(np.array([0.9, 0.1], np.float32), (right + wrong, 1))
    found = expected.copy()
    found[right:] = found[right:, ::-1]
    return expected, found


@pytest.mark.parametrize(
    ("right", "wrong", "agreement"), [(99, 1, 0.99), (100, 0, 1.0), (5, 0, 1.0), (995, 5, 0.995)]
)
def test_enough_agreement_is_told(right: int, wrong: int, agreement: float) -> None:
    made = check("int8", *rows(right, wrong), SIZES)
    assert (made.kind, made.images) == ("int8", right + wrong)
    assert made.agreement == pytest.approx(agreement)
    assert made.difference == pytest.approx(0.8 if wrong else 0)
    assert (made.float_bytes, made.quantized_bytes) == SIZES


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (98, 2, r"on 98.00% of 100 validation images \(at least 99% is needed\)"),
        (53, 1, r"on 98.15% of 54 validation images, too few to judge by \("),
        (0, 1, r"on 0.00% of 1 validation images"),
        (0, 1, r"`trainer export` without --quantize exports the float model; nothing was publ"),
    ],
)
def test_too_little_agreement_is_refused(right: int, wrong: int, told: str) -> None:
    with pytest.raises(CheckError, match=told) as caught:
        check("int8", *rows(right, wrong), SIZES)
    assert "\n" not in str(caught.value)


def test_answers_that_are_no_numbers_are_refused() -> None:
    expected, found = rows(FEW, 0)
    with pytest.raises(CheckError):
        check("int8", expected, np.full_like(found, np.nan), SIZES)
