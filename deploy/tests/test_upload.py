from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenarios import SECONDS

from deploy import sending, upload
from deploy.errors import DeployError, UsageError

if TYPE_CHECKING:
    from scenarios import Cluster

linux = pytest.mark.skipif(sys.platform != "linux", reason="a node's tar and find are GNU's")
ROOT = Path(__file__).parents[2]
TRAINER = ROOT / ".nox/env_trainer/bin/python"
SOURCES = ROOT / "trainer/src/trainer"
FIND = """
import json, sys
from trainer.sources import open_source
print(json.dumps(sorted(item.name for item in open_source(sys.argv[1], None).items)))
"""


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
    root = Path(f"{cluster.state}/the-node{sending.NODE_FOLDER}")
    files = [path for path in root.rglob("*") if path.is_file()]
    parts = [path.relative_to(root).parts for path in files]
    assert all(re.fullmatch(r"[0-9a-f]{8}", place) for place, *_ in parts)
    return {"/".join(name[1:]): path.read_text() for name, path in zip(parts, files, strict=True)}


def test_a_folder_s_files(photos: Path) -> None:
    planned = upload.plan(photos)
    assert names(planned) == ["cats/1.jpg", "cats/deep/2.jpg", "dogs/3.jpg"]
    assert re.fullmatch(r"/src/data/uploads/[0-9a-f]{8}/My-Photos", planned.pod_path)
    assert planned.size == 35
    assert planned.pod_path == upload.plan(photos / "cats/..").pod_path


def test_folders_of_the_same_name_do_not_replace_one_another(tmp_path: Path) -> None:
    places = set()
    for parent in ("mine", "yours"):
        (tmp_path / parent / "photos").mkdir(parents=True)
        (tmp_path / parent / "photos/1.jpg").touch()
        places.add(upload.plan(tmp_path / parent / "photos").pod_path)
    assert len(places) == 2
    assert {Path(place).name for place in places} == {"photos"}


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


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photos.tar.gz", "photos.tar.gz"),
        ("My Photos (2).zip", "My-Photos-2.zip"),
        (".zip", "dataset.zip"),
        ("Фото.zip", "dataset-[0-9a-f]{8}.zip"),
        ("данные.csv", "dataset-[0-9a-f]{8}.csv"),
        ("2024. Отпуск.tar.gz", "2024-[0-9a-f]{8}.tar.gz"),
        ("写真", "dataset-[0-9a-f]{8}"),
    ],
)
def test_a_name_keeps_its_suffixes(name: str, safe: str) -> None:
    assert re.fullmatch(safe, upload.safe_name(name))


def test_names_that_lose_letters_remain_different() -> None:
    names = ["写真", "фото", "фото.zip", "Фото.zip", "abc-" + "é" * 120, "abc-" + "è" * 120]
    safe = {upload.safe_name(name) for name in names}
    assert len(safe) == len(names)
    assert all(len(name) <= 64 for name in safe)


@linux
def test_a_folder_arrives_in_the_place_of_the_one_before(cluster: Cluster, photos: Path) -> None:
    sending.send(upload.plan(photos), "the-node", no_progress)
    (photos / "dogs/3.jpg").unlink()
    sending.send(upload.plan(photos), "the-node", no_progress)
    assert received(cluster) == {
        "My-Photos/cats/1.jpg": "cats/1.jpg",
        "My-Photos/cats/deep/2.jpg": "cats/deep/2.jpg",
    }


@linux
def test_an_archive_arrives_as_a_file(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "photos.zip").write_text("PK")
    sending.send(upload.plan(tmp_path / "photos.zip"), "the-node", no_progress)
    assert received(cluster) == {"photos.zip": "PK"}


@linux
def test_a_file_that_has_become_shorter_changes_nothing(cluster: Cluster, photos: Path) -> None:
    sending.send(upload.plan(photos), "the-node", no_progress)
    before, planned = received(cluster), upload.plan(photos)
    (photos / "dogs/3.jpg").write_text("")
    with pytest.raises(UsageError, match=r"3\.jpg: cannot be read"):
        sending.send(planned, "the-node", no_progress)
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
        sending.send(planned, "the-node", interrupt)
    assert received(cluster) == {}


def test_a_node_that_takes_no_more_hides_no_other_fault(cluster: Cluster, photos: Path) -> None:
    (cluster.state / "no-reader").touch()
    planned = upload.plan(photos)

    def remove(*_: int) -> None:  # before anything was written out
        wait_for(cluster.state / "closed")
        (photos / "cats/deep/2.jpg").unlink(missing_ok=True)

    with pytest.raises(UsageError, match=r"2\.jpg: cannot be read"):
        sending.send(planned, "the-node", remove)


def test_a_stop_that_docker_gets_too_is_a_stop(cluster: Cluster, tmp_path: Path) -> None:
    (cluster.state / "slow-reader").touch()
    (tmp_path / "big.zip").write_bytes(bytes(1 << 20))
    cluster.will(moments=[])
    with subprocess.Popen(
        cluster.command("train", f"--data={tmp_path}/big.zip"),
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(cluster.state / "waits")
        os.killpg(process.pid, signal.SIGTERM)
        told = process.communicate(timeout=SECONDS)[1]
    assert (process.returncode, told.splitlines()[1:]) == (130, ["deploy: interrupted"])


def wait_for(path: Path) -> None:
    end = time.monotonic() + SECONDS
    while not path.exists():
        assert time.monotonic() < end, f"no {path}"


@linux
def test_what_the_node_does_not_take_is_told(cluster: Cluster, photos: Path) -> None:
    (photos / "cats/big.jpg").write_bytes(bytes(1 << 20))
    (cluster.state / "no-reader").touch()
    with pytest.raises(DeployError, match="cannot take the data: it does not tell why"):
        sending.send(upload.plan(photos), "the-node", no_progress)


@linux
@pytest.mark.skipif(not TRAINER.exists(), reason="./noxw -s env_trainer installs it")
def test_the_trainer_finds_in_a_copy_what_it_would_have_found_here(
    cluster: Cluster, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "birds/.thumbnails").mkdir(parents=True)
    (tmp_path / "birds/.thumbnails/4.jpg").touch()
    for name in ("4.jpg", "Фото 5.jpg", "Thumbs.db", ".DS_Store", "notes.txt", "x" * 200):
        (tmp_path / "birds" / name).touch()
    (photos / "birds").symlink_to(tmp_path / "birds")
    (photos / "cats/deep/again").symlink_to(photos)
    (photos / "dogs/6.jpg").symlink_to(photos / "dogs/3.jpg")
    planned = upload.plan(photos)
    sending.send(planned, "the-node", no_progress)
    copy = Path(f"{cluster.state}/the-node{sending.NODE_FOLDER}", planned.place, planned.name)
    assert found_by_trainer(copy) == found_by_trainer(photos)
    assert len(found_by_trainer(photos)) == 8


def found_by_trainer(folder: Path) -> list[str]:
    done = subprocess.run(
        [TRAINER, "-c", FIND, folder], capture_output=True, text=True, check=True, timeout=SECONDS
    )
    return list(json.loads(done.stdout))


def test_a_node_that_is_not_there(cluster: Cluster, photos: Path) -> None:
    (cluster.state / "no-node").touch()
    with pytest.raises(DeployError, match="No such container"):
        sending.send(upload.plan(photos), "the-node", no_progress)


def test_what_the_trainer_finds_itself() -> None:
    for data in ("digits", "https://example.com/x.zip", "/src/data/uploads/photos"):
        assert upload.local_path(data) is None


def test_the_presets_and_the_manifests_are_the_trainer_s() -> None:
    presets = (SOURCES / "presets.py").read_text()
    assert re.findall(r'^    name="(\w+)"', presets, re.MULTILINE) == list(upload.PRESETS)
    manifests = (SOURCES / "manifests.py").read_text()
    (suffixes,) = re.findall(r"^SUFFIXES = (.*)$", manifests, re.MULTILINE)
    assert ast.literal_eval(suffixes) == upload.MANIFESTS


@pytest.mark.parametrize("data", ["", "nothing-here", "x" * 5000, "a\0b"])
def test_what_names_nothing_is_refused(data: str) -> None:
    with pytest.raises(UsageError, match="presets are digits, flowers"):
        upload.local_path(data)
