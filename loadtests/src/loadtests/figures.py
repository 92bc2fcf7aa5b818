"""From single measurements to a run's figures, and from these to a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Which figures a model of load has; all are to be low, save what LEAST names.
FIGURES = {
    "closed": ("failed_share", "p95_ms", "p99_ms", "rate"),
    "open": ("failed_share", "p95_ms", "p99_ms", "rate_share"),
    "hpa": ("failed_share", "p95_ms", "p99_ms", "rate_share", "most_replicas", "last_replicas"),
}
LEAST = frozenset({"rate", "rate_share", "most_replicas"})


@dataclass(frozen=True, slots=True)
class Sample:
    """One request.

    Attributes:
        milliseconds: from when it was due to its answer's last byte.
        fault: why the answer is not right; None if it is.
        predicts: whether it asked for a prediction.
        seconds: from the run's start to its answer.
    """

    milliseconds: float
    fault: str | None = None
    predicts: bool = True
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure beside its threshold."""

    name: str
    figure: float
    threshold: float

    @property
    def kept(self) -> bool:
        """Whether the figure is as the threshold wants it."""
        if self.name in LEAST:
            return self.figure >= self.threshold
        return self.figure <= self.threshold


def measure(samples: Sequence[Sample], seconds: float, asked: float | None) -> dict[str, float]:
    """A run's figures.

    Args:
        samples: all requests.
        seconds: from the run's start to its last answer.
        asked: requests a second that an open model was to send, on average; None for a closed one.

    Returns:
        The figures that `FIGURES` names for the model, save those of replicas. Latencies are of
        right predictions, and infinite without one, since what fails at once must not pass for
        fast.
    """
    right = sum(sample.fault is None for sample in samples)
    latencies = [each.milliseconds for each in samples if each.predicts and each.fault is None]
    rate = right / seconds if seconds > 0 else 0.0
    return {
        "failed_share": 1 - right / len(samples) if samples else 1.0,
        "p95_ms": percentile(latencies, 95),
        "p99_ms": percentile(latencies, 99),
        **({"rate": rate} if asked is None else {"rate_share": rate / asked}),
    }


def judge(figures: Mapping[str, float], thresholds: Mapping[str, float]) -> list[Verdict]:
    """Each figure beside its threshold."""
    return [Verdict(name, figures[name], threshold) for name, threshold in thresholds.items()]


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that so many percent of all do not exceed (nearest rank); else infinite."""
    if not values:
        return math.inf
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
