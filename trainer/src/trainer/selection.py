"""Which of the images that were read make up the dataset, and why others do not."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trainer.dataset import Example
from trainer.errors import DataError
from trainer.sources import folder_labels
from trainer.split import SPLITS, split_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trainer.reading import Record
    from trainer.split import Split

MOST_LABEL_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Dropped:
    """An image that is not used.

    Attributes:
        kind: why, in a word or two to count by.
        reason: why, in detail.
    """

    name: str
    label: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The images that are used, by split and then by content, and what is to be reported."""

    classes: tuple[str, ...]
    splits: Mapping[Split, tuple[Example, ...]]
    dropped: tuple[Dropped, ...]
    warnings: tuple[str, ...]


def select(source: str, records: Sequence[Record]) -> Selection:
    """Choose from what was read.

    One image under two labels is dropped under both, since nobody knows which is right. Of exact
    duplicates the first stays. Labels that differ in case only stay two classes ("a" and "A" may
    well be), with a warning.

    Args:
        source: what messages begin with.
        records: in the order in which they were read.

    Raises:
        DataError: there are fewer than two classes, or one is left without an image to train or
            to validate with.
    """
    labelled = _labelled(source, records)
    kept, dropped = _sort_out(labelled)
    if not kept:
        raise _nothing(source, dropped)
    classes = tuple(sorted({example.label for example in kept}))
    splits: dict[Split, tuple[Example, ...]] = {
        split: tuple(example for example in kept if split_of(example.sha256) == split)
        for split in SPLITS
    }
    _check_classes(source, classes, splits)
    dropped.sort(key=lambda each: (each.kind, each.name, each.label))
    return Selection(classes, splits, tuple(dropped), tuple(_warnings(classes, dropped)))


def _labelled(source: str, records: Sequence[Record]) -> list[Record]:
    """Records with their labels; files beside the class folders that are no images are left out."""
    names = [record.name for record in records if record.label is None]
    from_folders = iter(folder_labels(names))
    found = []
    for record in records:
        label = record.label if record.label is not None else next(from_folders)
        if label is not None:
            found.append(replace(record, label=_clean(source, label)))
        elif record.sha256:
            reason = "lies beside the class folders, not in one"
            found.append(replace(record, sha256=None, label="", kind="no class", reason=reason))
    return found


def _clean(source: str, label: str) -> str:
    # File systems differ in how they write accents, and may hold names that are no text at all.
    text = unicodedata.normalize("NFC", label.encode("utf-8", "backslashreplace").decode()).strip()
    if not text or len(text) > MOST_LABEL_LETTERS or not text.isprintable():
        raise DataError(
            f"{source}: the label {label[:50]!r} cannot be used; "
            f"use 1 to {MOST_LABEL_LETTERS} printable letters"
        )
    return text


def _sort_out(records: Iterable[Record]) -> tuple[list[Example], list[Dropped]]:
    kept: dict[str, Record] = {}
    dropped = []
    copies: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.sha256 is None:
            dropped.append(_drop(record, record.kind, record.reason))
        else:
            copies[record.sha256].append(record)
    for sha256, same in copies.items():
        labels = sorted({str(record.label) for record in same})
        if len(labels) > 1:
            reason = f"the same image is labelled {', '.join(map(repr, labels))}"
            dropped += [_drop(record, "two labels", reason) for record in same]
            continue
        kept[sha256] = same[0]
        reason = f"the same image as {same[0].name}"
        dropped += [_drop(record, "duplicate", reason) for record in same[1:]]
    examples = [
        Example(record.path, str(record.label), sha256) for sha256, record in sorted(kept.items())
    ]
    return examples, dropped


def _drop(record: Record, kind: str, reason: str) -> Dropped:
    return Dropped(record.name, record.label or "", kind, reason)


def _nothing(source: str, dropped: Sequence[Dropped]) -> DataError:
    if not dropped:
        return DataError(f"{source}: no images; put those of each class into a folder of its own")
    first = dropped[0]
    return DataError(
        f"{source}: none of {len(dropped)} files can be used; the first is {first.name}: "
        f"{first.reason}"
    )


def _check_classes(
    source: str, classes: tuple[str, ...], splits: Mapping[Split, tuple[Example, ...]]
) -> None:
    if len(classes) < 2:  # noqa: PLR2004 - nothing to tell apart
        raise DataError(
            f"{source}: only one class, {classes[0]!r}, of "
            f"{sum(map(len, splits.values()))} images; add a folder or label for another"
        )
    counts = {split: Counter(example.label for example in splits[split]) for split in SPLITS}
    for label in classes:
        train, val, test = (counts[split][label] for split in SPLITS)
        if not train or not val:
            raise DataError(
                f"{source}: of the {train + val + test} images of class {label!r}, {train} are for "
                f"training and {val} for validation, and each needs one; add images (with 50, "
                "both are all but certain), or leave the class out"
            )


def _warnings(classes: Iterable[str], dropped: Iterable[Dropped]) -> Iterable[str]:
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in classes:
        spellings[label.casefold()].append(label)
    for same in spellings.values():
        if len(same) > 1:
            names = " and ".join(map(repr, same))
            yield f"the classes {names} differ in case only; rename one if they are the same"
    both = sum(each.kind == "two labels" for each in dropped)
    if both:
        yield f"{both} files were dropped, since the same image stands under two labels"
