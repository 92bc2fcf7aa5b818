"""From the trained Keras model to an ONNX file that is known to answer alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx

from trainer.batches import in_batches
from trainer.cpu import available_cores
from trainer.errors import CheckError
from trainer.normalization import fuse_normalization

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import keras
    from numpy.typing import NDArray

    Classifier = Callable[[tf.Tensor], dict[str, tf.Tensor]]

OPSET = 18
MOST_DIFFERENCE = 1e-4  # of a probability
TIE = 1e-5


@dataclass(frozen=True, slots=True)
class Check:
    """How far ONNX Runtime and Keras were apart.

    Attributes:
        images: how many both classified.
        difference: the largest of any probability.
        disagreements: images with another top class, ties within `TIE` aside.
    """

    images: int
    difference: float
    disagreements: int


def build_classifier(model: keras.Model, temperature: float) -> Classifier:
    """What is exported: `image` uint8 `[N, H, W, 3]` to `probabilities` float32 `[N, classes]`."""

    def classify(image: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = model(tf.cast(image, tf.float32), training=False)
        return {"probabilities": tf.nn.softmax(logits / temperature)}

    compiled: Classifier = tf.function(classify, input_signature=signature(model.input_shape[1]))
    return compiled


def signature(size: int) -> list[tf.TensorSpec]:
    """The input of what is exported, for images of `size` x `size` pixels."""
    return [tf.TensorSpec((None, size, size, 3), tf.uint8, name="image")]


def export(classify: Classifier, size: int, path: Path) -> None:
    """Writes the classifier as one ONNX file, weights included."""
    # tf2onnx's from_keras is broken on Keras 3; an explicit function works.
    model, _ = tf2onnx.convert.from_function(classify, signature(size), opset=OPSET)
    fuse_normalization(model.graph)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def answers(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """ONNX Runtime's probabilities `[n, classes]` for pixels `[n, H, W, 3]`; n ≥ 1."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cores()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return np.concatenate(
        [session.run(["probabilities"], {"image": each})[0] for each in in_batches(pixels)]
    )


def check(classify: Classifier, path: Path, pixels: NDArray[np.uint8]) -> Check:
    """Compares both engines on pixels `[n, H, W, 3]`; n ≥ 1.

    Raises:
        CheckError: another top class somewhere, or a difference over `MOST_DIFFERENCE`.
    """
    expected = [classify(tf.constant(each))["probabilities"].numpy() for each in in_batches(pixels)]
    found = compare(np.concatenate(expected), answers(path, pixels))
    if found.disagreements or not found.difference <= MOST_DIFFERENCE:
        raise CheckError(
            f"the ONNX model differs from the trained one: {found.disagreements} of "
            f"{found.images} validation images get another class, and probabilities differ by up "
            f"to {found.difference:.1e} (at most {MOST_DIFFERENCE:.0e} is allowed); "
            "nothing was published"
        )
    return found


def compare(first: NDArray[np.float32], second: NDArray[np.float32]) -> Check:
    """The difference between two engines' probabilities `[n, classes]` for the same images."""
    rows = np.arange(len(first))
    top = second.argmax(axis=1)
    lead = first.max(axis=1) - first[rows, top]  # 0 where both have the same top class
    return Check(
        images=len(first),
        difference=float(np.abs(first - second).max()),
        disagreements=int((lead > TIE).sum()),
    )
