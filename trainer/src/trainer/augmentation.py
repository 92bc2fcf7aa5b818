"""Random changes to training images that leave their labels true."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from trainer.options import Augmentation


def augment(images: tf.Tensor, how: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Changes each image of a batch by chance; equal seeds give equal changes.

    Args:
        images: `[N, H, W, 3]`, float32, 0..255.
        how: the bounds of the change.
        seed: `[2]`, int32.

    Returns:
        `[N, H, W, 3]`, float32, 0..255.
    """
    seeds = tf.unstack(tf.random.split(seed, num=2))
    if how.flip or how.rotation or how.zoom or how.shift:
        images = _move(images, how, seeds[0])
    if how.colour:
        images = _recolour(images, how.colour, seeds[1])
    return images


def _move(images: tf.Tensor, how: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Turns, zooms, shifts and flips in one resampling, with the edge mirrored outwards."""
    shape = tf.shape(images)
    draws = tf.random.stateless_uniform([6, shape[0]], seed, -1.0, 1.0)  # [6, N]
    angle = draws[0] * (how.rotation * math.pi / 180)
    scale_y, scale_x = 1.0 + draws[1] * how.zoom, 1.0 + draws[2] * how.zoom
    if how.flip:
        scale_x = tf.where(draws[5] < 0, -scale_x, scale_x)
    height, width = tf.cast(shape[1] - 1, tf.float32), tf.cast(shape[2] - 1, tf.float32)
    a, b = tf.cos(angle) * scale_x, -tf.sin(angle) * scale_y
    c, d = tf.sin(angle) * scale_x, tf.cos(angle) * scale_y
    # The transform maps output to input positions about the centre, so the offset undoes it there.
    dx = width / 2 * (1 - a) - height / 2 * b + draws[3] * how.shift * width
    dy = height / 2 * (1 - d) - width / 2 * c + draws[4] * how.shift * height
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, dx, c, d, dy, zero, zero], axis=1),  # [N, 8]
        output_shape=shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _recolour(images: tf.Tensor, most: float, seed: tf.Tensor) -> tf.Tensor:
    draws = tf.random.stateless_uniform([3, tf.shape(images)[0], 1, 1, 1], seed, -most, most)
    grey = tf.reduce_mean(images, axis=3, keepdims=True)  # [N, H, W, 1]
    mean = tf.reduce_mean(grey, axis=[1, 2], keepdims=True)  # [N, 1, 1, 1]
    images = grey + (images - grey) * (1.0 + draws[0])
    images = mean + (images - mean) * (1.0 + draws[1])
    return tf.clip_by_value(images * (1.0 + draws[2]), 0.0, 255.0)
