from __future__ import annotations

import math

import pytest

from loadtests.figures import Verdict
from loadtests.recording import Recording
from loadtests.report import text_table
from loadtests.scaling import Observation, measure_scaling, tell_scaling
from loadtests.shape import Phase, Window

BURST = Window(Phase("burst", 50, 100), 10, 110)


def seen(*replicas: tuple[float, int]) -> list[Observation]:
    return [Observation(seconds, 9, ready) for seconds, ready in replicas]


def test_only_what_was_ready_during_the_burst_counts_as_risen() -> None:
    observations = seen((9, 5), (10, 2), (110, 3), (111, 6), (200, 1))
    assert measure_scaling(observations, BURST, 200) == {"most_replicas": 3, "last_replicas": 1}


@pytest.mark.parametrize("observations", [[], seen((0, 1), (180, 1))])
def test_what_nobody_saw_at_the_end_keeps_no_threshold(observations: list[Observation]) -> None:
    figures = measure_scaling(observations, BURST, 200)
    verdict = Verdict("last_replicas", figures["last_replicas"], 1)
    assert not verdict.kept
    assert "unknown" in text_table([verdict])
    assert figures["most_replicas"] == 0


@pytest.mark.parametrize(
    ("observations", "told"),
    [
        ([], "no new replica was ready"),
        (seen((0, 1), (50, 1), (200, 1)), "no new replica was ready"),
        (
            seen((0, 1), (52, 2), (150, 2)),
            "first new replica ready 42 s after the burst's start; n",
        ),
        (seen((0, 1), (52, 2), (150, 2)), "never back"),
        (seen((0, 1), (52, 2), (60, 1), (70, 3), (150, 1), (152, 1)), "back 40 s after its end"),
        (seen((0, 1), (52, 2), (90, 1)), "back 0 s after its end"),
    ],
)
def test_both_times_are_told(observations: list[Observation], told: str) -> None:
    assert told in tell_scaling(observations, BURST)


def test_a_recording_counts_from_the_start_and_keeps_faults() -> None:
    recording = Recording()
    assert recording.latest() == ""
    recording.take(['{"desired": 3, "ready": 1}\n', '{"fault": "refused"}\n'])
    assert recording.latest() == "  replicas 1 ready, 3 desired"
    assert recording.faults == ["refused"]
    when = recording.observations[0].seconds
    (counted,) = recording.since(when - 2)
    assert (counted.desired, counted.ready) == (3, 1)
    assert counted.seconds == pytest.approx(2)
    assert recording.since(math.inf)[0].seconds == 0  # seen while the run was not yet started
