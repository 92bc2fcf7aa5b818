"""How far a training is, told while it runs."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING

from trainer.tensorboard import write_scalars

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.console import Tell
    from trainer.status import StatusWriter
    from trainer.training import Epoch

SECONDS_BETWEEN_STATUS = 2.0

_log = logging.getLogger(__name__)


class Watcher:
    """Tells how far a training is: to the terminal or log, to training.json and to TensorBoard."""

    def __init__(
        self, epochs: int, status: StatusWriter, tell: Tell, tensorboard: Path | None
    ) -> None:
        """Watches a training of at most so many epochs."""
        self._epochs = epochs
        self._status = status
        self._tell = tell
        self._tensorboard = tensorboard
        self._first: int | None = None
        self._first_ended = 0.0
        self._written = 0.0
        self._last: Epoch | None = None
        self._steps = 0

    def on_step(self, number: int, step: int, steps: int) -> None:
        """Tells where in which epoch the training is."""
        eta = self._seconds_left(number - 1 + step / steps)
        self._steps = (number - 1) * steps + step
        self._tell(self._steps, self._epochs * steps, self._note(number, eta))
        if monotonic() - self._written >= SECONDS_BETWEEN_STATUS:
            self._write(number - 1, eta)

    def on_epoch(self, epoch: Epoch) -> None:
        """Tells what an epoch gave."""
        self._last = epoch
        if self._first is None:
            self._first, self._first_ended = epoch.number, monotonic()
        _log.info(
            "epoch %d of %d: loss %.3f, accuracy %.1f %%, validation loss %.3f, accuracy %.1f %%",
            epoch.number,
            self._epochs,
            epoch.loss,
            100 * epoch.accuracy,
            epoch.val_loss,
            100 * epoch.val_accuracy,
        )
        if self._tensorboard:
            write_scalars(self._tensorboard, epoch)

    def on_end(self, epochs: int, best: Epoch) -> None:
        """Tells after how many epochs the training has ended, and which of them was kept."""
        self._tell(self._steps, self._steps, f"epoch {epochs}")
        ended = (
            f"trained {epochs} of {self._epochs} epochs"
            if epochs == self._epochs
            else f"stopped after {epochs} of {self._epochs} epochs, since {epochs - best.number} "
            "brought nothing better"
        )
        accuracy = 100 * best.val_accuracy
        _log.info("%s; kept epoch %d (validation accuracy %.1f %%)", ended, best.number, accuracy)

    def _seconds_left(self, done: float) -> float | None:
        """Time to the last epoch's end, `done` of them being done; None while nothing tells it."""
        if self._first is None:  # an epoch that builds TensorFlow's graphs is like no other
            return None
        pace = (monotonic() - self._first_ended) / (done - self._first)
        return pace * (self._epochs - done)

    def _note(self, number: int, eta: float | None) -> str:
        accuracy = f", validation {self._last.val_accuracy:.1%}" if self._last else ""
        left = "" if eta is None else f", {eta:.0f} s left"
        return f"epoch {number}/{self._epochs}{accuracy}{left}"

    def _write(self, finished: int, eta: float | None) -> None:
        self._written = monotonic()
        keys = ("loss", "accuracy", "val_loss", "val_accuracy")
        metrics = {key: float(getattr(self._last, key)) for key in keys} if self._last else {}
        self._status.write(
            "training",
            epoch=finished,
            metrics=metrics,
            eta_seconds=None if eta is None else round(eta, 1),
        )
