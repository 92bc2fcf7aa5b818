from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from onnx import numpy_helper

from trainer.batches import build_forward, predict_logits
from trainer.errors import CheckError
from trainer.evaluation import softmax
from trainer.export import build_classifier, check, compare, export
from trainer.model import build_model

SIZE = 9  # odd, so that pooling has an edge to get wrong
TEMPERATURE = 2.5


@cache
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_model(SIZE, 3)


@cache
def exported() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export(build_classifier(model(), TEMPERATURE), SIZE, path)
        assert [each.name for each in Path(folder).iterdir()] == ["model.onnx"]
        return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(exported())
    return tmp_path / "model.onnx"


def pixels(count: int) -> np.ndarray:
    draws = np.random.default_rng(1).integers(0, 256, (count, SIZE, SIZE, 3))
    return draws.astype(np.uint8)


def test_the_graph_keeps_the_contract(path: Path) -> None:
    read = onnx.load(path)
    session = onnxruntime.InferenceSession(path)
    (image,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape[1:]) == ("image", "tensor(uint8)", [9, 9, 3])
    assert (probabilities.name, probabilities.type) == ("probabilities", "tensor(float)")
    assert probabilities.shape[1:] == [3]
    assert not isinstance(image.shape[0], int)
    assert [(each.domain, each.version) for each in read.opset_import if not each.domain] == [
        ("", 18)
    ]


def test_the_weights_are_in_the_file(path: Path) -> None:
    initializers = onnx.load(path, load_external_data=False).graph.initializer
    assert initializers
    assert not any(onnx.external_data_helper.uses_external_data(each) for each in initializers)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_number_of_pictures_is_answered(path: Path, count: int) -> None:
    session = onnxruntime.InferenceSession(path)
    (answers,) = session.run(["probabilities"], {"image": pixels(count)})
    assert answers.shape == (count, 3)
    assert answers.sum(axis=1) == pytest.approx(np.ones(count), abs=1e-5)


def test_the_temperature_is_in_the_graph(path: Path) -> None:
    session = onnxruntime.InferenceSession(path)
    (answers,) = session.run(["probabilities"], {"image": pixels(5)})
    logits = predict_logits(build_forward(model()), pixels(5))
    assert answers == pytest.approx(softmax(logits / TEMPERATURE), abs=1e-5)
    assert answers != pytest.approx(softmax(logits), abs=1e-2)


def test_the_check_passes_on_more_than_a_batch(path: Path) -> None:
    found = check(build_classifier(model(), TEMPERATURE), path, pixels(70))
    assert found.images == 70
    assert found.disagreements == 0
    assert found.difference < 1e-5


def test_a_tampered_weight_fails_the_check(path: Path) -> None:
    read = onnx.load(path)
    largest = max(read.graph.initializer, key=lambda each: int(np.prod(each.dims)))
    values = numpy_helper.to_array(largest)
    largest.CopyFrom(numpy_helper.from_array(values * np.float32(1.5), largest.name))
    onnx.save(read, path)
    with pytest.raises(CheckError, match="nothing was published"):
        check(build_classifier(model(), TEMPERATURE), path, pixels(5))


def test_another_temperature_fails_the_check(path: Path) -> None:
    with pytest.raises(CheckError, match=r"0 of 5 validation images get another class"):
        check(build_classifier(model(), TEMPERATURE * 1.1), path, pixels(5))


def test_answers_that_are_no_numbers_fail_the_check(path: Path) -> None:
    def classify(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": tf.fill([len(image), 3], float("nan"))}

    with pytest.raises(CheckError, match="differ by up to nan"):
        check(classify, path, pixels(5))


@pytest.mark.parametrize(
    ("first", "second", "difference", "disagreements"),
    [
        ([[0.2, 0.8]], [[0.2, 0.8]], 0, 0),
        ([[0.2, 0.8]], [[0.3, 0.7]], 0.1, 0),
        ([[0.2, 0.8]], [[0.6, 0.4]], 0.4, 1),
        ([[0.500001, 0.499999]], [[0.499999, 0.500001]], 2e-6, 0),
        ([[0.50002, 0.49998]], [[0.49998, 0.50002]], 4e-5, 1),
        ([[0.2, 0.8], [0.9, 0.1]], [[0.2, 0.8], [0.4, 0.6]], 0.5, 1),
    ],
)
def test_answers_are_compared(
    first: list[list[float]], second: list[list[float]], difference: float, disagreements: int
) -> None:
    found = compare(np.array(first, np.float32), np.array(second, np.float32))
    assert (found.images, found.disagreements) == (len(first), disagreements)
    assert found.difference == pytest.approx(difference, abs=1e-7)
