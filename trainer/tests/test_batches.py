from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tiny_training import examples

from trainer.batches import Examples, feed, in_batches

if TYPE_CHECKING:
    from pathlib import Path


def test_the_feed_reads_a_memory_map_in_the_given_order(tmp_path: Path) -> None:
    pixels = examples(20, seed=3).pixels
    np.save(tmp_path / "pixels.npy", pixels)
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    truth = np.arange(20, dtype=np.int32)
    order = np.random.default_rng(0).permutation(20)[:16]
    batches = list(feed(Examples(mapped, truth), order, 8))
    assert [len(images) for images, _ in batches] == [8, 8]
    assert np.concatenate([labels for _, labels in batches]).tolist() == order.tolist()
    assert np.array_equal(np.concatenate([images for images, _ in batches]), pixels[order])


def test_batches_are_all_of_the_images_in_order() -> None:
    pixels = examples(11, seed=3).pixels
    batches = list(in_batches(pixels, 4))
    assert [len(each) for each in batches] == [4, 4, 3]
    assert np.array_equal(np.concatenate(batches), pixels)
