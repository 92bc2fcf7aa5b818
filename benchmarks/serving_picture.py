"""The side-by-side measurement in a picture: bars of images a second, as SVG."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from serving_contenders import OURS, ROOT
from serving_results import EIGHT, WORKLOADS

if TYPE_CHECKING:
    from serving_results import Run, Workload

PICTURE = ROOT / "docs/benchmarks-serving.svg"

WIDTH, LABELS, VALUES = 720, 220, 60  # pixels: of the picture, of the names, of the figures
LINE, BAR = 24, 16  # pixels of height
PLAIN, HIGHLIGHTED, BARE = "#9aa5b1", "#2563eb", "#d0d5db"


def draw(run: Run) -> str:
    """A bar for the bare loop and for each server, workload by workload."""
    lines: list[str] = []
    top = 0
    for workload in WORKLOADS:
        lines.append(text(8, top + LINE - 6, f"{workload.name}: {workload.title}", weight="bold"))
        rates = medians(run, workload)
        most = max(rates.values())
        for number, (title, rate) in enumerate(rates.items(), start=1):
            lines += bar(top + number * LINE, title, rate, most)
        top += (len(rates) + 1) * LINE + LINE // 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" '
        'font-family="sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{top}" fill="#fff"/>\n' + "\n".join(lines) + "\n</svg>\n"
    )


def medians(run: Run, workload: Workload) -> dict[str, float]:
    """Images a second with 8 clients, by what is written beside the bar."""
    bare = {"bare loop": statistics.median(run.results.bare[workload.photos])}
    return bare | {
        each.title: statistics.median(run.results.rates(each.name, workload, EIGHT))
        for each in run.contenders
    }


def bar(top: int, title: str, rate: float, most: float) -> list[str]:
    """A line of the picture."""
    width = rate / most * (WIDTH - LABELS - VALUES)
    colour = {OURS.title: HIGHLIGHTED, "bare loop": BARE}.get(title, PLAIN)
    return [
        text(8, top + LINE - 8, title),
        f'<rect x="{LABELS}" y="{top + 4}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>',
        text(LABELS + int(width) + 6, top + LINE - 8, f"{rate:.0f}/s"),
    ]


def text(x: int, y: int, words: str, weight: str = "normal") -> str:
    """A piece of text."""
    return f'<text x="{x}" y="{y}" font-weight="{weight}">{escape(words)}</text>'
