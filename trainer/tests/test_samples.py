from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from trainer.dataset import Dataset, Example
from trainer.errors import DataError
from trainer.samples import MOST, MOST_BYTES, copy_samples, take_turns

if TYPE_CHECKING:
    from pathlib import Path


def dataset(folder: Path, test: list[Example]) -> Dataset:
    labels = tuple(sorted({each.label for each in test}))
    return Dataset("d", folder, "", labels, (), (), tuple(test), "", "", "", {}, ())


def originals(folder: Path, *labels: str, suffix: str = ".png", size: int = 3) -> list[Example]:
    """An image for each of the labels, which holds its own name."""
    found = []
    for label in labels:
        name = f"{len(list(folder.iterdir()))}{suffix}"
        (folder / name).write_bytes(name.encode().ljust(size))
        found.append(Example(name, label, ""))
    return found


def test_classes_take_turns() -> None:
    examples = [Example(str(place), label, "") for place, label in enumerate("aaabbc")]
    turns = take_turns(examples, ("a", "b", "c"))
    assert "".join(each.label for each in turns) == "abcaba"
    assert [each.path for each in turns] == ["0", "3", "5", "1", "4", "2"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [("aaab", {"a": 3, "b": 1}), ("a" * 20 + "b" * 20, {"a": 5, "b": 5})],
)
def test_ten_originals_are_copied_with_their_labels(
    tmp_path: Path, labels: str, expected: dict[str, int]
) -> None:
    images, target = tmp_path / "imgs", tmp_path / "target"
    images.mkdir()
    target.mkdir()
    test = originals(images, *labels)
    truth = {(images / each.path).read_bytes(): each.label for each in test}
    shown = copy_samples(dataset(tmp_path, test), images, target)
    assert Counter(each["label"] for each in shown) == expected
    assert {each["file"] for each in shown} == {path.name for path in target.iterdir()}
    for each in shown:
        assert truth[(target / each["file"]).read_bytes()] == each["label"]
    assert len(shown) <= MOST


def test_more_classes_than_samples_show_one_each(tmp_path: Path) -> None:
    test = originals(tmp_path, *"abcdefghijkl")
    (tmp_path / "target").mkdir()
    shown = copy_samples(dataset(tmp_path, test), tmp_path, tmp_path / "target")
    assert [each["label"] for each in shown] == list("abcdefghij")


def test_large_originals_are_no_samples(tmp_path: Path) -> None:
    test = originals(tmp_path, "a", size=MOST_BYTES + 1) + originals(tmp_path, "a", size=MOST_BYTES)
    (tmp_path / "target").mkdir()
    assert len(copy_samples(dataset(tmp_path, test), tmp_path, tmp_path / "target")) == 1


def test_a_sample_keeps_its_type(tmp_path: Path) -> None:
    test = originals(tmp_path, "a", suffix=".webp")
    (tmp_path / "target").mkdir()
    (shown,) = copy_samples(dataset(tmp_path, test), tmp_path, tmp_path / "target")
    assert shown["file"] == "sample-1.webp"


def test_a_missing_original_is_told(tmp_path: Path) -> None:
    test = [Example("gone.png", "a", "")]
    with pytest.raises(DataError, match=r"gone\.png: an original image is missing; prepare"):
        copy_samples(dataset(tmp_path, test), tmp_path, tmp_path)
