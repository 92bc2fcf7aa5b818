"""How good a classifier is, and how far its probabilities can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Precision and recall of one class, 0 where nothing can be said, and its images."""

    label: str
    precision: float
    recall: float
    images: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A classifier on one split.

    Attributes:
        accuracy: share of right answers.
        calibration_error: see `calibration_error`.
        confusion: images by true class (rows) and answered class (columns), `[classes, classes]`.
        classes: one score a class, in their order.
    """

    accuracy: float
    calibration_error: float
    confusion: NDArray[np.int64]
    classes: tuple[ClassScore, ...]


def evaluate(
    logits: NDArray[np.float32],
    labels: NDArray[np.int32],
    names: tuple[str, ...],
    temperature: float,
) -> Evaluation:
    """Scores logits `[n, classes]`, divided by the temperature, against labels `[n]`; n ≥ 1."""
    probabilities = softmax(logits / temperature)
    answers = probabilities.argmax(axis=1)
    confusion = np.zeros((len(names), len(names)), np.int64)
    np.add.at(confusion, (labels, answers), 1)
    return Evaluation(
        accuracy=float((answers == labels).mean()),
        calibration_error=calibration_error(probabilities, labels),
        confusion=confusion,
        classes=tuple(_score(confusion, index, name) for index, name in enumerate(names)),
    )


def cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """Mean over logits `[n, classes]` and labels `[n]`, in nats; infinite where it is undefined."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
    loss = float(losses.mean())
    return loss if math.isfinite(loss) else math.inf


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities `[n, classes]` of logits `[n, classes]`."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """The divisor of logits that gives the lowest cross-entropy, within 1/20 to 20.

    Temperature scaling: C. Guo et al., "On Calibration of Modern Neural Networks" (2017). The loss
    has one minimum in 1/T, hence in log T, which golden-section search closes in on.
    """
    ratio = (math.sqrt(5) - 1) / 2
    low, high = -math.log(20), math.log(20)
    while high - low > 1e-4:  # noqa: PLR2004 - of log T: a hundredth of a percent
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if cross_entropy(logits / math.exp(left), labels) < cross_entropy(
            logits / math.exp(right), labels
        ):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def calibration_error(
    probabilities: NDArray[np.float64], labels: NDArray[np.int32], bins: int = 15
) -> float:
    """Expected calibration error: how far confidence and accuracy are apart, on average.

    Over bins of equal width, weighted by their images (M. Naeini et al., 2015).
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(index, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def _score(confusion: NDArray[np.int64], index: int, name: str) -> ClassScore:
    right, answered, true = (
        confusion[index, index],
        confusion[:, index].sum(),
        confusion[index].sum(),
    )
    return ClassScore(
        label=name,
        precision=float(right / answered) if answered else 0.0,
        recall=float(right / true) if true else 0.0,
        images=int(true),
    )
