"""How replicas followed a burst."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtests.shape import Window

STALE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Observation:
    """Replicas at a time.

    Attributes:
        seconds: when.
        desired: how many the HPA wanted.
        ready: how many took requests.
    """

    seconds: float
    desired: int
    ready: int


def measure_scaling(
    observations: Sequence[Observation], burst: Window, seconds: float
) -> dict[str, float]:
    """The figures of replicas.

    Args:
        observations: with seconds from the run's start.
        burst: when the load was high.
        seconds: how long the run was.

    Returns:
        The most that were ready during the burst, and those ready at the end; the latter is no
        number when nobody looked then.
    """
    within = [each.ready for each in observations if burst.start <= each.seconds <= burst.end]
    known = bool(observations) and observations[-1].seconds > seconds - STALE_SECONDS
    return {
        "most_replicas": max(within, default=0),
        "last_replicas": observations[-1].ready if known else math.nan,
    }


def seconds_to_first(observations: Sequence[Observation], burst: Window) -> float:
    """From the burst's start until one more replica was ready than at first; else infinite."""
    new = [
        each.seconds - burst.start
        for each in observations
        if each.seconds >= burst.start and each.ready > observations[0].ready
    ]
    return min(new, default=math.inf)


def seconds_to_rest(observations: Sequence[Observation], burst: Window) -> float:
    """From the burst's end until no more replicas were left than at first; else infinite."""
    busy = [
        number for number, each in enumerate(observations) if each.ready > observations[0].ready
    ]
    after = observations[busy[-1] + 1 :] if busy else observations
    return max(0.0, after[0].seconds - burst.end) if after else math.inf


def tell_scaling(observations: Sequence[Observation], burst: Window) -> str:
    """Both times, in a line."""
    first, rest = seconds_to_first(observations, burst), seconds_to_rest(observations, burst)
    if math.isinf(first):
        return "no new replica was ready"
    back = "never back" if math.isinf(rest) else f"back {rest:.0f} s after its end"
    return f"first new replica ready {first:.0f} s after the burst's start; {back}"
