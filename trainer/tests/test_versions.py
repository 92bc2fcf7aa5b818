from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_model import NAME, publish_sample

from trainer.errors import DataError
from trainer.versions import (
    MANIFEST_LIMIT,
    NewerFormatError,
    Pointer,
    encode_json,
    numbers,
    read_pointer,
    read_version,
    verified,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["format", "name", "version", "created", "files", "labels"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    publish_sample(tmp_path / "model")
    return tmp_path / "model" / NAME


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def problem(folder: Path) -> str | None:
    return verified(read_version(folder, 1, None)).problem


def test_a_published_version_is_read(folder: Path) -> None:
    pointer = read_pointer(folder)
    version = verified(read_version(folder, 1, pointer))
    assert version.problem is None
    assert version.is_current
    assert (version.number, version.size, version.folder) == (1, 20_003, folder / "1")
    assert version.manifest["labels"] == ["0", "été"]
    assert version.created == version.manifest["created"]
    assert pointer == Pointer(1, version.manifest_sha256)


def test_only_plain_numbers_are_versions(folder: Path) -> None:
    for name in ("01", "0", "-3", "1.5", "٣", ".staging-9", "3x"):
        (folder / name).mkdir()
    (folder / "12").mkdir()
    (folder / "9").touch()
    assert numbers(folder) == (12, 9, 1)
    assert numbers(folder / "missing") == ()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(b""), "no JSON"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "no JSON"),
        (lambda path: path.write_bytes(b"[" * 100_000), "no JSON"),
        (lambda path: path.write_bytes(b"1" * 10_000), "no JSON"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "no JSON"),
        (lambda path: path.write_bytes(b" " * (MANIFEST_LIMIT + 1)), "larger than"),
        (lambda path: os.truncate(path, 2**40), "larger than"),
        (lambda path: path.write_text("[]"), "no format"),
        (lambda path: edit(path, format="1"), "no format"),
        (lambda path: edit(path, format=True), "no format"),
        (lambda path: edit(path, format=2), "newer trainer"),
        (lambda path: edit(path, version=2), "another"),
        (lambda path: edit(path, version=True), "another"),
        (lambda path: edit(path, name="other"), "another"),
        (lambda path: edit(path, created="\x1b[31m"), "time"),
        (lambda path: edit(path, files={}), "model.onnx"),
        (lambda path: edit(path, files={"model.onnx": 3}), "proper"),
        (lambda path: edit(path, files={"model.onnx": {}, "../x": {}}), "proper"),
        (link, "no regular file"),
        (fifo, "no regular file"),
        (folder_instead, "no regular file"),
    ],
)
def test_a_broken_manifest_is_a_problem(
    folder: Path, break_it: Callable[[Path], None], expected: str
) -> None:
    break_it(folder / "1" / "manifest.json")
    message = problem(folder)
    assert message is not None
    assert expected in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(b"x" * 19_999), "19,999 bytes"),
        (lambda path: path.write_bytes(b"y" * 20_000), "not the file"),
        (link, "no regular file"),
        (fifo, "no regular file"),
        (folder_instead, "no regular file"),
    ],
)
def test_a_broken_file_is_a_problem(
    folder: Path, break_it: Callable[[Path], None], expected: str
) -> None:
    break_it(folder / "1" / "model.onnx")
    message = problem(folder)
    assert message is not None
    assert "model.onnx" in message
    assert expected in message


@pytest.mark.parametrize("swap", [link, fifo])
def test_a_file_that_is_swapped_after_the_sizes_is_not_followed(
    folder: Path, swap: Callable[[Path], None]
) -> None:
    version = read_version(folder, 1, None)
    swap(folder / "1" / "model.onnx")
    assert "model.onnx" in (verified(version).problem or "")


def test_a_version_that_is_a_link_is_a_problem(folder: Path) -> None:
    (folder / "1").rename(folder / "moved")
    (folder / "1").symlink_to(folder / "moved")
    assert problem(folder) == "it is no folder"


def test_unknown_keys_are_ignored(folder: Path) -> None:
    edit(folder / "1" / "manifest.json", novelty={"a": [1]})
    assert problem(folder) is None


def test_another_manifest_than_the_pointers_is_a_problem(folder: Path) -> None:
    edit(folder / "1" / "manifest.json", labels=["x", "y"])
    version = read_version(folder, 1, read_pointer(folder))
    assert version.problem == "manifest.json is not the one that current.json names"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=st.dictionaries(KEYS, JSON, min_size=1, max_size=2))
def test_no_manifest_makes_the_reader_fail(folder: Path, changes: dict[str, Any]) -> None:
    path = folder / "1" / "manifest.json"
    original = path.read_bytes()
    try:
        edit(path, **changes)
        version = verified(read_version(folder, 1, None))
        assert version.problem or changes.keys() == {"labels"}
    finally:
        path.write_bytes(original)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_pointer_makes_the_reader_fail_otherwise(folder: Path, data: bytes) -> None:
    (folder / "current.json").write_bytes(data)
    with pytest.raises(DataError, match=r"current\.json"):
        read_pointer(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"version": 2**53},
        {"version": "1"},
        {"version": True},
        {"manifest_sha256": "f"},
    ],
)
def test_a_pointer_to_nothing_says_how_to_mend_it(folder: Path, changes: dict[str, object]) -> None:
    edit(folder / "current.json", **changes)
    with pytest.raises(DataError, match="trainer rollback"):
        read_pointer(folder)


@pytest.mark.parametrize("break_it", [link, fifo, folder_instead])
def test_a_pointer_that_is_no_file_is_refused(
    folder: Path, break_it: Callable[[Path], None]
) -> None:
    break_it(folder / "current.json")
    with pytest.raises(DataError, match="no regular file"):
        read_pointer(folder)


def test_a_newer_pointer_is_told_apart(folder: Path) -> None:
    edit(folder / "current.json", format=2)
    with pytest.raises(NewerFormatError, match="newer trainer"):
        read_pointer(folder)


def test_no_pointer_is_none(folder: Path) -> None:
    (folder / "current.json").unlink()
    assert read_pointer(folder) is None


def test_a_problem_that_is_known_stays(folder: Path) -> None:
    version = replace(read_version(folder, 1, None), problem="known")
    (folder / "1" / "model.onnx").write_bytes(b"y" * 20_000)
    assert verified(version).problem == "known"


def test_json_is_strict() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode_json({"loss": float("inf")})
