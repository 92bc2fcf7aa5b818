"""A drill in one picture: replicas above the rate of answers, over time."""

from __future__ import annotations

import io
import itertools
from bisect import bisect_right
from collections import Counter
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from loadtests.shape import BURST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from loadtests.figures import Sample
    from loadtests.scaling import Observation
    from loadtests.shape import Shape

INCHES, DOTS_PER_INCH = (8.0, 5.0), 150  # 1200 x 750 pixels
POINTS = 120  # of the curve of answers, about
# Okabe and Ito's colours, which the colour-blind tell apart.
READY, DESIRED, RIGHT, FAILED, BUSY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#f0e442"


def draw(samples: Sequence[Sample], observations: Sequence[Observation], shape: Shape) -> bytes:
    """Draws a PNG of 1200 x 750 pixels.

    Args:
        samples: all requests.
        observations: replicas, with seconds from the run's start.
        shape: what was sent.
    """
    times = [each.seconds for each in samples] + [each.seconds for each in observations]
    end = max([shape.seconds, *times])
    figure = Figure(INCHES, DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    for axes in (above, below):
        _shade(axes, shape)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(visible=True, alpha=0.3)
        axes.margins(x=0)
    _draw_replicas(above, observations, end)
    _draw_answers(below, samples, shape, end)
    _name_phases(above, shape)
    for axes in (above, below):
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False)
    figure.suptitle("Drill for the HPA: replicas of the backend, and what it answers")
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def cut(end: float) -> list[float]:
    """Bounds of intervals of whole seconds, the last of which has what is left over."""
    width = max(1, round(end / POINTS))
    return [float(width * number) for number in range(max(1, int(end // width)))] + [end]


def count_per_second(times: Iterable[float], bounds: Sequence[float]) -> list[float]:
    """How many a second there were within the bounds."""
    counted = Counter(min(bisect_right(bounds, each), len(bounds) - 1) for each in times)
    widths = [end - start for start, end in itertools.pairwise(bounds)]
    return [counted[number] / width for number, width in enumerate(widths, 1)]


def _shade(axes: Axes, shape: Shape) -> None:
    for window in shape.windows:
        if window.phase.name == BURST:
            axes.axvspan(window.start, window.end, color=BUSY, alpha=0.2, linewidth=0)


def _name_phases(axes: Axes, shape: Shape) -> None:
    for window in shape.windows:
        middle = (window.start + window.end) / 2
        told = f"{window.phase.name}\n{window.phase.rate:g}/s"
        axes.annotate(
            told, (middle, 0.97), xycoords=("data", "axes fraction"), ha="center", va="top"
        )


def _draw_replicas(axes: Axes, observations: Sequence[Observation], end: float) -> None:
    seen = [*observations, *observations[-1:]]  # the last one's step lasts until the end
    times = [*(each.seconds for each in observations), *([end] if observations else [])]
    desired, ready = [each.desired for each in seen], [each.ready for each in seen]
    axes.step(times, desired, DESIRED, where="post", label="desired by the HPA", linewidth=3)
    axes.step(times, ready, READY, where="post", label="ready", linewidth=1.8)
    axes.set_ylim(0, max([1, *desired, *ready]) * 1.5)  # the phases' names go above
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("replicas")


def _draw_answers(axes: Axes, samples: Sequence[Sample], shape: Shape, end: float) -> None:
    bounds = cut(end)
    right = [each.seconds for each in samples if each.fault is None]
    failed = [each.seconds for each in samples if each.fault is not None]
    rates = count_per_second(right, bounds), count_per_second(failed, bounds)
    sent = [phase.rate for phase in shape.phases]
    changes = [0.0, *(window.end for window in shape.windows)]
    axes.stairs(rates[0], bounds, baseline=None, color=RIGHT, label="right answers", linewidth=1.8)
    axes.stairs(rates[1], bounds, color=FAILED, label="failures", fill=True)
    axes.stairs(sent, changes, baseline=None, color="black", label="sent", linestyle=":")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 1.5, 3, 6, 10]))  # 30 or 60 s, not 50
    axes.set_ylabel("requests a second")
    axes.set_xlabel("seconds since the start")
