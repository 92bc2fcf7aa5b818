from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from inference.manifest import File, RepositoryError
from inference.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Shelf


def test_an_empty_folder_has_nothing(shelf: Shelf) -> None:
    repository = Repository(shelf.folder)
    assert repository.pointer() is None
    assert repository.training() is None
    assert repository.versions() == []


def test_versions_are_whole_numbers_newest_first(shelf: Shelf) -> None:
    shelf.folder.mkdir(parents=True)
    for name in ("2", "10", "1", "007", "0", "-3", ".staging-4", "4.5", "٣", "9" * 30):
        (shelf.folder / name).mkdir()
    assert Repository(shelf.folder).versions() == [10, 2, 1]


def test_a_sound_version_gives_its_model(shelf: Shelf) -> None:
    folder = shelf.publish(3)
    repository = Repository(shelf.folder)
    manifest = repository.manifest(3)
    assert repository.verified_model(manifest) == (folder / "model.onnx").read_bytes()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"\0")


def link(path: Path) -> None:
    path.symlink_to(path.rename(path.with_name("elsewhere")))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [cut, flip, link, pipe, folder])
@pytest.mark.parametrize("name", ["model.onnx", "model-card.md"])
def test_a_file_that_is_not_as_published_is_refused(
    shelf: Shelf, name: str, harm: Callable[[Path], None]
) -> None:
    harm(shelf.publish(1) / name)
    repository = Repository(shelf.folder)
    with pytest.raises(RepositoryError, match=name):
        repository.verified_model(repository.manifest(1))


def test_a_missing_file_is_the_volumes_fault(shelf: Shelf) -> None:
    (shelf.publish(1) / "model-card.md").unlink()
    repository = Repository(shelf.folder)
    with pytest.raises(FileNotFoundError):
        repository.verified_model(repository.manifest(1))


def test_links_are_refused_on_the_way(shelf: Shelf) -> None:
    published = shelf.publish(1)
    published.rename(shelf.root / "elsewhere")
    published.symlink_to(shelf.root / "elsewhere")
    link(shelf.folder / "current.json")
    repository = Repository(shelf.folder)
    with pytest.raises(RepositoryError, match="link"):
        repository.manifest(1)
    with pytest.raises(RepositoryError, match="link"):
        repository.pointer()


def test_a_huge_manifest_is_not_read_to_its_end(shelf: Shelf) -> None:
    with (shelf.publish(1) / "manifest.json").open("r+b") as file:
        file.truncate(1024**4)
    with pytest.raises(RepositoryError, match="larger than"):
        Repository(shelf.folder).manifest(1)


def test_open_checks_the_size(shelf: Shelf) -> None:
    shelf.publish(1)
    with pytest.raises(RepositoryError, match="has 73 bytes, not 74"):
        Repository(shelf.folder).open(1, "sample-red.png", File(74, "0" * 64))


def test_marks_change_with_their_files(shelf: Shelf) -> None:
    published = shelf.publish(1)
    repository = Repository(shelf.folder)
    before = repository.manifest_mark(1), repository.mark(1)
    cut(published / "model-card.md")
    assert repository.manifest_mark(1) == before[0]
    assert repository.mark(1) != before[1]
    cut(published / "manifest.json")
    assert repository.manifest_mark(1) != before[0]


def test_training_passes_as_it_is_or_not_at_all(shelf: Shelf) -> None:
    shelf.replace("training.json", b'{"format": 1, "state":  "done"}')
    assert Repository(shelf.folder).training() == b'{"format": 1, "state":  "done"}'
    shelf.replace("training.json", b'{"format": 2}')
    with pytest.raises(RepositoryError, match=r"training\.json has format 2"):
        Repository(shelf.folder).training()


@pytest.fixture
def read_only(shelf: Shelf) -> Iterator[Shelf]:
    """The shelf on a small file system that is mounted read-only once it is filled."""
    shelf.root.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(shelf.root)],
        check=False,
        capture_output=True,
    )
    if not made or made.returncode:
        reason = "mounting is not permitted here: run as root with CAP_SYS_ADMIN"
        if os.environ.get("REQUIRE_MOUNT") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        shelf.publish(1)
        subprocess.run(["mount", "-o", "remount,ro", str(shelf.root)], check=True)  # noqa: S607
        yield shelf
    finally:
        subprocess.run(["umount", "-l", str(shelf.root)], check=True)  # noqa: S607


def test_a_read_only_volume_is_enough(read_only: Shelf) -> None:
    with pytest.raises(OSError, match="Read-only"):
        (read_only.folder / "probe").touch()
    repository = Repository(read_only.folder)
    pointer = repository.pointer()
    assert pointer is not None
    assert pointer.version == 1
    assert repository.verified_model(repository.manifest(1))
