"""A compact residual CNN that grows with the size of its images."""

from __future__ import annotations

import math

import keras
from keras import layers

WIDTH = 16  # channels of the first stage
SMALL = 64  # pixels, below which the first convolution keeps the size


def build_model(size: int, classes: int) -> keras.Model:
    """A network from pixels `[N, size, size, 3]` in 0..255 to logits `[N, classes]`, float32.

    Stages halve the height and width until 8 is left: three for 32 pixels, four for 128, whose
    first convolution halves them too.
    Blocks follow K. He et al., "Identity Mappings in Deep Residual Networks" (2016): batch
    normalisation and ReLU stand before each convolution.
    """
    stride = 1 if size < SMALL else 2
    stages = max(1, math.ceil(math.log2(size / stride / 8)) + 1)
    image = keras.Input((size, size, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    x = _convolution(x, WIDTH, stride=stride)
    for stage in range(stages):
        width = WIDTH * 2**stage
        x = _block(x, width, stride=1 if stage == 0 else 2)
        x = _block(x, width, stride=1)
    x = _activation(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="classifier")


def _block(x: keras.KerasTensor, width: int, stride: int) -> keras.KerasTensor:
    """Two convolutions beside a shortcut: `[N, h, w, c]` to `[N, h/stride, w/stride, width]`."""
    shortcut = x
    x = _activation(x)
    if stride != 1 or shortcut.shape[-1] != width:
        shortcut = layers.AveragePooling2D(stride, padding="same")(x) if stride != 1 else x
        shortcut = _convolution(shortcut, width, kernel=1)
    x = _activation(_convolution(x, width, stride=stride))
    x = _convolution(x, width)
    return layers.Add()([x, shortcut])


def _activation(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))


def _convolution(
    x: keras.KerasTensor, width: int, kernel: int = 3, stride: int = 1
) -> keras.KerasTensor:
    return layers.Conv2D(
        width,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
