"""Small pictures, each with a content of its own, and folders of them."""

from __future__ import annotations

import random
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from trainer.split import split_of

if TYPE_CHECKING:
    from pathlib import Path


def picture(seed: int, kind: str = "PNG", side: int = 8) -> bytes:
    colours = random.Random(seed).randbytes(side * side * 3)
    file = BytesIO()
    Image.frombytes("RGB", (side, side), colours).save(file, kind)
    return file.getvalue()


def pictures(start: int, count: int = 20) -> list[bytes]:
    """Pictures of which, whatever their count, some are in each split."""
    return [picture(start + number) for number in range(count)]


def fill(folder: Path, label: str, images: list[bytes]) -> None:
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(images):
        (folder / label / f"{number}.png").write_bytes(data)


def of_split(split: str, start: int = 0) -> bytes:
    """A picture that the split takes."""
    from hashlib import sha256  # noqa: PLC0415

    return next(
        data
        for data in map(picture, range(start, start + 10_000))
        if split_of(sha256(data).hexdigest()) == split
    )
