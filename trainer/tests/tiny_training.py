"""Trainings that take seconds: pictures of 8 x 8 pixels whose colour is their class."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.batches import Examples
from trainer.options import Options
from trainer.training import Epoch, Task

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 8
OPTIONS = Options(image_size=SIZE, epochs=3, batch_size=8, augmentation="none")


def options(**changes: Any) -> Options:  # noqa: ANN401 - values of any of its fields
    return replace(OPTIONS, **changes)


def examples(count: int, seed: int, classes: int = 2) -> Examples:
    draws = np.random.default_rng(seed)
    labels = (np.arange(count) % classes).astype(np.int32)
    colours = np.random.default_rng(0).integers(40, 215, (classes, 3))
    noise = draws.integers(-40, 41, (count, SIZE, SIZE, 3))
    return Examples((colours[labels][:, None, None] + noise).astype(np.uint8), labels)


def task(train: int = 16, val: int = 10) -> Task:
    return Task(examples(train, seed=1), examples(val, seed=2), classes=2)


def epoch(number: int, val_loss: float = 1.0) -> Epoch:
    return Epoch(number, 0.9, 0.5, val_loss, 0.6, 1e-3, 0.1)


@dataclass
class Notes:
    """An observer that remembers the epochs that were run, and may do something at a step."""

    at_step: Callable[[int, int], None] = lambda *_: None
    steps: list[tuple[int, int, int]] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)

    def on_step(self, number: int, step: int, steps: int) -> None:
        self.steps.append((number, step, steps))
        self.at_step(number, step)

    def on_epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch.number)
