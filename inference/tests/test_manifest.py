from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from conftest import CONTRACT, GOLDEN
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from inference.manifest import RepositoryError, parse_manifest, parse_pointer

GOOD = GOLDEN / "model" / "good" / "golden"
RAW = (GOOD / "2" / "manifest.json").read_bytes()


def parse(document: object) -> None:
    parse_manifest(json.dumps(document).encode(), "golden", 2)


def test_the_golden_manifest_is_read() -> None:
    manifest = parse_manifest(RAW, "golden", 2)
    assert (manifest.raw, manifest.version, manifest.created) == (RAW, 2, "2025-01-02T00:00:00Z")
    assert (manifest.height, manifest.width, manifest.recipe) == (8, 8, "stretch-bilinear-1")
    assert (manifest.labels, manifest.accuracy) == (("blue", "green", "red"), 1.0)
    assert manifest.images == 30
    assert manifest.files["sample-red.png"].bytes == 73


@pytest.mark.parametrize("case", ["good", "corrupt", "external", "future"])
def test_the_golden_folders_validate_against_the_schemas(case: str) -> None:
    folder = GOLDEN / "model" / case / "golden"
    for schema, files in {
        "manifest": sorted(folder.glob("*/manifest.json")),
        "current": [folder / "current.json"],
    }.items():
        validator = Draft202012Validator(
            json.loads((CONTRACT / f"{schema}.schema.json").read_bytes())
        )
        for file in files:
            known = json.loads(file.read_bytes())
            future = case == "future" and file.parent.name == "2"
            assert validator.is_valid(known) != future
            assert validator.is_valid(known | {"format": 1})


def test_unknown_keys_are_passed_over() -> None:
    parse(json.loads(RAW) | {"more": [1]})


def test_a_future_format_is_refused_as_such() -> None:
    with pytest.raises(RepositoryError, match=r"format 2, newer than the 1 .* update"):
        parse({"format": 2})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", None),
        ("format", True),
        ("format", 0),
        ("name", "other"),
        ("version", 3),
        ("version", True),
        ("created", "yesterday"),
        ("created", 5),
        ("input", []),
        ("input.height", 4),
        ("input.width", 2000),
        ("input.width", "8"),
        ("input.recipe", "crop-9"),
        ("labels", ["a"]),
        ("labels", ["a", "a"]),
        ("labels", ["a", ""]),
        ("labels", ["a", 1]),
        ("labels", ["a", "\ud800"]),
        ("metrics.accuracy", 1.5),
        ("metrics.accuracy", None),
        ("metrics.accuracy", True),
        ("dataset.train", -1),
        ("dataset.val", 2**60),
        ("files", {}),
        ("files", {"model.onnx": []}),
        ("files", {"model.onnx": {"bytes": -1, "sha256": "0" * 64}}),
        ("files", {"model.onnx": {"bytes": 1, "sha256": "x"}}),
        ("files.../../etc", {"bytes": 1, "sha256": "0" * 64}),
        ("files./etc/passwd", {"bytes": 1, "sha256": "0" * 64}),
        ("files..hidden", {"bytes": 1, "sha256": "0" * 64}),
    ],
)
def test_a_bad_value_is_refused(path: str, value: object) -> None:
    document: dict[str, Any] = json.loads(RAW)
    key, _, below = path.partition(".")
    if below:
        document[key][below] = value
    else:
        document[key] = value
    with pytest.raises(RepositoryError) as caught:
        parse(document)
    assert str(caught.value).startswith("manifest.json")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_takes_for_json_is_refused(constant: str) -> None:
    raw = RAW.replace(b'"seconds": 1.0', f'"seconds": {constant}'.encode())
    assert raw != RAW
    with pytest.raises(RepositoryError, match="not valid JSON"):
        parse_manifest(raw, "golden", 2)


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"[1]", b"{", b'{"format": NaN}', b"[" * 100_000, b"1" * 5_000]
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(RepositoryError):
        parse_manifest(raw, "golden", 2)
    with pytest.raises(RepositoryError):
        parse_pointer(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@given(st.sampled_from([*json.loads(RAW)]), JSON)
def test_any_value_in_any_place_is_read_or_refused(key: str, value: object) -> None:
    with contextlib.suppress(RepositoryError):
        parse(json.loads(RAW) | {key: value})


def test_the_pointer_is_read() -> None:
    assert parse_pointer((GOOD / "current.json").read_bytes()).version == 2


@pytest.mark.parametrize(
    "change", [{"version": 0}, {"version": "2"}, {"version": True}, {"manifest_sha256": "A" * 64}]
)
def test_a_bad_pointer_is_refused(change: dict[str, object]) -> None:
    raw = json.loads((GOOD / "current.json").read_bytes()) | change
    with pytest.raises(RepositoryError, match=r"current\.json"):
        parse_pointer(json.dumps(raw).encode())
