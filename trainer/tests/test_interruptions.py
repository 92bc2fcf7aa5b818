"""Publishing, pruning and rolling back, cut short by a kill, a full disk, a read-only volume."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import dying_trainer
import pytest
from sample_model import NAME, check_repository, publish_sample
from small_volume import make_read_only, small_volume

from trainer.errors import TemporaryError
from trainer.repository import prune, rollback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    with small_volume(tmp_path / "volume") as folder:
        yield folder


def names(model_dir: Path) -> set[str]:
    return {path.name for path in (model_dir / NAME).iterdir()}


@pytest.mark.parametrize(
    ("action", "expected"), [("publish", {2, 3}), ("prune", {2}), ("rollback", {1, 2})]
)
def test_a_kill_at_any_line_leaves_a_whole_current_version(
    tmp_path: Path, action: str, expected: set[int]
) -> None:
    base, runs = tmp_path / "base" / "model", tmp_path / "runs"
    publish_sample(base)
    publish_sample(base)
    command = [sys.executable, dying_trainer.__file__, action, str(base), str(runs)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, env=environment, check=True)
    killed = sorted(runs.iterdir(), key=lambda run: int(run.name))
    assert len(killed) > 20
    assert {check_repository(run / "model") for run in killed} == expected
    for run in killed[::9]:
        assert publish_sample(run / "model") == check_repository(run / "model") > 2


def test_a_full_disk_at_any_point_changes_nothing(volume: Path, tmp_path: Path) -> None:
    model_dir = volume / "model"
    publish_sample(model_dir, sources=tmp_path)
    pages = 0
    while message := _refusal(model_dir, pages, sources=tmp_path):
        for part in (str(model_dir / NAME), "No space left", "prune"):
            assert part in message
        assert check_repository(model_dir) == 1
        assert names(model_dir) == {".lock", "1", "current.json"}
        pages += 1
    assert check_repository(model_dir) == 2
    assert pages > 20_000 // os.sysconf("SC_PAGE_SIZE")


def _refusal(model_dir: Path, free_pages: int, sources: Path) -> str | None:
    ballast = model_dir.parent / "ballast"
    ballast.unlink(missing_ok=True)
    status = os.statvfs(ballast.parent)
    ballast.write_bytes(b"0" * (status.f_bavail - free_pages) * status.f_frsize)
    try:
        publish_sample(model_dir, sources=sources)
    except TemporaryError as error:
        return str(error)
    return None


def test_a_full_disk_can_be_pruned(volume: Path, tmp_path: Path) -> None:
    model_dir = volume / "model"
    with pytest.raises(TemporaryError, match="No space"):
        _publish_often(model_dir, tmp_path)
    assert len(prune(model_dir, NAME, 1)) > 2
    assert publish_sample(model_dir, sources=tmp_path) == check_repository(model_dir)


def _publish_often(model_dir: Path, sources: Path) -> None:
    for _ in range(100):
        publish_sample(model_dir, sources=sources)


@pytest.mark.parametrize(
    "change",
    [
        lambda volume: publish_sample(volume / "model", sources=volume.parent),
        lambda volume: prune(volume / "model", NAME, 1),
        lambda volume: rollback(volume / "model", NAME),
    ],
)
def test_a_read_only_volume_is_named_and_nothing_changes(
    volume: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    for _ in range(2):
        publish_sample(volume / "model", sources=tmp_path)
    make_read_only(volume)
    with pytest.raises(TemporaryError, match=r"Read-only.*mount the volume writable") as caught:
        change(volume)
    assert str(volume / "model" / NAME) in str(caught.value)
    assert check_repository(volume / "model") == 2
    assert names(volume / "model") == {".lock", "1", "2", "current.json"}


def test_a_read_only_volume_without_the_model_is_named(volume: Path, tmp_path: Path) -> None:
    make_read_only(volume)
    with pytest.raises(TemporaryError, match="Read-only"):
        publish_sample(volume, sources=tmp_path)
