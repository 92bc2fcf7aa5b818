"""Accuracy on photos, beside the network of Keras' image-classification tutorial.

The tutorial (tensorflow.org/tutorials/images/classification) trains three convolutions with
pooling, dropout and one dense layer on photos of 180 x 180 pixels, mirrored, turned and zoomed by
chance. Both get the same training and validation images and the same time.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from figures import Figure, write_figures
from fit import Silence
from trainer.batches import Examples, build_forward, predict_logits
from trainer.dataset import read_cache, split_labels
from trainer.options import Options
from trainer.preparation import prepare
from trainer.presets import FLOWERS
from trainer.settings import Settings
from trainer.training import Task, fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.dataset import Dataset

TUTORIAL_SIZE = 180
FOLDS = 5
EPOCHS = 40  # with which five folds take a quarter of an hour on 2 cores


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows of the cache that are for training, validation and test."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


def main(data: str) -> None:
    """Trains both on each fold in turn, and tests them on the images left out."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(data_dir=folder / "data", images_dir=folder / "imgs")
        dataset = prepare(data, settings, size=FLOWERS.image_size)
        small = read_cache(dataset, (FLOWERS.image_size,) * 2)
        large = read_cache(prepare(data, settings, size=TUTORIAL_SIZE), (TUTORIAL_SIZE,) * 2)
        labels = all_labels(dataset)
        for number, fold in enumerate(folds(len(labels))):
            tasks = [make_task(pixels, labels, fold) for pixels in (small, large)]
            seconds, accuracy = train_ours(tasks[0], small, labels, fold, folder / f"run-{number}")
            ours.append(accuracy)
            theirs.append(train_tutorial(tasks[1], large, labels, fold, seconds))
            sys.stderr.write(
                f"fold {number + 1}: {ours[-1]:.1%} and {theirs[-1]:.1%} in {seconds:.0f} s\n"
            )
    mean, target = statistics.mean(ours), statistics.mean(theirs)
    write_figures(
        [
            Figure(
                f"accuracy on {len(labels)} photos, {FOLDS}-fold",
                f"{mean:.1%}",
                f"more than {target:.1%}, the Keras tutorial's network in the same time",
                mean > target,
                "folds "
                + ", ".join(f"{a:.0%} : {b:.0%}" for a, b in zip(ours, theirs, strict=True)),
            )
        ]
    )


def all_labels(dataset: Dataset) -> NDArray[np.int32]:
    """The labels of all the cache's rows."""
    return np.concatenate([split_labels(dataset, split) for split in ("train", "val", "test")])


def folds(count: int) -> list[Fold]:
    """Every image is tested once; of the others an eighth validates."""
    parts = np.array_split(np.random.default_rng(0).permutation(count), FOLDS)
    made = []
    for number, test in enumerate(parts):
        rest = np.concatenate([part for other, part in enumerate(parts) if other != number])
        eighth = len(rest) // 8
        made.append(Fold(train=np.sort(rest[eighth:]), val=np.sort(rest[:eighth]), test=test))
    return made


def make_task(pixels: NDArray[np.uint8], labels: NDArray[np.int32], fold: Fold) -> Task:
    """What both networks learn from."""
    train = Examples(pixels[fold.train], labels[fold.train])
    return Task(train, Examples(pixels[fold.val], labels[fold.val]), int(labels.max()) + 1)


def train_ours(
    task: Task, pixels: NDArray[np.uint8], labels: NDArray[np.int32], fold: Fold, folder: Path
) -> tuple[float, float]:
    """Seconds of training, and accuracy on the fold's test images."""
    options = Options(FLOWERS.image_size, EPOCHS, augmentation=FLOWERS.augment)
    started = time.monotonic()
    model = fit(task, options, folder, Silence()).model
    seconds = time.monotonic() - started
    logits = predict_logits(build_forward(model), pixels[fold.test])
    return seconds, float((logits.argmax(axis=1) == labels[fold.test]).mean())


def train_tutorial(
    task: Task,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int32],
    fold: Fold,
    seconds: float,
) -> float:
    """The better of two test accuracies: of the last epoch, and of the best on validation."""
    keras.utils.set_random_seed(0)
    model = tutorial_network(task.classes)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    batches = tf.data.Dataset.from_tensor_slices((task.train.pixels, task.train.labels))
    batches = batches.cache().shuffle(1000).batch(32).prefetch(tf.data.AUTOTUNE)
    last, best, best_val = 0.0, 0.0, -1.0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        model.fit(batches, epochs=1, verbose=0)
        val = model.evaluate(task.val.pixels, task.val.labels, verbose=0)[1]
        paused = time.monotonic()  # the test is no part of the training
        last = model.evaluate(pixels[fold.test], labels[fold.test], verbose=0)[1]
        deadline += time.monotonic() - paused
        if val > best_val:
            best_val, best = val, last
    return max(last, best)


def tutorial_network(classes: int) -> keras.Model:
    """The tutorial's network, with its augmentation and dropout."""
    convolutions = []
    for width in (16, 32, 64):
        convolutions += [
            layers.Conv2D(width, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
        ]
    return keras.Sequential(
        [
            keras.Input((TUTORIAL_SIZE, TUTORIAL_SIZE, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.1),
            layers.Rescaling(1 / 255),
            *convolutions,
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(classes),
        ]
    )


if __name__ == "__main__":
    main(sys.argv[1])
