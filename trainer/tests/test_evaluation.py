from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trainer.evaluation import (
    ClassScore,
    calibration_error,
    cross_entropy,
    evaluate,
    fit_temperature,
    softmax,
)


def labels(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def answering(*numbers: int, classes: int = 3) -> np.ndarray:
    return 9 * np.eye(classes, dtype=np.float32)[list(numbers)]


def test_scores_by_hand() -> None:
    found = evaluate(answering(0, 0, 1, 1, 0), labels(0, 0, 0, 1, 2), ("a", "b", "c"), 1.0)
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.confusion.tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert found.classes == (
        ClassScore("a", precision=2 / 3, recall=2 / 3, images=3),
        ClassScore("b", precision=1 / 2, recall=1.0, images=1),
        ClassScore("c", precision=0.0, recall=0.0, images=1),
    )


def test_a_class_without_images_has_no_recall() -> None:
    found = evaluate(answering(0, classes=2), labels(0), ("a", "b"), 1.0)
    assert found.classes[1] == ClassScore("b", precision=0.0, recall=0.0, images=0)


@given(
    st.integers(2, 5).flatmap(
        lambda classes: st.tuples(
            arrays(np.float32, (20, classes), elements=st.floats(-9, 9, width=32)),
            arrays(np.int32, 20, elements=st.integers(0, classes - 1)),
        )
    ),
    st.floats(0.1, 10),
)
def test_every_image_is_counted_once(case: tuple[np.ndarray, np.ndarray], by: float) -> None:
    logits, truth = case
    names = tuple(map(str, range(logits.shape[1])))
    found = evaluate(logits, truth, names, by)
    assert found.confusion.sum() == len(truth)
    assert np.trace(found.confusion) == pytest.approx(found.accuracy * len(truth))
    assert [each.images for each in found.classes] == np.bincount(
        truth, minlength=len(names)
    ).tolist()
    assert 0 <= found.calibration_error <= 1


def test_the_temperature_calibrates_and_changes_no_answer() -> None:
    logits, truth = drawn_from(softmax(random_logits()))
    hot = evaluate(5 * logits, truth, ("a", "b", "c"), 1.0)
    cooled = evaluate(5 * logits, truth, ("a", "b", "c"), 5.0)
    assert cooled.calibration_error < hot.calibration_error / 3
    assert np.array_equal(cooled.confusion, hot.confusion)


def test_cross_entropy_by_hand() -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]], np.float32))
    expected = -(math.log(0.25) + math.log(0.8)) / 2
    assert cross_entropy(logits, labels(1, 2)) == pytest.approx(expected)


def test_cross_entropy_takes_any_size_of_logits() -> None:
    logits = np.array([[1e30, 0.0]], np.float32)
    assert cross_entropy(logits, labels(0)) == 0
    assert cross_entropy(logits, labels(1)) == pytest.approx(1e30)


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("logit", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_infinite(logit: float) -> None:
    assert cross_entropy(np.full((2, 3), logit, np.float32), labels(0, 1)) == math.inf


@given(arrays(np.float32, (4, 3), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_softmax_gives_probabilities(logits: np.ndarray) -> None:
    shares = softmax(logits)
    assert np.allclose(shares.sum(axis=1), 1)
    assert (shares >= 0).all()


@pytest.mark.parametrize("factor", [0.1, 0.5, 1.0, 3.0, 10.0])
def test_the_temperature_undoes_a_known_factor(factor: float) -> None:
    logits, truth = drawn_from(softmax(random_logits()))
    base = fit_temperature(logits, truth)
    assert base == pytest.approx(1, rel=0.1)
    assert fit_temperature(np.float32(factor) * logits, truth) == pytest.approx(
        factor * base, rel=2e-3
    )


def test_the_temperature_has_bounds() -> None:
    unsure: np.ndarray = answering(0, 1) / 20
    assert fit_temperature(unsure, labels(0, 1)) == pytest.approx(1 / 20, rel=1e-3)
    assert fit_temperature(unsure, labels(1, 0)) == pytest.approx(20, rel=1e-3)


def test_calibration_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    expected = (abs(1 - 2 * 0.9) + abs(1 - 0.6)) / 3
    assert calibration_error(probabilities, labels(0, 1, 1)) == pytest.approx(expected)


@pytest.mark.parametrize("right", [6, 7, 8, 9, 10])
def test_confidence_that_comes_true_has_no_error(right: int) -> None:
    probabilities = np.tile([right / 10, 1 - right / 10], (10, 1))
    truth = labels(*[0] * right, *[1] * (10 - right))
    assert calibration_error(probabilities, truth) == pytest.approx(0)


def random_logits() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 2, (4000, 3)).astype(np.float32)


def drawn_from(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits of the probabilities, and labels drawn by them."""
    draws = np.random.default_rng(2).random((len(probabilities), 1))
    truth = (probabilities.cumsum(axis=1) < draws).sum(axis=1).astype(np.int32)
    return np.log(probabilities).astype(np.float32), np.minimum(truth, 2)
