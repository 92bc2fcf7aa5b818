"""Tensors of images, as the Open Inference Protocol has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inference.errors import BadRequestError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UINT8, FP32, BYTES = "UINT8", "FP32", "BYTES"

_LARGEST = 255


def whole(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Numbers as pixels.

    None is rounded: fractions mostly are images that were scaled to 0 to 1, which the graph does
    itself, and would turn black without a word.

    Raises:
        BadRequestError: a value is no whole number from 0 to 255.
    """
    with np.errstate(invalid="ignore"):  # of a signalling NaN, which is refused like others
        fit = (values >= 0) & (values <= _LARGEST) & (values == np.floor(values))
    if not fit.all():
        raise BadRequestError(
            "the values must be whole numbers from 0 to 255, neither scaled nor normalised"
        )
    return values.astype(np.uint8)
