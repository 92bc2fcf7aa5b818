"""Which images make up a dataset."""

from __future__ import annotations

import random
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from trainer.errors import DataError
from trainer.reading import Record
from trainer.selection import select

if TYPE_CHECKING:
    from trainer.selection import Selection


def records(label: str | None, count: int = 40, folder: str = "") -> list[Record]:
    found = []
    for number in range(count):
        digest = sha256(f"{label}{folder}{number}".encode()).hexdigest()
        found.append(Record(f"{folder}{number}.png", label, digest, f"{digest}.png"))
    return found


TWO = records("cat") + records("dog")


def test_every_image_is_in_the_split_of_its_content() -> None:
    chosen = select("x", TWO)
    assert chosen.classes == ("cat", "dog")
    assert sum(map(len, chosen.splits.values())) == 80
    assert not chosen.dropped
    assert not chosen.warnings


def test_order_does_not_matter() -> None:
    shuffled = random.Random(1).sample(TWO, len(TWO))
    assert select("x", shuffled) == select("x", TWO)


def test_duplicates_are_dropped_but_for_the_first() -> None:
    chosen = select("x", [*TWO, Record("copy.png", "cat", TWO[0].sha256, TWO[0].path)])
    (dropped,) = chosen.dropped
    assert (dropped.name, dropped.kind) == ("copy.png", "duplicate")
    assert dropped.reason == "the same image as 0.png"


def test_image_under_two_labels_is_dropped_under_both() -> None:
    chosen = select("x", [*TWO, Record("copy.png", "dog", TWO[0].sha256, TWO[0].path)])
    assert [(each.name, each.kind) for each in chosen.dropped] == [
        ("0.png", "two labels"),
        ("copy.png", "two labels"),
    ]
    assert "'cat', 'dog'" in chosen.dropped[0].reason
    assert chosen.warnings == (
        "2 files were dropped, since the same image stands under two labels",
    )
    assert TWO[0].sha256 not in hashes(chosen)


def test_spellings_that_differ_in_case_are_reported() -> None:
    chosen = select("x", TWO + records("Dog"))
    assert chosen.classes == ("Dog", "cat", "dog")
    assert chosen.warnings == (
        "the classes 'Dog' and 'dog' differ in case only; rename one if they are the same",
    )


def test_accents_are_one_label_however_they_are_written() -> None:
    chosen = select("x", [*TWO, *records("\u00e9t\u00e9"), *records("e\u0301te\u0301")])
    assert chosen.classes == ("cat", "dog", "\u00e9t\u00e9")


@pytest.mark.parametrize("label", ["", " ", "a\nb", "a" * 201])
def test_label_that_cannot_be_used(label: str) -> None:
    with pytest.raises(DataError, match="x: the label"):
        select("x", records(label))


def test_folders_name_the_classes_and_other_files_are_left_out() -> None:
    inside = records(None, folder="a/") + records(None, folder="b/")
    stray = Record("1.png", None, "f" * 64, "f.png")
    text = Record("LICENSE.txt", None, kind="unreadable", reason="no image")
    chosen = select("x", [*inside, stray, text])
    assert chosen.classes == ("a", "b")
    assert [(each.name, each.kind) for each in chosen.dropped] == [("1.png", "no class")]


def test_nothing_at_all() -> None:
    with pytest.raises(DataError, match="x: no images; put those of each class into a folder"):
        select("x", [])


def test_nothing_usable() -> None:
    bad = [Record(f"a/{n}.jpg", None, kind="unreadable", reason="empty file") for n in (1, 2)]
    with pytest.raises(DataError, match=r"none of 2 files can be used.*a/1\.jpg: empty file"):
        select("x", bad)


def test_one_class_only() -> None:
    with pytest.raises(DataError, match="x: only one class, 'cat', of 40 images"):
        select("x", records("cat"))


def test_class_with_one_image() -> None:
    with pytest.raises(DataError, match=r"of the 1 images of class 'hen', \d are for training"):
        select("x", TWO + records("hen", 1))


def hashes(chosen: Selection) -> set[str]:
    return {each.sha256 for examples in chosen.splits.values() for each in examples}
