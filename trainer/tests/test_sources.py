"""What --data names, and the items it gives."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from trainer.errors import DataError, SettingsError
from trainer.remote import Access
from trainer.sources import (
    check_data,
    dataset_name,
    folder_labels,
    is_candidate,
    open_source,
    source_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from http_server import Server


def test_labels_are_the_folders_below_a_common_one() -> None:
    assert folder_labels(["a/1.png", "b/2.png"]) == ["a", "b"]
    assert folder_labels(["top/a/1.png", "top/b/2.png", "top/LICENSE.txt"]) == ["a", "b", None]
    assert folder_labels(["./top/in/a/1.png", "top/in/b/2.png"]) == ["a", "b"]
    assert folder_labels(["a/1.png", "a/deeper/2.png", "b/3.png"]) == ["a", "a", "b"]
    assert folder_labels(["a/1.png"]) == ["a"]
    assert folder_labels(["1.png"]) == [None]
    assert folder_labels([]) == []


def test_folders_of_splits_are_no_classes() -> None:
    with pytest.raises(DataError, match="the folders test, train are splits, not classes"):
        folder_labels(["data/train/cat/1.png", "data/Test/cat/2.png"])


@pytest.mark.parametrize(
    ("name", "candidate"),
    [
        ("a/1.png", True),
        ("./a/1.png", True),
        ("a/.1.png", False),
        (".git/1.png", False),
        ("__MACOSX/a/1.png", False),
        ("a/Thumbs.db", False),
    ],
)
def test_hidden_files_are_not_looked_at(name: str, *, candidate: bool) -> None:
    assert is_candidate(name) is candidate


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("flower_photos.tar.gz", "flower_photos"),
        ("My Pets (2).ZIP", "My-Pets-2"),
        ("..", "dataset"),
        ("Übung", "bung"),
        ("a" * 100, "a" * 64),
    ],
)
def test_dataset_name(text: str, name: str) -> None:
    assert dataset_name(text) == name


def test_a_name_is_known_before_the_source_is_opened(tmp_path: Path) -> None:
    (tmp_path / "my photos").mkdir()
    assert source_name(f"{tmp_path}/my photos/") == "my-photos"
    assert source_name(f"{tmp_path}/my photos/../my photos") == "my-photos"
    assert source_name("photos/pets.tar.gz") == "pets"
    assert source_name("https://host.example/a/pets.csv?key=1#top") == "pets"
    assert source_name("digits") == "digits"


def test_folder_zip_and_tar_give_the_same_items(tmp_path: Path) -> None:
    files = {"a/1.png": b"one", "b/2.png": b"two", "README": b"text", "a/.hidden": b"no"}
    for name, data in files.items():
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with tarfile.open(tmp_path / "pets.tgz", "w:gz") as packed:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    expected = {"a/1.png": b"one", "b/2.png": b"two", "README": b"text"}
    for name in ("pets", "pets.zip", "pets.tgz"):
        source = open_source(str(tmp_path / name), Access(tmp_path / "downloads"))
        assert source.name == "pets"
        assert {item.name: item.load() for item in source.items} == expected


def test_links_in_a_folder_end(tmp_path: Path) -> None:
    (tmp_path / "pets/a").mkdir(parents=True)
    (tmp_path / "pets/a/1.png").write_bytes(b"one")
    (tmp_path / "pets/a/loop").symlink_to(tmp_path / "pets", target_is_directory=True)
    os.mkfifo(tmp_path / "pets/a/pipe")
    source = open_source(str(tmp_path / "pets"), Access(tmp_path))
    first, pipe = source.items
    assert first.load() == b"one"
    with pytest.raises(ValueError, match="no regular file"):
        pipe.load()


def test_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "pets/a").mkdir(parents=True)
    source = partial(open_source, str(tmp_path / "pets"), Access(tmp_path))
    with as_nobody(tmp_path), pytest.raises(DataError, match=r"a: cannot be read \(Permission"):
        source()


def test_links_out_of_the_folder_are_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/1.png").write_bytes(b"one")
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets/a").symlink_to(tmp_path / "elsewhere")
    (item,) = open_source(str(tmp_path / "pets"), Access(tmp_path)).items
    assert (item.name, item.load()) == ("a/1.png", b"one")


@pytest.mark.parametrize(
    "data",
    [
        "nothing/there",
        "digit",
        "ftp://h.test/a.zip",
        "https://",
        "s3://bucket/key",
        "http://[x/a.zip",
        "x" * 5000,
    ],
)
def test_what_is_not_there_is_told_with_the_choices(data: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"presets are digits, flowers|http or https URL"):
        open_source(data, Access(tmp_path))


def test_what_is_not_there_is_told_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=f"'near/x': no file or folder at {tmp_path}/near/x; "):
        check_data("near/x")
    with pytest.raises(SettingsError, match="--data '': names nothing; give a folder"):
        check_data("")


def test_a_file_of_no_known_kind_is_told_both_kinds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no images")
    source = open_source(str(tmp_path / "notes.txt"), Access(tmp_path))
    with pytest.raises(DataError, match=r"archive \(zip, .*\) nor a manifest \(.csv, .jsonl, .nd"):
        list(source.items)


def test_archive_at_a_url(server: Server, tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/1.png", b"one")
    url = server.add("/pets.zip", file.getvalue()) + "?token=secret"
    source = open_source(url, Access(tmp_path, allow_private=True))
    assert (source.name, source.text) == ("pets", server.url("/pets.zip"))
    assert [item.load() for item in source.items] == [b"one"]


def test_digits() -> None:
    source = open_source("digits", None)  # type: ignore[arg-type] # nothing is fetched
    assert sum(1 for _ in source.items) == 1797
    assert "CC BY 4.0" in source.attribution


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Take away all permissions below; root, for whom they are nothing, becomes somebody else."""
    for path in folder.glob("*/*"):
        path.chmod(0)
    root = os.geteuid() == 0
    if root:
        for parent in (folder, *folder.parents):
            parent.chmod(parent.stat().st_mode | 0o011)
        folder.chmod(0o755)
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path in folder.glob("*/*"):
            path.chmod(0o755)
