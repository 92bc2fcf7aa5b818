"""A prepared dataset: which images, of which class, in which split; and their pixels.

A dataset's folder holds `{train,val,test}.csv` (path, label, sha256), `dropped.csv`,
`dataset.json`, and in `cache/` one array a size and recipe. Replacing `dataset.json` is what
makes a new state valid: it names the hash of each CSV, and the new CSVs lie beside the old ones,
as `.<name>-<hash>`, until they take their places after it.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.errors import DataError
from trainer.recipes import STRETCH_BILINEAR
from trainer.split import SPLITS
from trainer.storage import replace_file, sync_folder, write_durably

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.split import Split

FORMAT = 1
COLUMNS = ("path", "label", "sha256")


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled image.

    Attributes:
        path: of the original, below the folder of images.
        sha256: of the original's bytes, in hexadecimal.
    """

    path: str
    label: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A prepared dataset.

    Attributes:
        sha256: of every image and label, whatever their order.
        classes: the labels, sorted; a label's number is its place here.
        source: what it was made from, without credentials or query.
        attribution: authors and licence; empty where they are not known.
        created: in UTC, as 2026-01-31T12:00:00Z.
        dropped: how many images were not used, by kind.
        warnings: what its owner should look at.
    """

    name: str
    folder: Path
    sha256: str
    classes: tuple[str, ...]
    train: tuple[Example, ...]
    val: tuple[Example, ...]
    test: tuple[Example, ...]
    source: str
    attribution: str
    created: str
    dropped: Mapping[str, int]
    warnings: tuple[str, ...]

    def examples(self, split: Split) -> tuple[Example, ...]:
        """The images of one split."""
        return {"train": self.train, "val": self.val, "test": self.test}[split]


def read_dataset(folder: Path) -> Dataset:
    """A dataset, from its folder.

    Raises:
        DataError: there is none, or it was changed by something else than the trainer.
    """
    try:
        about: dict[str, Any] = json.loads((folder / "dataset.json").read_bytes())
        if int(about["format"]) > FORMAT:
            raise DataError(
                f"{folder}: its format {about['format']} is newer than this trainer; update it"
            )
        splits = {split: _read_csv(folder, f"{split}.csv", about["files"]) for split in SPLITS}
        return Dataset(
            name=str(about["name"]),
            folder=folder,
            sha256=str(about["sha256"]),
            classes=tuple(map(str, about["classes"])),
            **splits,
            source=str(about["source"]),
            attribution=str(about["attribution"]),
            created=str(about["created"]),
            dropped={str(kind): int(count) for kind, count in about["dropped"].items()},
            warnings=tuple(map(str, about["warnings"])),
        )
    except FileNotFoundError as error:
        raise DataError(f"{folder}: no prepared dataset; prepare it first") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(f"{folder}: the dataset is damaged; prepare it again") from error


def split_labels(dataset: Dataset, split: Split) -> NDArray[np.int32]:
    """The number of each image's class, `[n]`."""
    numbers = {label: number for number, label in enumerate(dataset.classes)}
    return np.array([numbers[each.label] for each in dataset.examples(split)], np.int32)


def split_pixels(dataset: Dataset, split: Split, size: int) -> NDArray[np.uint8]:
    """The images of one split as a view of the file, `[n, size, size, 3]`, in the CSV's order.

    Raises:
        DataError: the dataset was not prepared at this size.
    """
    pixels = read_cache(dataset, (size, size))
    start = {
        "train": 0,
        "val": len(dataset.train),
        "test": len(dataset.train) + len(dataset.val),
    }[split]
    return pixels[start : start + len(dataset.examples(split))]


def read_cache(
    dataset: Dataset, size: tuple[int, int], recipe: str = STRETCH_BILINEAR
) -> NDArray[np.uint8]:
    """All images, `[train + val + test, height, width, 3]`, mapped and not read.

    Raises:
        DataError: the dataset was not prepared at this size, or the file is damaged.
    """
    path = cache_path(dataset.folder, dataset.sha256, size, recipe)
    shape = (len(dataset.train) + len(dataset.val) + len(dataset.test), *size, 3)
    try:
        pixels: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    except FileNotFoundError as error:
        raise DataError(
            f"{dataset.folder}: not prepared at {size[0]} x {size[1]} pixels; prepare it first"
        ) from error
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: damaged; remove it and prepare the data again") from error
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise DataError(f"{path}: of another dataset; remove it and prepare the data again")
    return pixels


def cache_path(
    folder: Path, sha256: str, size: tuple[int, int], recipe: str = STRETCH_BILINEAR
) -> Path:
    """Where the pixels of a dataset's state are; each state has files of its own."""
    return folder / "cache" / f"{recipe}-{size[0]}x{size[1]}-{sha256[:16]}.npy"


def hash_examples(examples: Iterable[Example]) -> str:
    """A hash over all images and their labels that does not depend on their order."""
    lines = sorted(json.dumps([each.sha256, each.label]) for each in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV with a header, in UTF-8."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def commit(folder: Path, about: Mapping[str, object], tables: Mapping[str, bytes]) -> None:
    """Replace a dataset's state by a new one, whole or not at all.

    Args:
        folder: the dataset's; its cache is there already.
        about: what goes into dataset.json, beside the tables' hashes.
        tables: the CSVs, by name.
    """
    hashes = {name: hashlib.sha256(table).hexdigest() for name, table in tables.items()}
    text = json.dumps({**about, "files": hashes}, indent=2, ensure_ascii=False) + "\n"
    staged = {name: _staged(folder, name, hashes[name]) for name in tables}
    try:
        for name, table in tables.items():
            write_durably(staged[name], table)
        # A source's name may hold bytes that are no text; what replaces them is JSON's own escape.
        replace_file(folder / "dataset.json", text.encode("utf-8", "backslashreplace"))
    except OSError:
        for path in staged.values():
            path.unlink(missing_ok=True)
        raise
    for name, path in staged.items():
        path.replace(folder / name)
    for path in folder.glob(".*-*"):  # of one that was killed
        path.unlink()
    sync_folder(folder)


def _staged(folder: Path, name: str, sha256: str) -> Path:
    return folder / f".{name}-{sha256[:16]}"


def _read_csv(folder: Path, name: str, hashes: Mapping[str, str]) -> tuple[Example, ...]:
    staged = _staged(folder, name, hashes[name])
    path = staged if os.path.lexists(staged) else folder / name
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != hashes[name]:
        raise DataError(f"{path}: changed since it was prepared; prepare the data again")
    rows = csv.DictReader(StringIO(data.decode(), newline=""))
    return tuple(Example(row["path"], row["label"], row["sha256"]) for row in rows)
