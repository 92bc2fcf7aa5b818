"""How many requests a second are due, over time."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

STEADY, QUIET, BURST = "steady", "quiet", "burst"


@dataclass(frozen=True, slots=True)
class Phase:
    """A time of one rate.

    Attributes:
        rate: requests a second.
        seconds: how long it lasts.
    """

    name: str
    rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Window:
    """A phase at its place in the run, in seconds from the run's start."""

    phase: Phase
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Shape:
    """Phases, one after the other; the last one's rate goes on for as long as it is asked for."""

    phases: tuple[Phase, ...]

    @property
    def seconds(self) -> float:
        """How long all phases last."""
        return math.fsum(phase.seconds for phase in self.phases)

    @property
    def mean_rate(self) -> float:
        """Requests a second, over all phases."""
        return math.fsum(phase.rate * phase.seconds for phase in self.phases) / self.seconds

    @property
    def windows(self) -> list[Window]:
        """The phases with their starts and ends."""
        ends = list(itertools.accumulate(phase.seconds for phase in self.phases))
        starts = [0.0, *ends[:-1]]
        return [Window(*each) for each in zip(self.phases, starts, ends, strict=True)]

    def due(self, number: int) -> float:
        """When a request, counted from 0, is due: seconds from the run's start.

        It is the time at which the rate's integral reaches the number. So a gap between two
        requests that a phase's end cuts goes on at the next phase's rate, and none is lost.
        """
        left = float(number)
        for window in self.windows[:-1]:
            requests = window.phase.rate * window.phase.seconds
            if left < requests:
                return window.start + left / window.phase.rate
            left -= requests
        return self.windows[-1].start + left / self.phases[-1].rate

    def __str__(self) -> str:
        """Rates and lengths, for a title."""
        return ", ".join(f"{each.rate:g} requests/s for {each.seconds:g} s" for each in self.phases)


def steady(rate: float, seconds: float = math.inf) -> Shape:
    """One rate from start to end."""
    return Shape((Phase(STEADY, rate, seconds),))


def burst(rate: float, factor: float, seconds: tuple[float, float, float]) -> Shape:
    """Quiet at a rate, a burst of so many times the rate, and quiet again."""
    before, within, after = seconds
    return Shape(
        (Phase(QUIET, rate, before), Phase(BURST, rate * factor, within), Phase(QUIET, rate, after))
    )


def find_burst(shape: Shape) -> Window:
    """The burst's place in its shape."""
    return next(window for window in shape.windows if window.phase.name == BURST)
