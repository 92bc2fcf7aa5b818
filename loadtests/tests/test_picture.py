from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from loadtests.figures import Sample
from loadtests.picture import READY, count_per_second, cut, draw
from loadtests.scaling import Observation
from loadtests.shape import burst

SHAPE = burst(2, 5, (10, 30, 20))
SAMPLES = [Sample(5, seconds=float(second)) for second in range(60)]
OBSERVATIONS = [Observation(0.5, 1, 1), Observation(20, 3, 1), Observation(30, 3, 3)]


@pytest.mark.parametrize("observations", [OBSERVATIONS, []])
def test_the_picture_has_its_size_also_with_nothing_to_draw(
    observations: list[Observation],
) -> None:
    for samples in (SAMPLES, [Sample(5, "503 busy", seconds=61.0)], []):
        with Image.open(io.BytesIO(draw(samples, observations, SHAPE))) as image:
            assert (image.format, image.size) == ("PNG", (1200, 750))


def test_replicas_are_drawn_as_steps() -> None:
    with Image.open(io.BytesIO(draw(SAMPLES, OBSERVATIONS, SHAPE))) as image:
        pixels = image.convert("RGB")
    colour = tuple(bytes.fromhex(READY[1:]))
    drawn = {
        x: [y for y in range(90, 300) if pixels.getpixel((x, y)) == colour] for x in range(1200)
    }
    heights = {x: tuple(column) for x, column in drawn.items() if 0 < len(column) < 10}
    assert len(set(heights.values())) == 2  # one replica, then three: nothing between, no slope
    first, last = min(heights), max(heights)
    risen = min(x for x, height in heights.items() if height == heights[last])
    assert (risen - first) / (last - first) == pytest.approx((30 - 0.5) / (60 - 0.5), abs=0.01)


@given(st.lists(st.floats(0, 2000), min_size=1))
def test_no_answer_is_lost_in_the_curve(times: list[float]) -> None:
    bounds = cut(max([60.0, *times]))
    rates = count_per_second(times, bounds)
    widths = [after - before for before, after in itertools.pairwise(bounds)]
    assert sum(map(float.__mul__, rates, widths)) == pytest.approx(len(times))


def test_the_last_interval_has_what_is_left_over() -> None:
    assert cut(3.5) == [0, 1, 2, 3.5]
    assert cut(0.5) == [0, 0.5]
    assert cut(540)[:3] == [0, 4, 8]
    assert count_per_second([0, 0.5, 2, 3.5], cut(3.5)) == [2, 0, 2 / 1.5]
