"""How much of the training time the input pipeline costs."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from figures import Figure, spread, write_figures
from trainer.options import Options
from trainer.pipeline import examples
from trainer.preparation import prepare
from trainer.settings import Settings
from trainer.training import Task, build_learner, run_epoch

if TYPE_CHECKING:
    from trainer.training import Epoch, Learner

SIZE, PASSES, TARGET = 128, 5, 0.9


class Silence:
    """An observer that tells nobody."""

    def on_step(self, number: int, step: int, steps: int) -> None:
        """Nothing."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Nothing."""


def main(data: str) -> None:
    """Measures epochs over the cache and the same steps on random tensors, in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(data_dir=folder / "data", images_dir=folder / "imgs")
        dataset = prepare(data, settings, size=SIZE)
        # Of the validation split one image: a run of the loop, and hardly any time beside it.
        val = examples(dataset, "val", SIZE)
        one = type(val)(val.pixels[:1], val.labels[:1])
        task = Task(examples(dataset, "train", SIZE), one, len(dataset.classes))
        options = Options(image_size=SIZE, epochs=PASSES + 1)
        learner = build_learner(task, options)
        run_epoch(learner, task, options, 1, Silence())  # traces, and warms the cache
        fit, bare, ratios = [], [], []
        for number in range(2, PASSES + 2):
            fit.append(
                learner.steps * learner.batch_size / time_epoch(learner, task, options, number)
            )
            bare.append(learner.batch_size / time_bare_step(learner, task.classes))
            ratios.append(fit[-1] / bare[-1])
    write_figures(
        [
            Figure(
                f"fit at {SIZE} px with the cache warm, against the same step on random tensors",
                spread(ratios, "x"),
                f"at least {TARGET} x",
                statistics.median(ratios) >= TARGET,
                f"fit {spread(fit, 'images/s', 0)}, bare step {spread(bare, 'images/s', 0)}",
            )
        ]
    )


def time_epoch(learner: Learner, task: Task, options: Options, number: int) -> float:
    """Seconds of an epoch as the trainer runs it."""
    started = time.perf_counter()
    run_epoch(learner, task, options, number, Silence())
    return time.perf_counter() - started


def time_bare_step(learner: Learner, classes: int) -> float:
    """Seconds of a step on random tensors, averaged over an epoch's steps."""
    generator = np.random.default_rng(0)
    shape = (learner.batch_size, SIZE, SIZE, 3)
    images = tf.constant(generator.integers(0, 256, shape, dtype=np.uint8))
    labels = tf.constant(generator.integers(0, classes, learner.batch_size, dtype=np.int32))
    started = time.perf_counter()
    for step in range(learner.steps):
        learner.train_step(images, labels, tf.constant([0, step], tf.int32)).numpy()
    return (time.perf_counter() - started) / learner.steps


if __name__ == "__main__":
    main(sys.argv[1])
