"""A few test images, published with a model for the page to offer."""

from __future__ import annotations

import shutil
from pathlib import PurePath
from typing import TYPE_CHECKING

from trainer.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trainer.dataset import Dataset, Example

MOST = 10
MOST_BYTES = 1_000_000  # a larger original is no quick try


def copy_samples(dataset: Dataset, images_dir: Path, folder: Path) -> list[dict[str, str]]:
    """Copies test images into the folder, of as many classes as can be.

    Returns:
        What a manifest lists: the file and its true label.

    Raises:
        DataError: an original is not there any more.
    """
    shown = []
    small = [each for each in dataset.test if _size(images_dir / each.path) <= MOST_BYTES]
    for number, example in enumerate(take_turns(small, dataset.classes)[:MOST], start=1):
        file = f"sample-{number}{PurePath(example.path).suffix}"
        shutil.copyfile(images_dir / example.path, folder / file)
        shown.append({"file": file, "label": example.label})
    return shown


def _size(original: Path) -> int:
    try:
        return original.stat().st_size
    except FileNotFoundError as error:
        raise DataError(
            f"{original}: an original image is missing; prepare the data again"
        ) from error


def take_turns(examples: Iterable[Example], classes: tuple[str, ...]) -> list[Example]:
    """The examples so ordered that every class has its first before any has its second."""
    seen = dict.fromkeys(classes, 0)
    ranked = []
    for example in examples:
        ranked.append((seen[example.label], classes.index(example.label), example))
        seen[example.label] += 1
    return [example for _, _, example in sorted(ranked, key=lambda each: each[:2])]
