"""Which images are trained on, which choose the best epoch, and which are kept for the test."""

from __future__ import annotations

from typing import Literal

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

TRAIN_SHARE = 0.7
VAL_SHARE = 0.1


def split_of(sha256: str) -> Split:
    """The split of an image, by its content's hash in hexadecimal.

    The hash is uniform, so the shares are 70, 10 and 20 %, about; and it looks at no other image,
    so adding images never moves one to another split.
    """
    position = int(sha256[:13], 16) / 16**13  # 52 bits: exact as a float
    if position < TRAIN_SHARE:
        return "train"
    return "val" if position < TRAIN_SHARE + VAL_SHARE else "test"
