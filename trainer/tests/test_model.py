from __future__ import annotations

import numpy as np
import pytest

from trainer.model import build_model


@pytest.mark.parametrize(("size", "classes"), [(8, 2), (9, 3), (16, 2), (32, 10), (65, 2)])
def test_gives_a_logit_a_class(size: int, classes: int) -> None:
    model = build_model(size, classes)
    logits = model(np.zeros((3, size, size, 3), np.float32))
    assert logits.shape == (3, classes)
    assert logits.dtype == "float32"


@pytest.mark.parametrize(("size", "side"), [(8, 8), (16, 8), (32, 8), (63, 8), (64, 8), (128, 8)])
def test_halves_the_picture_until_eight_is_left(size: int, side: int) -> None:
    before_pooling = build_model(size, 2).get_layer(index=-3).input
    assert before_pooling.shape[1:3] == (side, side)


def test_grows_with_the_pictures() -> None:
    sizes = [build_model(size, 2).count_params() for size in (8, 16, 32, 128)]
    assert sizes == sorted(set(sizes))


def test_computes_in_the_same_range_for_black_and_white() -> None:
    scaled = build_model(8, 2).get_layer(index=1)
    assert scaled(np.array([0.0, 127.5, 255.0])).numpy().tolist() == [-1, 0, 1]
