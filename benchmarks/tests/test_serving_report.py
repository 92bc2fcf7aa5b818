from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from serving_contenders import CONTENDERS, OURS
from serving_load import Load
from serving_picture import draw
from serving_report import HEADING, full_section, locked_versions, replace_section, table
from serving_results import GROWTH, MULTIPART, TINY, WORKLOADS, Results, Run
from serving_verdicts import verdicts


def finished(ours: float = 800, theirs: float = 10, bare: float = 850) -> Run:
    """Two passes, in which all servers but this one are alike."""
    results = Results()
    for scale in (1.0, 2.0):  # of the machine's speed
        for photos in ("320", "32", "1280"):
            results.bare[photos].append(bare * scale)
        for workload in WORKLOADS:
            results.of_bare[workload.name].append(ours / bare)
        for contender in CONTENDERS:
            rate = (ours if contender is OURS else theirs) * scale
            load = Load(answers=int(rate * 10), failed=0, seconds=10, p50=1 / rate, p99=8 / rate)
            for workload in WORKLOADS:
                key = contender.name, workload.name
                for case in {*GROWTH, TINY, MULTIPART}:
                    results.loads[*key, case].append(load)
                results.starts[key].append(0.4)
                results.megabytes[key].append(70 if contender is OURS else 90)
    return Run(results, CONTENDERS, passes=2, seconds=10, data="flowers.tar")


def test_the_section_has_every_contender_and_all_figures() -> None:
    text = full_section(finished())
    assert text.startswith(HEADING)
    for contender in CONTENDERS:
        assert f"| {contender.title} |" in text
    assert "| bare loop in a process | 1275 (850 to 1700) |" in text
    assert "| this server | 1200 (800 to 1600) |" in text
    assert "No request failed." in text
    assert "| no |" not in text
    assert text.count("| yes |") == len(verdicts(finished()))


def test_ratios_are_of_the_same_pass() -> None:
    found = {figure.what: figure.value for figure in verdicts(finished(ours=850))}
    assert found["S, 8 clients, against the bare loop"] == "1.00 x (1.00 to 1.00)"
    assert found["M, 8 and 32 clients, against LitServe"].startswith("85.0 x (85.0 to 85.0)")


@pytest.mark.parametrize(
    ("run", "missed"),
    [
        (finished(bare=1000), {"against the bare loop"}),
        (
            finished(theirs=500),
            {"LitServe", "MLServer", "BentoML", "Keras"},
        ),
    ],
)
def test_what_is_missed_is_told(run: Run, missed: set[str]) -> None:
    found = [figure.what for figure in verdicts(run) if not figure.reached]
    assert found
    assert all(any(each in what for each in missed) for what in found)
    assert all(any(each in what for what in found) for each in missed)


def test_only_the_section_of_the_page_is_replaced() -> None:
    page = f"# Page\n\nabove\n\n{HEADING}\n\nold\n\n### Part\n\nold\n\n## Next\n\nbelow\n"
    new = f"{HEADING}\n\nnew\n"
    once = replace_section(page, new)
    assert once == f"# Page\n\nabove\n\n{HEADING}\n\nnew\n\n## Next\n\nbelow\n"
    assert replace_section(once, new) == once


def test_a_page_without_the_section_gets_it_at_its_end() -> None:
    assert replace_section("# Page\n\nabove\n", f"{HEADING}\n\nnew\n").endswith(
        f"above\n\n{HEADING}\n\nnew\n"
    )


def test_short_rows_are_filled_up() -> None:
    assert table(["a", "b"], [["1"]]) == "| a | b |\n| --- | --- |\n| 1 |  |"


def test_the_picture_is_xml_with_a_bar_for_each() -> None:
    picture = ET.fromstring(draw(finished()))  # noqa: S314 - made here
    bars = picture.findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == 1 + len(WORKLOADS) * (1 + len(CONTENDERS))


def test_versions_come_from_locks() -> None:
    lock = "a==1.2 \\\n    --hash=x\nb-c==3 ; python_version < '3'\nb-c==4 ; python_version > '3'\n"
    assert locked_versions(lock) == {"a": "1.2", "b-c": "3"}
