from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from sample_model import (
    NAME,
    check_repository,
    publish_sample,
    sample_files,
    sample_manifest,
)

from trainer.errors import DataError, SettingsError, TemporaryError
from trainer.publishing import publish

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    return tmp_path / "model"


def names(model_dir: Path) -> set[str]:
    return {path.name for path in (model_dir / NAME).iterdir()}


def python(*arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, *arguments], env=environment)


def test_versions_count_up_and_the_newest_is_current(model_dir: Path) -> None:
    for expected in (1, 2, 3):
        assert publish_sample(model_dir) == expected
        assert check_repository(model_dir) == expected
    assert names(model_dir) == {".lock", "1", "2", "3", "current.json"}


def test_a_number_that_anything_has_is_not_given_again(model_dir: Path) -> None:
    publish_sample(model_dir)
    (model_dir / NAME / "4").write_text("no folder")
    (model_dir / NAME / "06").mkdir()
    assert publish_sample(model_dir) == 5


def test_a_number_that_was_current_is_not_given_again(model_dir: Path) -> None:
    publish_sample(model_dir)
    (model_dir / NAME / "1").rename(model_dir / "lost")
    assert publish_sample(model_dir) == 2


@pytest.mark.parametrize("obstacle", ["folder", "file"])
def test_a_number_that_is_taken_at_the_last_moment_stays_the_others(
    model_dir: Path, obstacle: str
) -> None:
    publish_sample(model_dir)
    script = """
import os, sys
from pathlib import Path
from sample_model import publish_sample
model_dir, obstacle = Path(sys.argv[1]), sys.argv[2]
def rival(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith("/2"):
        target = Path(arguments[1])
        if obstacle == "folder":
            target.mkdir()
            (target / "model.onnx").write_bytes(b"rival")
        else:
            target.write_bytes(b"rival")
sys.addaudithook(rival)
sys.exit(publish_sample(model_dir))
"""
    assert python("-c", script, str(model_dir), obstacle).wait() == 3
    taken = model_dir / NAME / "2"
    assert (taken if obstacle == "file" else taken / "model.onnx").read_bytes() == b"rival"
    taken.rename(model_dir / "rival")
    assert check_repository(model_dir) == 3


def test_two_publishers_at_once_get_two_versions(model_dir: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from sample_model import *\n"
        "for _ in range(10): publish_sample(Path(sys.argv[1]))"
    )
    publishers = [python("-c", script, str(model_dir)) for _ in range(2)]
    assert [publisher.wait() for publisher in publishers] == [0, 0]
    assert check_repository(model_dir) == 20
    assert names(model_dir) == {".lock", "current.json", *map(str, range(1, 21))}


def test_everything_is_on_the_disk_before_it_is_shown(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_sample(model_dir)
    steps = _recorded_steps(monkeypatch)
    publish_sample(model_dir)
    folder = model_dir / NAME
    written = ["2/model.onnx", "2/sample-0.png", "2/manifest.json", "2", "current.json"]
    inodes = [(folder / path).stat().st_ino for path in written]
    shown = folder.stat().st_ino
    assert steps[1:] == [*inodes, "2", shown, "current.json", shown]


def _recorded_steps(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The inode of each fsync, the new name of each rename; a power cut cannot be had."""
    steps: list[object] = []
    fsync, rename, replace = os.fsync, os.rename, os.replace

    def record_fsync(descriptor: int) -> None:
        fsync(descriptor)
        steps.append(os.fstat(descriptor).st_ino)

    def record_rename(source: Path, target: Path) -> None:
        rename(source, target)
        steps.append(target.name)

    def record_replace(source: Path, target: Path) -> None:
        replace(source, target)
        steps.append(target.name)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "rename", record_rename)
    monkeypatch.setattr(os, "replace", record_replace)
    return steps


def test_what_a_dead_publisher_left_is_removed_after_a_day(model_dir: Path) -> None:
    publish_sample(model_dir)
    old, young = model_dir / NAME / ".staging-old", model_dir / NAME / ".staging-young"
    outside = model_dir / "outside"
    for folder in (old, young, outside):
        folder.mkdir()
        (folder / "model.onnx").write_bytes(b"half")
    (old / "link").symlink_to(outside)
    os.utime(old, (0, time.time() - 25 * 60 * 60))
    publish_sample(model_dir)
    assert not old.exists()
    assert young.exists()
    assert list(outside.iterdir())


def test_a_corrupt_pointer_is_mended_by_publishing(model_dir: Path) -> None:
    publish_sample(model_dir)
    (model_dir / NAME / "current.json").write_bytes(b"\xff{")
    assert publish_sample(model_dir) == check_repository(model_dir) == 2


def test_a_pointer_of_a_newer_format_is_left_alone(model_dir: Path) -> None:
    publish_sample(model_dir)
    pointer = model_dir / NAME / "current.json"
    pointer.write_text(json.dumps({"format": 2}))
    with pytest.raises(DataError, match="format 2"):
        publish_sample(model_dir)
    assert json.loads(pointer.read_text()) == {"format": 2}
    assert names(model_dir) == {".lock", "1", "current.json"}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "x" * 65, "a\n"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError):
        publish(tmp_path, name, sample_files(tmp_path / "sources"), sample_manifest())


@pytest.mark.parametrize("file", ["../x", "a/b", ".hidden", "manifest.json", "", "x\n"])
def test_a_file_name_outside_the_contract_is_refused(tmp_path: Path, file: str) -> None:
    files = sample_files(tmp_path / "sources")
    with pytest.raises(ValueError, match=r"manifest\.json|letters"):
        publish(tmp_path, NAME, {**files, file: files["model.onnx"]}, sample_manifest())
    assert not (tmp_path / NAME).exists()


def test_a_version_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.onnx"):
        publish(tmp_path, NAME, {}, sample_manifest())


def test_what_publishing_decides_is_not_the_callers(tmp_path: Path) -> None:
    files = sample_files(tmp_path / "sources")
    with pytest.raises(ValueError, match="version"):
        publish(tmp_path, NAME, files, {**sample_manifest(), "version": 9})


def test_a_missing_export_is_named(tmp_path: Path) -> None:
    files = {"model.onnx": tmp_path / "none.onnx"}
    with pytest.raises(DataError, match=r"none\.onnx.*export"):
        publish(tmp_path, NAME, files, sample_manifest())
    assert not (tmp_path / NAME).exists()


def test_a_number_that_json_does_not_have_leaves_nothing_behind(model_dir: Path) -> None:
    publish_sample(model_dir)
    files = sample_files(model_dir.parent / "sources")
    with pytest.raises(ValueError, match="JSON"):
        publish(model_dir, NAME, files, {**sample_manifest(), "extra": float("nan")})
    assert names(model_dir) == {".lock", "1", "current.json"}


def test_a_manifest_that_no_reader_takes_is_not_published(model_dir: Path) -> None:
    publish_sample(model_dir)
    files = sample_files(model_dir.parent / "sources")
    with pytest.raises(DataError, match="bytes"):
        publish(model_dir, NAME, files, {**sample_manifest(), "extra": "x" * 2**22})
    assert names(model_dir) == {".lock", "1", "current.json"}


def test_a_path_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("a file")
    with pytest.raises(TemporaryError, match="model"):
        publish_sample(tmp_path / "model")
