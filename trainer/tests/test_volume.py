from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from trainer.errors import SettingsError
from trainer.volume import locked, model_folder, remove

if TYPE_CHECKING:
    from pathlib import Path

TRY_LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(9)
"""


def can_lock_elsewhere(folder: Path) -> bool:
    command = [sys.executable, "-c", TRY_LOCK, str(folder / ".lock")]
    return subprocess.run(command, check=False).returncode == 0


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert not can_lock_elsewhere(tmp_path)
    assert can_lock_elsewhere(tmp_path)


def test_a_lock_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_removing_follows_no_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(outside)
    (tmp_path / "file").touch()
    for name in ("link", "folder", "file", "missing"):
        remove(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (outside / "kept").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "-x", "x" * 65, "a\n", "a\0"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="model name"):
        model_folder(tmp_path, name)


def test_a_name_is_a_folder_below(tmp_path: Path) -> None:
    assert model_folder(tmp_path, "a.b-c_9") == tmp_path / "a.b-c_9"
