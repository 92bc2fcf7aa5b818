from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.augmentation import augment
from trainer.options import AUGMENTATIONS, Augmentation

SEEDS = range(12)


def changed(how: Augmentation, seed: int, images: np.ndarray | None = None) -> np.ndarray:
    images = noise() if images is None else images
    return np.asarray(augment(tf.constant(images), how, tf.constant([seed, 1], tf.int32)))


def noise(height: int = 8, width: int = 8) -> np.ndarray:
    draws = np.random.default_rng(0).integers(0, 256, (4, height, width, 3))
    return draws.astype(np.float32)


def half_white() -> np.ndarray:
    """Pictures that are white on the left."""
    images = np.zeros((8, 16, 16, 3), np.float32)
    images[:, :, :8] = 255
    return images


def brighter_on_the_left(images: np.ndarray) -> np.ndarray:
    middle = images.shape[2] // 2
    left: np.ndarray = images[:, :, :middle].mean(axis=(1, 2, 3))
    right: np.ndarray = images[:, :, middle:].mean(axis=(1, 2, 3))
    brighter: np.ndarray = left > right
    return brighter


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_equal_seeds_give_equal_changes(name: str) -> None:
    assert np.array_equal(changed(AUGMENTATIONS[name], 3), changed(AUGMENTATIONS[name], 3))


@pytest.mark.parametrize("name", ["photo", "glyph"])
def test_other_seeds_and_other_images_of_a_batch_get_other_changes(name: str) -> None:
    batch = changed(AUGMENTATIONS[name], 3, half_white())
    assert not np.array_equal(batch, changed(AUGMENTATIONS[name], 4, half_white()))
    assert not np.array_equal(batch[0], batch[1])


@pytest.mark.parametrize("how", [AUGMENTATIONS["none"], Augmentation()])
def test_none_changes_nothing(how: Augmentation) -> None:
    assert np.array_equal(changed(how, 1), noise())


@pytest.mark.parametrize("how", [Augmentation(rotation=1e-12), Augmentation(colour=1e-12)])
def test_no_way_to_go_is_the_way_back(how: Augmentation) -> None:
    assert np.allclose(changed(how, 1), noise(), atol=1e-2)


@settings(max_examples=20, deadline=None)
@given(
    how=st.builds(
        Augmentation,
        flip=st.booleans(),
        rotation=st.floats(0, 180),
        zoom=st.floats(0, 0.9),
        shift=st.floats(0, 1),
        colour=st.floats(0, 1),
    ),
    seed=st.integers(0, 2**31 - 1),
)
def test_stays_a_picture_of_the_same_size(how: Augmentation, seed: int) -> None:
    images = noise(8, 12)
    result = changed(how, seed, images)
    assert result.shape == images.shape
    assert result.dtype == np.float32
    assert result.min() >= -1e-3
    assert result.max() <= 255 + 1e-3


def test_photos_are_mirrored_about_every_second_time() -> None:
    left = np.concatenate(
        [brighter_on_the_left(changed(AUGMENTATIONS["photo"], n, half_white())) for n in SEEDS]
    )
    assert 0.3 < left.mean() < 0.7


def test_glyphs_are_never_mirrored() -> None:
    for seed in SEEDS:
        assert brighter_on_the_left(changed(AUGMENTATIONS["glyph"], seed, half_white())).all()


def test_a_flip_alone_is_exact() -> None:
    images = noise()
    for seed in SEEDS:
        for before, after in zip(images, changed(Augmentation(flip=True), seed), strict=True):
            same = np.allclose(after, before, atol=0.1)
            assert same or np.allclose(after, before[:, ::-1], atol=0.1)


def test_a_shift_moves_by_its_share_at_most() -> None:
    images = np.zeros((8, 21, 21, 3), np.float32)
    images[:, 10, 10] = 255
    moved = 0
    for seed in SEEDS:
        rows, columns = np.nonzero(changed(Augmentation(shift=0.1), seed, images).sum(axis=3))[1:]
        assert {rows.min(), columns.min()} <= set(range(8, 11))
        assert {rows.max(), columns.max()} <= set(range(10, 13))
        moved += int((rows != 10).any())
    assert moved


def test_grey_stays_grey_when_colours_change() -> None:
    grey = np.full((4, 8, 8, 3), 100, np.float32)
    result = changed(Augmentation(colour=0.5), 1, grey)
    assert np.allclose(result, result[..., :1])
    assert 50 <= result.min() < result.max() <= 150
