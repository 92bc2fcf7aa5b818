"""What a run comes to: verdicts, lines to tell, and of a drill a picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadtests.figures import judge, measure
from loadtests.report import faults
from loadtests.scaling import measure_scaling, tell_scaling
from loadtests.shape import find_burst

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadtests.figures import Verdict
    from loadtests.recording import Recording
    from loadtests.run import Outcome
    from loadtests.shape import Shape


@dataclass(frozen=True, slots=True)
class Result:
    """What is to be told.

    Attributes:
        picture: PNG of replicas and rate over time; None if no replicas were recorded.
    """

    verdicts: list[Verdict]
    lines: list[str]
    picture: bytes | None = None

    @property
    def kept(self) -> bool:
        """Whether all thresholds are kept."""
        return all(verdict.kept for verdict in self.verdicts)


def conclude(outcome: Outcome, shape: Shape | None, thresholds: Mapping[str, float]) -> Result:
    """The result of a run by the closed or the open model."""
    figures = measure(outcome.samples, outcome.seconds, shape.mean_rate if shape else None)
    return Result(judge(figures, thresholds), _told(outcome))


def conclude_drill(
    outcome: Outcome, shape: Shape, thresholds: Mapping[str, float], recording: Recording
) -> Result:
    """The result of a drill for the HPA."""
    from loadtests.picture import draw  # noqa: PLC0415 - matplotlib takes a second, and is optional

    burst, observations = find_burst(shape), recording.since(outcome.start)
    figures = measure(outcome.samples, outcome.seconds, shape.mean_rate)
    figures |= measure_scaling(observations, burst, outcome.seconds)
    blind = Counter(recording.faults).most_common()
    lines = [f"{number} x replicas not seen: {fault}" for fault, number in blind]
    return Result(
        judge(figures, thresholds),
        [*_told(outcome), *lines, tell_scaling(observations, burst)],
        draw(outcome.samples, observations, shape),
    )


def _told(outcome: Outcome) -> list[str]:
    head = f"{len(outcome.samples)} requests in {outcome.seconds:.1f} s"
    return [head, *faults(outcome.samples)]
