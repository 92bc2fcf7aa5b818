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
        """Begins to count the time for a training of at most so many epochs."""
        self._epochs = epochs
        self._status = status
        self._tell = tell
        self._tensorboard = tensorboard
        self._started = monotonic()
        self._skipped: float | None = None
        self._written = 0.0
        self._last: Epoch | None = None
        self._steps = 0

    def on_step(self, number: int, step: int, steps: int) -> None:
        """Tells where in which epoch the training is."""
        done = number - 1 + step / steps
        if self._skipped is None:
            self._skipped = number - 1.0
        spent = monotonic() - self._started
        eta = spent / (done - self._skipped) * (self._epochs - done)
        self._steps = (number - 1) * steps + step
        self._tell(self._steps, self._epochs * steps, self._note(number, eta))
        if monotonic() - self._written >= SECONDS_BETWEEN_STATUS:
            self._write(number - 1, eta)

    def on_epoch(self, epoch: Epoch) -> None:
        """Tells what an epoch gave."""
        self._last = epoch
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

    def _note(self, number: int, eta: float) -> str:
        accuracy = f"validation {self._last.val_accuracy:.1%}, " if self._last else ""
        return f"epoch {number}/{self._epochs}, {accuracy}{eta:.0f} s left"

    def _write(self, finished: int, eta: float) -> None:
        self._written = monotonic()
        keys = ("loss", "accuracy", "val_loss", "val_accuracy")
        metrics = {key: float(getattr(self._last, key)) for key in keys} if self._last else {}
        self._status.write("training", epoch=finished, metrics=metrics, eta_seconds=round(eta, 1))
