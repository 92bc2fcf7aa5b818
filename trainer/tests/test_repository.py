from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_model import NAME, check_repository, publish_sample

from trainer.errors import DataError, SettingsError
from trainer.repository import current, find_by_fingerprint, prune, rollback, versions


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """Three versions, of the fingerprints a…, b… and a…."""
    for fingerprint in "aba":
        publish_sample(tmp_path / "model", fingerprint * 64)
    return tmp_path / "model"


def pointer(model_dir: Path) -> Path:
    return model_dir / NAME / "current.json"


def damage(model_dir: Path, number: int) -> None:
    """Same size, other bytes: only the SHA-256 tells."""
    path = model_dir / NAME / str(number) / "model.onnx"
    path.write_bytes(b"y" * path.stat().st_size)


def taken(model_dir: Path) -> set[str]:
    return {path.name for path in (model_dir / NAME).iterdir()} - {".lock", "current.json"}


def test_versions_come_newest_first_with_the_current_one(model_dir: Path) -> None:
    rollback(model_dir, NAME, 2)
    found = versions(model_dir, NAME)
    assert [version.number for version in found] == [3, 2, 1]
    assert [version.is_current for version in found] == [False, True, False]
    assert [version.problem for version in found] == [None] * 3
    assert current(model_dir, NAME) == found[1]


def test_a_model_that_was_never_published_has_no_versions(tmp_path: Path) -> None:
    assert versions(tmp_path, NAME) == ()
    assert current(tmp_path, NAME) is None
    assert find_by_fingerprint(tmp_path, NAME, "a" * 64) is None
    assert prune(tmp_path, NAME, 1) == ()
    assert list(tmp_path.iterdir()) == []


def test_broken_versions_are_listed_as_such(model_dir: Path) -> None:
    (model_dir / NAME / "1" / "manifest.json").write_text("{")
    (model_dir / NAME / "4").mkdir()
    problems = {version.number: version.problem for version in versions(model_dir, NAME)}
    assert problems[2] is None
    assert problems[3] is None
    assert "no JSON" in (problems[1] or "")
    assert "manifest.json" in (problems[4] or "")


def test_a_corrupt_pointer_lists_no_current_version(model_dir: Path) -> None:
    pointer(model_dir).write_text("{")
    assert [version.is_current for version in versions(model_dir, NAME)] == [False] * 3
    with pytest.raises(DataError, match=r"current\.json"):
        current(model_dir, NAME)


def test_a_pointer_to_a_missing_version_is_a_problem(model_dir: Path) -> None:
    (model_dir / NAME / "3").rename(model_dir / "lost")
    version = current(model_dir, NAME)
    assert version is not None
    assert version.problem is not None


def test_the_newest_whole_version_of_a_fingerprint_is_found(model_dir: Path) -> None:
    assert _found(model_dir, "a") == 3
    assert _found(model_dir, "b") == 2
    assert _found(model_dir, "c") is None
    damage(model_dir, 3)
    assert _found(model_dir, "a") == 1
    (model_dir / NAME / "1" / "model.onnx").unlink()
    assert _found(model_dir, "a") is None


def test_a_manifest_without_training_has_no_fingerprint(model_dir: Path) -> None:
    path = model_dir / NAME / "2" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "training": [1]}))
    assert _found(model_dir, "b") is None


def _found(model_dir: Path, letter: str) -> int | None:
    version = find_by_fingerprint(model_dir, NAME, letter * 64)
    return version.number if version else None


def test_rollback_moves_the_pointer_and_nothing_else(model_dir: Path) -> None:
    before = _files(model_dir)
    assert rollback(model_dir, NAME) == check_repository(model_dir) == 2
    assert rollback(model_dir, NAME) == check_repository(model_dir) == 1
    assert rollback(model_dir, NAME, 3) == check_repository(model_dir) == 3
    assert _files(model_dir) == before


def _files(model_dir: Path) -> dict[Path, tuple[bytes, int]]:
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in model_dir.rglob("*")
        if path.is_file() and path.name not in {".lock", "current.json"}
    } | {pointer(model_dir): (pointer(model_dir).read_bytes(), 0)}


def test_publishing_after_a_rollback_takes_a_new_number(model_dir: Path) -> None:
    rollback(model_dir, NAME, 1)
    assert publish_sample(model_dir) == check_repository(model_dir) == 4


@pytest.mark.parametrize("version", [0, -1, 4])
def test_rollback_to_a_version_that_is_not_there_is_refused(model_dir: Path, version: int) -> None:
    with pytest.raises(SettingsError, match=f"no version {version}"):
        rollback(model_dir, NAME, version)
    assert check_repository(model_dir) == 3


def test_rollback_before_the_first_version_is_refused(model_dir: Path) -> None:
    rollback(model_dir, NAME, 1)
    with pytest.raises(SettingsError, match="before"):
        rollback(model_dir, NAME)
    assert check_repository(model_dir) == 1


def test_rollback_to_a_broken_version_is_refused(model_dir: Path) -> None:
    before = pointer(model_dir).read_bytes()
    damage(model_dir, 2)
    with pytest.raises(DataError, match="version 2 of digits is broken"):
        rollback(model_dir, NAME)
    assert pointer(model_dir).read_bytes() == before


def test_rollback_by_number_mends_a_corrupt_or_missing_pointer(model_dir: Path) -> None:
    pointer(model_dir).write_text("{")
    with pytest.raises(DataError, match=r"current\.json"):
        rollback(model_dir, NAME)
    assert rollback(model_dir, NAME, 2) == check_repository(model_dir) == 2
    pointer(model_dir).unlink()
    with pytest.raises(SettingsError, match="no current version"):
        rollback(model_dir, NAME)
    assert rollback(model_dir, NAME, 1) == check_repository(model_dir) == 1


def test_prune_keeps_the_newest_and_the_current_one(model_dir: Path) -> None:
    for _ in range(2):
        publish_sample(model_dir)
    rollback(model_dir, NAME, 2)
    assert prune(model_dir, NAME, 2) == (1, 3)
    assert taken(model_dir) == {"2", "4", "5"}
    assert prune(model_dir, NAME, 2) == ()
    assert check_repository(model_dir) == 2


def test_prune_keeps_at_least_one(model_dir: Path) -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        prune(model_dir, NAME, 0)
    assert taken(model_dir) == {"1", "2", "3"}


def test_prune_removes_broken_versions_and_follows_no_links(model_dir: Path) -> None:
    outside = model_dir / "outside"
    (model_dir / NAME / "1").rename(outside)
    (model_dir / NAME / "1").symlink_to(outside)
    (model_dir / NAME / "2" / "link").symlink_to(outside)
    assert prune(model_dir, NAME, 1) == (1, 2)
    assert taken(model_dir) == {"3"}
    assert (outside / "model.onnx").exists()


@pytest.mark.parametrize("content", ["{", '{"format": 2}'])
def test_prune_without_knowing_the_current_version_is_refused(
    model_dir: Path, content: str
) -> None:
    pointer(model_dir).write_text(content)
    with pytest.raises(DataError, match=r"current\.json"):
        prune(model_dir, NAME, 1)
    assert taken(model_dir) == {"1", "2", "3"}


def test_a_pointer_of_a_newer_format_is_left_alone(model_dir: Path) -> None:
    pointer(model_dir).write_text('{"format": 2}')
    for version in (None, 1):
        with pytest.raises(DataError, match="format 2"):
            rollback(model_dir, NAME, version)
    assert pointer(model_dir).read_text() == '{"format": 2}'


ACTIONS = st.one_of(
    st.tuples(st.just("publish"), st.none()),
    st.tuples(st.just("rollback"), st.none() | st.integers(1, 9)),
    st.tuples(st.just("prune"), st.integers(1, 3)),
)


@settings(deadline=None, max_examples=25)
@given(actions=st.lists(ACTIONS, max_size=12))
def test_any_history_leaves_what_a_simple_model_says(
    actions: list[tuple[str, int | None]],
) -> None:
    with TemporaryDirectory() as folder:
        model_dir = Path(folder) / "model"
        numbers = [publish_sample(model_dir)]
        now = issued = 1
        for action, argument in actions:
            if action == "publish":
                issued += 1
                now = publish_sample(model_dir)
                assert now == issued
                numbers.append(now)
            elif action == "rollback":
                now = _roll_back(model_dir, numbers, now, argument)
            else:
                old = [number for number in numbers[: -(argument or 0)] if number != now]
                assert prune(model_dir, NAME, argument or 0) == tuple(old)
                numbers = [number for number in numbers if number not in old]
            assert check_repository(model_dir) == now
            assert taken(model_dir) == set(map(str, numbers))
        assert [version.number for version in versions(model_dir, NAME)] == numbers[::-1]


def _roll_back(model_dir: Path, numbers: list[int], now: int, wanted: int | None) -> int:
    before = [number for number in numbers if number < now]
    target = wanted if wanted in numbers else None
    if wanted is None and before:
        target = before[-1]
    if target is None:
        with pytest.raises(SettingsError):
            rollback(model_dir, NAME, wanted)
        return now
    assert rollback(model_dir, NAME, wanted) == target
    return target
