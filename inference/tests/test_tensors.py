from __future__ import annotations

import numpy as np
import pytest

from inference.errors import BadRequestError
from inference.tensors import whole


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_whole_numbers_are_pixels(kind: type[np.floating]) -> None:
    values = np.arange(256).astype(kind)
    assert whole(values).tolist() == list(range(256))
    assert whole(values).dtype == np.uint8
    assert whole(np.array([-0.0], kind)).tolist() == [0]


@pytest.mark.parametrize(
    "value", [-1, 256, 0.5, 254.99, 1e30, -1e30, float("inf"), float("-inf"), float("nan")]
)
def test_others_are_refused(value: float) -> None:
    with pytest.raises(BadRequestError, match="whole numbers from 0 to 255"):
        whole(np.array([0, 255, value], np.float32))


def test_a_signalling_nan_is_refused_like_others() -> None:
    with pytest.raises(BadRequestError):
        whole(np.frombuffer(b"\x01\x00\x80\x7f", "<f4"))
