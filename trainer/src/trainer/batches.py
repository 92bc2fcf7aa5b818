"""Images on their way through a model: batches to learn from, and answers for whole splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from trainer.cpu import available_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import keras
    from numpy.typing import NDArray

    Forward = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True, slots=True)
class Examples:
    """One split: pixels `[n, H, W, 3]` uint8, which may be a memory map, and labels `[n]` int32."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int32]


def feed(examples: Examples, order: NDArray[np.int64], batch_size: int) -> tf.data.Dataset:
    """Batches in the given order, read from the memory map while the step before is running."""
    pixels, labels = examples.pixels, examples.labels

    def read(rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        return pixels[rows], labels[rows]

    def gather(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, truth = tf.numpy_function(read, [rows], (tf.uint8, tf.int32))
        images.set_shape([None, *pixels.shape[1:]])
        truth.set_shape([None])
        return images, truth

    rows = tf.data.Dataset.from_tensor_slices(order).batch(batch_size)
    threads = tf.data.Options()
    threads.threading.private_threadpool_size = available_cores()
    return rows.map(gather).prefetch(2).with_options(threads)


def build_forward(model: keras.Model) -> Forward:
    """The model outside training: uint8 `[n, H, W, 3]` to logits `[n, classes]`, for any n."""

    def forward(images: tf.Tensor) -> tf.Tensor:
        return model(tf.cast(images, tf.float32), training=False)

    signature = [tf.TensorSpec(model.input_shape, tf.uint8)]
    compiled: Forward = tf.function(forward, input_signature=signature)
    return compiled


def predict_logits(forward: Forward, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits `[n, classes]` of pixels `[n, H, W, 3]`, a batch at a time."""
    return np.concatenate([forward(tf.constant(each)).numpy() for each in in_batches(pixels)])


def in_batches(pixels: NDArray[np.uint8], size: int = 64) -> Iterator[NDArray[np.uint8]]:
    """Views of at most `size` images each, in order."""
    for start in range(0, len(pixels), size):
        yield pixels[start : start + size]
