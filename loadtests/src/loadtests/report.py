"""What a run is told as: a table for the terminal, and a page."""

from __future__ import annotations

import base64
import html
import math
from collections import Counter
from typing import TYPE_CHECKING

from loadtests.figures import LEAST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtests.figures import Sample, Verdict

HEAD = ("figure", "reached", "threshold", "")
LABELS = {
    "failed_share": ("failed, of all requests", 100.0, ".2f", " %"),
    "p95_ms": ("95 % of predictions within", 1.0, ".0f", " ms"),
    "p99_ms": ("99 % of predictions within", 1.0, ".0f", " ms"),
    "rate": ("right answers a second", 1.0, ".1f", "/s"),
    "rate_share": ("right answers, of the rate asked for", 100.0, ".1f", " %"),
    "most_replicas": ("replicas ready during the burst, most", 1.0, ".0f", ""),
    "last_replicas": ("replicas ready at the end", 1.0, ".0f", ""),
}
STYLE = "font-family:sans-serif;max-width:60rem;margin:2rem auto;padding:1rem;background:#fff"


def rows(verdicts: Sequence[Verdict]) -> list[tuple[str, str, str, str]]:
    """A line of the table for each verdict."""
    return [
        (
            LABELS[each.name][0],
            _told(each.name, each.figure),
            f"{'at least' if each.name in LEAST else 'at most'} {_told(each.name, each.threshold)}",
            "pass" if each.kept else "FAIL",
        )
        for each in verdicts
    ]


def text_table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts, in columns."""
    lines = [HEAD, *rows(verdicts)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def faults(samples: Sequence[Sample]) -> list[str]:
    """How often each fault came, the most frequent first."""
    counted = Counter(sample.fault for sample in samples if sample.fault is not None)
    return [f"{number} x {fault}" for fault, number in counted.most_common()]


def add_verdicts(
    page: str, title: str, verdicts: Sequence[Verdict], picture: bytes | None = None
) -> str:
    """Locust's page with the verdicts, and a PNG below them, above its own tables and charts."""
    lines = "".join(f"<tr>{_cells('td', line)}</tr>" for line in rows(verdicts))
    section = (
        f'<section style="{STYLE}"><h1>{html.escape(title)}</h1><table cellpadding="8">'
        f'<thead style="text-align:left"><tr>{_cells("th", HEAD)}</tr></thead>'
        f"<tbody>{lines}</tbody></table>{_image(picture) if picture else ''}</section>"
    )
    before, body, after = page.rpartition("<body>")  # the last: scripts before it may name one
    return f"{before}{body}{section}{after}"


def _cells(tag: str, line: Sequence[str]) -> str:
    return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in line)


def _image(picture: bytes) -> str:
    data = base64.b64encode(picture).decode()
    alt = "Replicas and requests a second over time"
    return f'<img alt="{alt}" style="width:100%" src="data:image/png;base64,{data}">'


def _told(name: str, value: float) -> str:
    _, factor, form, unit = LABELS[name]
    if math.isnan(value):
        return "unknown"
    return f"{value * factor:{form}}{unit}" if math.isfinite(value) else "never"
