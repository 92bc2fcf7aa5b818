"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

import pytest
from small_volume import small_volume

from trainer.errors import TemporaryError
from trainer.storage import locked, replace_file, write_durably, writing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "prune"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "writable"),
        (errno.EACCES, "user"),
        (errno.ENOTDIR, "file away"),
        (errno.EIO, "healthy"),
        (errno.ESTALE, "healthy"),
    ],
)
def test_a_failing_volume_is_writing(tmp_path: Path, number: int, remedy: str) -> None:
    with pytest.raises(TemporaryError, match=remedy) as caught, writing(tmp_path, "do it"):
        raise OSError(number, os.strerror(number))
    assert str(caught.value).startswith(f"{tmp_path}: cannot do it: {os.strerror(number)}; ")
    assert "\n" not in str(caught.value)


def test_a_file_is_replaced_and_nothing_is_left(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"other")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "current.json").symlink_to(outside)
    replace_file(folder / "current.json", b"new")
    assert outside.read_bytes() == b"other"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"current.json": b"new"}


def test_what_cannot_be_replaced_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "current.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(tmp_path / "current.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["current.json"]


def test_a_full_disk_keeps_the_old_file_and_nothing_of_the_new(tmp_path: Path) -> None:
    with small_volume(tmp_path / "volume") as volume:
        replace_file(volume / "current.json", b"old")
        for change in (replace_file, lambda path, data: write_durably(path.with_name("x"), data)):
            with pytest.raises(OSError, match="No space"):
                change(volume / "current.json", bytes(10**6))
        assert {each.name: each.read_bytes() for each in volume.iterdir()} == {
            "current.json": b"old"
        }


def test_a_lock_is_held_once_and_freed(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock"),
        pytest.raises(TemporaryError, match="another trainer is writing here"),
        locked(tmp_path / "lock"),
    ):
        pass
    with locked(tmp_path / "lock"):
        pass


def test_a_lock_that_was_removed_while_it_was_taken_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removed(*_: object) -> None:
        (tmp_path / "lock").unlink()

    monkeypatch.setattr(fcntl, "flock", removed)
    with pytest.raises(TemporaryError, match="was writing here; retry"), locked(tmp_path / "lock"):
        pass
