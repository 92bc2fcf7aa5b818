"""A prepared dataset on disk."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainer import dataset
from trainer.dataset import COLUMNS, Example, commit, hash_examples, read_dataset, to_csv
from trainer.errors import DataError
from trainer.storage import write_durably

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path, "old")
    read = read_dataset(tmp_path)
    assert read.name == "old"
    assert read.classes == ("ca,t\n", "dog")
    assert [len(read.train), len(read.val), len(read.test)] == [2, 1, 1]
    assert read.train == examples("old")[:2]
    assert read.dropped == {"duplicate": 2}
    assert not list(tmp_path.glob(".*"))


def test_labels_are_numbers_of_classes(tmp_path: Path) -> None:
    write(tmp_path, "old")
    labels = dataset.split_labels(read_dataset(tmp_path), "train")
    assert labels.dtype == np.int32
    assert labels.tolist() == [0, 1]


def test_pixels_are_mapped_by_split(tmp_path: Path) -> None:
    write(tmp_path, "old")
    read = read_dataset(tmp_path)
    rows = np.arange(4 * 8 * 8 * 3, dtype=np.uint8).reshape(4, 8, 8, 3)
    path = dataset.cache_path(tmp_path, read.sha256, (8, 8))
    path.parent.mkdir()
    np.save(path, rows)
    for split, expected in (("train", rows[:2]), ("val", rows[2:3]), ("test", rows[3:])):
        pixels = dataset.split_pixels(read, split, 8)  # type: ignore[arg-type] # one of three
        assert isinstance(pixels, np.memmap)
        assert np.array_equal(pixels, expected)
    with pytest.raises(DataError, match="not prepared at 9 x 9 pixels"):
        dataset.split_pixels(read, "train", 9)
    for bad, message in ((rows[:3], "of another dataset"), (rows.astype(float), "of another")):
        np.save(path, bad)
        with pytest.raises(DataError, match=message):
            dataset.split_pixels(read, "train", 8)
    path.write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match="damaged"):
        dataset.split_pixels(read, "train", 8)


@pytest.mark.parametrize("steps", range(12))
def test_killed_at_any_step_the_old_or_the_new_state_is_whole(
    steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "old")
    left = iter(range(steps))

    class KilledError(BaseException):
        pass

    def step(name: str, function: object) -> None:
        def stepping(*args: object) -> object:
            if next(left, None) is None:
                raise KilledError
            return function(*args)  # type: ignore[operator] # one of two functions

        monkeypatch.setattr(name, stepping)

    step("trainer.dataset.write_durably", write_durably)
    step("trainer.storage.write_durably", write_durably)
    step("pathlib.Path.replace", type(tmp_path).replace)
    try:
        write(tmp_path, "new")
    except KilledError:
        assert read_dataset(tmp_path).name == ("new" if steps > 4 else "old")
    monkeypatch.undo()
    name = read_dataset(tmp_path).name
    assert read_dataset(tmp_path).train == examples(name)[:2]
    write(tmp_path, "newest")
    assert read_dataset(tmp_path).train == examples("newest")[:2]
    assert not list(tmp_path.glob(".*"))


def test_changed_csv_is_noticed(tmp_path: Path) -> None:
    write(tmp_path, "old")
    (tmp_path / "val.csv").write_text("path,label,sha256\n")
    with pytest.raises(DataError, match=r"val\.csv: changed since it was prepared"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "x"}', '{"format": 1, "files": 3}'])
def test_damaged_dataset(text: str, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataError, match="the dataset is damaged; prepare it again"):
        read_dataset(tmp_path)


def test_future_format_and_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no prepared dataset"):
        read_dataset(tmp_path)
    (tmp_path / "dataset.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(DataError, match="format 2 is newer than this trainer"):
        read_dataset(tmp_path)


def test_hash_is_of_every_image_and_label_in_any_order() -> None:
    one = examples("a")
    assert hash_examples(one) == hash_examples(one[::-1])
    assert hash_examples(one) != hash_examples(one[1:])
    relabelled = Example(one[0].path, "other", one[0].sha256)
    assert hash_examples(one) != hash_examples((relabelled, *one[1:]))


def examples(name: str) -> tuple[Example, ...]:
    hashes = [sha256(f"{name}{number}".encode()).hexdigest() for number in range(4)]
    labels = ("ca,t\n", "dog", "dog", "dog")
    return tuple(Example(f"{h}.png", label, h) for h, label in zip(hashes, labels, strict=True))


def write(folder: Path, name: str) -> None:
    rows = [(each.path, each.label, each.sha256) for each in examples(name)]
    about = {
        "format": 1,
        "name": name,
        "sha256": hash_examples(examples(name)),
        "created": "2026-01-31T12:00:00Z",
        "source": "x",
        "attribution": "",
        "classes": ["ca,t\n", "dog"],
        "dropped": {"duplicate": 2},
        "warnings": [],
    }
    splits = {"train": rows[:2], "val": rows[2:3], "test": rows[3:]}
    commit(folder, about, {f"{split}.csv": to_csv(COLUMNS, part) for split, part in splits.items()})
