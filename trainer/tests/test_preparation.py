"""Preparing, from labelled images to a dataset on disk."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
import signal
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import fill, of_split, picture, pictures
from small_volume import make_read_only, small_volume

from trainer import reading
from trainer.dataset import read_dataset, split_labels, split_pixels
from trainer.errors import DataError, SettingsError, TemporaryError
from trainer.preparation import prepare
from trainer.recipes import decode, render
from trainer.split import SPLITS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    from trainer.dataset import Dataset
    from trainer.settings import Settings


def test_dataset_of_a_folder(folder: Path, settings: Settings) -> None:
    told: list[tuple[int, int | None]] = []
    dataset = prepare(
        str(folder), settings, size=8, on_progress=lambda done, total: told.append((done, total))
    )
    assert (dataset.name, dataset.classes) == ("pets", ("cat", "dog"))
    assert dataset.folder == settings.data_dir / "pets"
    assert sum(len(dataset.examples(split)) for split in SPLITS) == 40
    assert told[-1] == (40, 40)
    for split in SPLITS:
        pixels, labels = split_pixels(dataset, split, 8), split_labels(dataset, split)
        for example, row, label in zip(dataset.examples(split), pixels, labels, strict=True):
            data = (settings.images_dir / example.path).read_bytes()
            assert hashlib.sha256(data).hexdigest() == example.sha256
            assert np.array_equal(decode(data, 8, 8, 10**6), row)
            assert example.label == dataset.classes[label]
    assert read_dataset(dataset.folder) == dataset
    about = json.loads((dataset.folder / "dataset.json").read_bytes())
    assert about["counts"]["train"] == {
        label: sum(each.label == label for each in dataset.train) for label in ("cat", "dog")
    }


def test_second_time_nothing_is_decoded(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepare(str(folder), settings, size=8)
    fill(folder, "cat", [*pictures(1000), picture(1)])
    decoded: list[tuple[int, int]] = []

    def counted(image: Image.Image, height: int, width: int) -> NDArray[np.uint8]:
        decoded.append((height, width))
        return render(image, height, width)

    monkeypatch.setattr(reading, "render", counted)
    second = prepare(str(folder), settings, size=8)
    assert len(decoded) == 1
    assert splits_of(first).items() <= splits_of(second).items()
    assert_pixels_are_right(second, settings)
    assert len(list((second.folder / "cache").iterdir())) == 1


def test_two_sizes_are_kept_side_by_side(folder: Path, settings: Settings) -> None:
    first = prepare(str(folder), settings, size=8)
    second = prepare(str(folder), settings, size=16)
    assert first == second
    assert split_pixels(second, "train", 8).shape[1:] == (8, 8, 3)
    assert split_pixels(second, "train", 16).shape[1:] == (16, 16, 3)


def test_damaged_cache_is_made_again(folder: Path, settings: Settings) -> None:
    dataset = prepare(str(folder), settings, size=8)
    (cache,) = (dataset.folder / "cache").iterdir()
    cache.write_bytes(b"damaged")
    assert_pixels_are_right(prepare(str(folder), settings, size=8), settings)


def test_unreadable_images_are_dropped_and_listed(
    folder: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "cat/empty.jpg").write_bytes(b"")
    (folder / "cat/cut.jpg").write_bytes(picture(1, "JPEG", 64)[:900])
    (folder / "cat/text.jpg").write_text("no picture")
    (folder / "cat/huge.png").write_bytes(huge_png(30_000))
    (folder / "cat/copy.png").write_bytes(picture(1000))
    (folder / "dog/copy.png").write_bytes(picture(1001))
    with caplog.at_level(logging.WARNING):
        dataset = prepare(str(folder), settings, size=8)
    assert dataset.dropped == {"duplicate": 1, "too large": 1, "two labels": 2, "unreadable": 3}
    with (dataset.folder / "dropped.csv").open(newline="") as file:
        reasons = {row["name"]: row["reason"] for row in csv.DictReader(file)}
    assert reasons["cat/empty.jpg"] == "empty file"
    assert reasons["cat/cut.jpg"] == "damaged or cut off"
    assert reasons["cat/text.jpg"].startswith("no image")
    assert reasons["cat/huge.png"] == "more than 50,000,000 pixels"
    assert reasons["cat/copy.png"].startswith("the same image as cat/")
    assert "labelled 'cat', 'dog'" in reasons["dog/copy.png"]
    assert "under two labels" in caplog.text


def test_image_of_900_million_pixels_takes_no_memory(folder: Path, settings: Settings) -> None:
    prepare(str(folder), settings, size=8)  # what reading itself takes
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from trainer.preparation import prepare; from trainer.settings import Settings\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "s = Settings(data_dir=Path(sys.argv[2]), images_dir=Path(sys.argv[3]))\n"
        "prepare(sys.argv[1], s, size=8); before = peak()\n"
        "(Path(sys.argv[1]) / 'cat/huge.png').write_bytes(Path(sys.argv[4]).read_bytes())\n"
        "print(prepare(sys.argv[1], s, size=8).dropped, peak() - before)\n"
    )
    huge = folder.parent / "huge.png"
    huge.write_bytes(huge_png(30_000))
    arguments = [str(folder), str(settings.data_dir), str(settings.images_dir), str(huge)]
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    dropped, grown = result.stdout.rsplit(maxsplit=1)
    assert dropped == "{'too large': 1}"
    per_megabyte = 2**20 if sys.platform == "darwin" else 1024
    assert int(grown) / per_megabyte < 50


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({}, "no images; put those of each class into a folder of its own"),
        ({"cat": []}, "no images"),
        ({"cat": pictures(1000)}, "only one class, 'cat', of 20 images"),
        (
            {"cat": pictures(1000), "dog": [of_split("train")]},
            "of the 1 images of class 'dog', 1 are for training and 0 for validation",
        ),
        ({"cat": [b"", b"x"]}, "none of 2 files can be used"),
    ],
)
def test_refused_data_leaves_nothing(
    classes: dict[str, list[bytes]], message: str, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "pets").mkdir()
    for label, images in classes.items():
        fill(tmp_path / "pets", label, images)
    with pytest.raises(DataError, match=message):
        prepare(str(tmp_path / "pets"), settings, size=8)
    assert list(settings.data_dir.iterdir()) == []


def test_failure_changes_nothing_of_the_dataset_before(folder: Path, settings: Settings) -> None:
    before = prepare(str(folder), settings, size=8)
    files = contents(before.folder)
    fill(folder, "hen", [picture(1)])
    with pytest.raises(DataError, match="class 'hen'"):
        prepare(str(folder), settings, size=8)
    assert contents(before.folder) == files


@pytest.mark.parametrize("full", ["data_dir", "images_dir"])
def test_full_disk(full: str, folder: Path, settings: Settings, tmp_path: Path) -> None:
    with small_volume(tmp_path / "volume") as volume:
        on_it = moved(settings, full, volume / "here")
        before = prepare(str(folder), on_it, size=8)
        files = contents(before.folder)
        fill(folder, "cat", [picture(9000 + number, side=64) for number in range(60)])
        with pytest.raises(TemporaryError, match=r"volume.*make room on the full disk") as caught:
            prepare(str(folder), on_it, size=64)
        assert "\n" not in str(caught.value)
        assert contents(before.folder) == files
        assert not list(on_it.data_dir.glob(".staging*"))
        assert read_dataset(before.folder) == before
        originals = [path for path in on_it.images_dir.rglob("*") if path.is_file()]
        assert all(path.stem == sha256_of(path) for path in originals)


@pytest.mark.parametrize("read_only", ["data_dir", "images_dir"])
def test_read_only_disk(read_only: str, folder: Path, settings: Settings, tmp_path: Path) -> None:
    with small_volume(tmp_path / "volume") as volume:
        make_read_only(volume)
        on_it = moved(settings, read_only, volume / "here")
        with pytest.raises(TemporaryError, match=r"volume/here: cannot write: Read-only.*; mount"):
            prepare(str(folder), on_it, size=8)


@pytest.mark.parametrize("step", ["read", "write", "commit"])
def test_killed_while_preparing(step: str, folder: Path, settings: Settings) -> None:
    before = prepare(str(folder), settings, size=8)
    fill(folder, "cat", [*pictures(1000), picture(1)])
    targets = {
        "read": "trainer.reading.Reader.read",
        "write": "trainer.preparation._Pixels.write",
        "commit": "trainer.preparation.commit",
    }
    script = (
        "import os, signal, sys; from pathlib import Path; from unittest.mock import patch\n"
        "from trainer.preparation import prepare; from trainer.settings import Settings\n"
        "s = Settings(data_dir=Path(sys.argv[2]), images_dir=Path(sys.argv[3]))\n"
        "with patch(sys.argv[4], lambda *_: os.kill(os.getpid(), signal.SIGKILL)):\n"
        "    prepare(sys.argv[1], s, size=8)\n"
    )
    arguments = [str(folder), str(settings.data_dir), str(settings.images_dir), targets[step]]
    result = subprocess.run([sys.executable, "-c", script, *arguments], check=False)
    assert result.returncode == -signal.SIGKILL
    assert read_dataset(before.folder) == before
    assert_pixels_are_right(before, settings)
    after = prepare(str(folder), settings, size=8)
    assert len(splits_of(after)) == 41
    assert not list(settings.data_dir.glob(".staging*"))


def test_names_that_are_no_text(folder: Path, settings: Settings) -> None:
    name = os.fsdecode(b"not-\xff-text.png")
    try:
        (folder / "cat" / name).write_bytes(b"no picture")
    except OSError:
        pytest.skip("this file system takes names of UTF-8 only")
    dataset = prepare(str(folder), settings, size=8)
    assert b"not-\\udcff-text.png" in (dataset.folder / "dropped.csv").read_bytes()
    odd = folder.rename(folder.with_name(os.fsdecode(b"pets\xff")))
    assert prepare(str(odd), settings, size=8).source == str(odd)


def test_name_of_the_dataset(folder: Path, settings: Settings) -> None:
    named = replace(settings, dataset="mine")
    assert prepare(str(folder), named, size=8).name == "mine"
    for name in ("downloads", "Downloads"):
        with pytest.raises(SettingsError, match=f"'{name}' is no dataset's name.*--dataset"):
            prepare(str(folder.rename(folder.with_name(name))), settings, size=8)
        folder = folder.with_name(name)


def test_digits(settings: Settings) -> None:
    dataset = prepare("digits", settings, size=8)
    assert dataset.classes == tuple("0123456789")
    assert (
        sum(len(dataset.examples(split)) for split in SPLITS) + sum(dataset.dropped.values())
        == 1797
    )
    # The same on every platform: it is the digits' hashes that say which is in which split.
    assert dataset.sha256 == "b72bf25039f878dc1b3dae8491b29e40ae30f9f5be8d543a0ecb8be86df5f80c"


def moved(settings: Settings, name: str, folder: Path) -> Settings:
    if name == "data_dir":
        return replace(settings, data_dir=folder)
    return replace(settings, images_dir=folder)


def splits_of(dataset: Dataset) -> dict[str, str]:
    return {each.sha256: split for split in SPLITS for each in dataset.examples(split)}


def assert_pixels_are_right(dataset: Dataset, settings: Settings) -> None:
    for split in SPLITS:
        pixels = split_pixels(dataset, split, 8)
        for example, row in zip(dataset.examples(split), pixels, strict=True):
            data = (settings.images_dir / example.path).read_bytes()
            assert np.array_equal(decode(data, 8, 8, 10**6), row)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def huge_png(side: int) -> bytes:
    """A sound greyscale PNG, small as a file and large as a picture."""
    row = b"\0" * (side // 8 + 1)
    packer = zlib.compressobj(1)
    stream = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", stream), (b"IEND", b""))
    )
