from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.figures import Sample, Verdict, judge, measure, percentile
from loadtests.report import LABELS, add_verdicts, faults, text_table

SAMPLES = [Sample(float(number)) for number in range(1, 101)]


def test_figures_of_a_closed_run() -> None:
    assert measure(SAMPLES, 20.0, None) == {
        "failed_share": 0.0,
        "p95_ms": 95.0,
        "p99_ms": 99.0,
        "rate": 5.0,
    }


def test_figures_of_an_open_run() -> None:
    failed = [Sample(1.0, "503 busy")] * 100
    figures = measure([*SAMPLES, *failed], 20.0, 10.0)
    assert (figures["failed_share"], figures["rate_share"]) == (0.5, 0.5)


def test_neither_failures_nor_visits_flatter_latencies() -> None:
    others = [Sample(0.0, "503 busy"), Sample(0.0, predicts=False)] * 1000
    assert measure([*SAMPLES, *others], 1.0, None)["p95_ms"] == 95.0


def test_a_run_without_answers_keeps_no_threshold() -> None:
    verdicts = judge(measure([], 0.0, None), {"failed_share": 0.9, "p95_ms": 1e9, "rate": 0.1})
    assert not any(verdict.kept for verdict in verdicts)
    assert "never" in text_table(verdicts)


@pytest.mark.parametrize(
    ("name", "figure", "kept"),
    [
        ("p95_ms", 100.0, True),
        ("p95_ms", 100.1, False),
        ("rate", 100.0, True),
        ("rate", 99.9, False),
        ("rate_share", 99.9, False),
        ("failed_share", 100.1, False),
    ],
)
def test_a_verdict_at_its_boundary(name: str, figure: float, kept: bool) -> None:  # noqa: FBT001
    assert Verdict(name, figure, 100.0).kept == kept


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_is_the_least_that_covers_so_many(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= math.floor(len(values) * percent / 100)
    assert sum(value < found for value in values) <= len(values) * percent / 100


def test_the_page_gets_the_verdicts_at_its_last_body() -> None:
    verdicts = [Verdict(name, 0.5, 1.0) for name in LABELS]
    page = add_verdicts("<script>'<body>'</script><body>x", "<host>", verdicts)
    assert page.startswith("<script>'<body>'</script><body><section")
    assert page.endswith("</section>x")
    assert "<h1>&lt;host&gt;</h1>" in page
    assert (page.count("pass"), page.count("FAIL")) == (4, 3)


def test_the_page_gets_the_picture() -> None:
    page = add_verdicts("<body>", "title", [], b"\x89PNG")
    assert 'src="data:image/png;base64,iVBORw=="' in page
    assert "data:" not in add_verdicts("<body>", "title", [])


def test_faults_are_counted() -> None:
    told = faults([Sample(1, "b"), Sample(1), Sample(1, "a"), Sample(1, "a")])
    assert told == ["2 x a", "1 x b"]
