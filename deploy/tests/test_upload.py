from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import upload
from deploy.errors import DeployError, UsageError

if TYPE_CHECKING:
    from conftest import Cluster

linux = pytest.mark.skipif(sys.platform != "linux", reason="a node's tar and find are GNU's")
PRESETS = Path(__file__).parents[2] / "trainer/src/trainer/presets.py"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "My Photos"
    for name in ("cats/1.jpg", "cats/deep/2.jpg", "dogs/3.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def no_progress(*_: int) -> None:
    pass


def names(planned: upload.Upload) -> list[str]:
    return [below for _, below, _ in planned.files]


def received(cluster: Cluster) -> dict[str, str]:
    root = Path(f"{cluster.state}/the-node{upload.NODE_FOLDER}")
    files = [path for path in root.rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix(): path.read_text() for path in files}


def test_a_folder_s_files(photos: Path) -> None:
    planned = upload.plan(photos)
    assert names(planned) == ["cats/1.jpg", "cats/deep/2.jpg", "dogs/3.jpg"]
    assert (planned.pod_path, planned.size) == ("/src/data/uploads/My-Photos", 35)


def test_links_are_followed_and_none_is_followed_for_ever(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "birds").mkdir()
    (tmp_path / "birds/4.jpg").touch()
    (photos / "birds").symlink_to(tmp_path / "birds")
    (photos / "again").symlink_to(photos)
    (photos / "dogs/5.jpg").symlink_to(photos / "dogs/3.jpg")
    (photos / "dogs/6.jpg").symlink_to("nowhere")
    planned = upload.plan(photos)
    assert names(planned) == [
        *("birds/4.jpg", "cats/1.jpg", "cats/deep/2.jpg", "dogs/3.jpg", "dogs/5.jpg")
    ]
    assert planned.unreadable == 1


def test_hidden_files_and_pipes_stay(photos: Path) -> None:
    (photos / ".git").mkdir()
    (photos / ".git/config").touch()
    (photos / "cats/.hidden.jpg").touch()
    os.mkfifo(photos / "cats/pipe.jpg")
    assert len(upload.plan(photos).files) == 3


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file in it"):
        upload.plan(tmp_path)


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
def test_any_name_becomes_one_that_is_safe(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", upload.safe_name(name))


@linux
def test_a_folder_arrives_in_the_place_of_the_one_before(cluster: Cluster, photos: Path) -> None:
    upload.send(upload.plan(photos), "the-node", no_progress)
    (photos / "dogs/3.jpg").unlink()
    upload.send(upload.plan(photos), "the-node", no_progress)
    assert received(cluster) == {
        "My-Photos/cats/1.jpg": "cats/1.jpg",
        "My-Photos/cats/deep/2.jpg": "cats/deep/2.jpg",
    }


@linux
def test_an_archive_arrives_as_a_file(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "photos.zip").write_text("PK")
    upload.send(upload.plan(tmp_path / "photos.zip"), "the-node", no_progress)
    assert received(cluster) == {"photos.zip": "PK"}


@linux
def test_a_file_that_has_become_shorter_changes_nothing(cluster: Cluster, photos: Path) -> None:
    upload.send(upload.plan(photos), "the-node", no_progress)
    before, planned = received(cluster), upload.plan(photos)
    (photos / "dogs/3.jpg").write_text("")
    with pytest.raises(UsageError, match=r"3\.jpg: cannot be read"):
        upload.send(planned, "the-node", no_progress)
    assert received(cluster) == before


@linux
def test_a_stream_that_ends_between_two_files_changes_nothing(
    cluster: Cluster, photos: Path
) -> None:
    planned = upload.plan(photos)

    def interrupt(files: int, *_: int) -> None:
        if files == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload.send(planned, "the-node", interrupt)
    assert received(cluster) == {}


def test_a_node_that_is_not_there(cluster: Cluster, photos: Path) -> None:
    (cluster.state / "no-node").touch()
    with pytest.raises(DeployError, match="No such container"):
        upload.send(upload.plan(photos), "the-node", no_progress)


def test_what_the_trainer_finds_itself() -> None:
    for data in ("digits", "https://example.com/x.zip", "/src/data/uploads/photos"):
        assert upload.local_path(data) is None


def test_the_presets_are_the_trainer_s() -> None:
    assert re.findall(r'^    name="(\w+)"', PRESETS.read_text(), re.MULTILINE) == list(
        upload.PRESETS
    )


@pytest.mark.parametrize("data", ["", "nothing-here", "x" * 5000, "a\0b"])
def test_what_names_nothing_is_refused(data: str) -> None:
    with pytest.raises(UsageError, match="presets are digits, flowers"):
        upload.local_path(data)
