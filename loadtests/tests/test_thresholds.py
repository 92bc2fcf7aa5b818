from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.errors import LoadError
from loadtests.figures import FIGURES
from loadtests.thresholds import parse_thresholds, read_thresholds

OWN = Path(__file__).parents[1] / "thresholds.toml"
NUMBERS = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
VALID = "".join(
    f"[{model}]\n" + "".join(f"{name} = 1\n" for name in names) for model, names in FIGURES.items()
)


def test_its_own_file_is_valid() -> None:
    assert read_thresholds(OWN, "open")["rate_share"] == 0.95
    assert read_thresholds(OWN, "hpa")["most_replicas"] == 3


@given(st.fixed_dictionaries({m: st.tuples(*[NUMBERS] * len(n)) for m, n in FIGURES.items()}))
def test_numbers_are_read_as_they_are(values: dict[str, tuple[float, ...]]) -> None:
    expected = {model: dict(zip(FIGURES[model], values[model], strict=True)) for model in FIGURES}
    text = "".join(
        f"[{model}]\n" + "".join(f"{name} = {value!r}\n" for name, value in section.items())
        for model, section in expected.items()
    )
    assert {model: parse_thresholds(text, model) for model in FIGURES} == expected


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("p95_ms = 1", "p96_ms = 1", r"p96_ms in \[closed\] is unknown; there are failed_share"),
        ("p95_ms = 1\n", "", r"p95_ms in \[closed\] is missing"),
        ("[open]", "[opened]", r"\[opened\] is unknown; there are closed, open, hpa"),
        ("[open]", "#", "Cannot overwrite"),
        ("p99_ms = 1", "p99_ms = '1'", r"p99_ms in \[closed\] is '1'; use a number"),
        ("p99_ms = 1", "p99_ms = true", r"p99_ms in \[closed\] is True; use a number"),
        ("p99_ms = 1", "p99_ms = -1", r"p99_ms in \[closed\] is -1; use a number from 0"),
        ("p99_ms = 1", "p99_ms = nan", r"p99_ms in \[closed\] is nan; use a number from 0"),
        ("p99_ms = 1", "p99_ms = inf", r"p99_ms in \[closed\] is inf; use a number from 0"),
        ("p99_ms = 1", "p99_ms =", "it is no TOML"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, told: str) -> None:
    with pytest.raises(LoadError, match=told):
        parse_thresholds(VALID.replace(old, new, 1), "closed")


def test_a_section_may_be_missing_while_its_model_is_not_run() -> None:
    text = VALID.partition("[hpa]")[0]
    assert parse_thresholds(text, "open")
    with pytest.raises(LoadError, match=r"^\[hpa\] is missing$"):
        parse_thresholds(text, "hpa")


def test_a_model_must_be_a_section() -> None:
    with pytest.raises(LoadError, match=r"open must be a section, \[open\]"):
        parse_thresholds("open = 1\n" + VALID.partition("[open]")[0], "closed")


@given(st.text())
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    with pytest.raises(LoadError) as caught:
        parse_thresholds(text, "open")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "own.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LoadError, match=r"--thresholds .*own\.toml: "):
        read_thresholds(path, "open")
