from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.shape import Phase, Shape, burst, find_burst, steady

RATES = st.floats(0.1, 1000)
PHASES = st.builds(Phase, st.just("any"), RATES, st.floats(0.1, 1000))
SHAPES = st.lists(PHASES, min_size=1, max_size=5).map(lambda phases: Shape(tuple(phases)))


def integral(shape: Shape, seconds: float) -> float:
    """How many requests are due until then, by adding up what each phase brings."""
    spans = [(each, min(each.end, seconds) - each.start) for each in shape.windows]
    over = max(0.0, seconds - shape.seconds) * shape.phases[-1].rate
    return over + sum(each.phase.rate * span for each, span in spans if span > 0)


@given(SHAPES, st.integers(0, 100_000))
def test_a_request_is_due_when_the_integral_of_the_rate_reaches_its_number(
    shape: Shape, number: int
) -> None:
    assert integral(shape, shape.due(number)) == pytest.approx(number, rel=1e-9, abs=1e-6)


@given(SHAPES)
def test_requests_are_due_one_after_the_other_from_the_start(shape: Shape) -> None:
    times = [shape.due(number) for number in range(300)]
    assert times[0] == 0
    assert all(before < after for before, after in itertools.pairwise(times))


@given(RATES, st.integers(0, 100_000))
def test_a_steady_rate_has_no_end(rate: float, number: int) -> None:
    assert steady(rate).due(number) == pytest.approx(number / rate)


@given(SHAPES)
def test_windows_follow_each_other_and_last_as_long_as_the_phases(shape: Shape) -> None:
    windows = shape.windows
    assert windows[0].start == 0
    assert windows[-1].end == pytest.approx(shape.seconds)
    assert all(before.end == after.start for before, after in itertools.pairwise(windows))


def test_a_gap_that_a_change_cuts_goes_on_at_the_new_rate() -> None:
    shape = burst(0.5, 4, (3, 2, 3))
    assert [shape.due(number) for number in range(8)] == [0, 2, 3.25, 3.75, 4.25, 4.75, 6, 8]
    assert shape.mean_rate == (1.5 + 4 + 1.5) / 8
    assert (find_burst(shape).start, find_burst(shape).end) == (3, 5)
    assert str(shape) == ("0.5 requests/s for 3 s, 2 requests/s for 2 s, 0.5 requests/s for 3 s")
