"""Where a training was after each epoch, kept so that a kill loses at most the epoch under way."""

from __future__ import annotations

import json
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import tensorflow as tf

from trainer import hints
from trainer.errors import DataError
from trainer.storage import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import keras

HISTORY = "history.json"
BEST = "best.npz"


class Checkpoints:
    """The last epoch's models and optimizer, the best epoch's weights and the history, in a folder.

    The best weights and the history are written first, each by rename, and the checkpoint last:
    whatever a kill leaves of an unfinished save belongs to epochs that will be run again.
    """

    def __init__(
        self,
        folder: Path,
        model: keras.Model,
        average: keras.Model,
        optimizer: keras.optimizers.Optimizer,
    ) -> None:
        """Looks at the folder, which may not be there yet; nothing is written.

        Raises:
            DataError: what was kept is damaged.
        """
        self._folder = folder
        self._average = average
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        # Variables, not the objects, which keep the state of dropout's draws from TensorFlow.
        checkpoint = tf.train.Checkpoint(
            model=model.variables,
            average=average.variables,
            optimizer=optimizer.variables,
            epoch=self._epoch,
        )
        with damage_told(folder):
            self._manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=1)

    def restore(self) -> list[dict[str, Any]]:
        """Puts models and optimizer where they were, and returns the history up to there.

        Raises:
            DataError: what was kept is damaged.
        """
        with damage_told(self._folder):
            if not self._manager.restore_or_initialize():
                return []
            history: list[dict[str, Any]] = json.loads((self._folder / HISTORY).read_text())
            return history[: int(self._epoch.numpy())]

    def save(self, history: list[dict[str, Any]], *, is_best: bool) -> None:
        """Keeps the state after the history's last epoch."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if is_best:
            write_weights(self._folder / BEST, self._average)
        replace_file(self._folder / HISTORY, json.dumps(history, indent=1).encode())
        self._epoch.assign(len(history))
        self._manager.save(checkpoint_number=len(history))

    def restore_best(self) -> None:
        """Gives the average the weights of the best epoch.

        Raises:
            DataError: they are damaged.
        """
        read_weights(self._folder / BEST, self._average)


def write_weights(path: Path, model: keras.Model) -> None:
    """Writes all weights, in the model's order, whole or not at all.

    Not by Keras, whose HDF5 tells a full disk by a RuntimeError.
    """
    buffer = BytesIO()
    np.savez(buffer, *model.get_weights())
    replace_file(path, buffer.getvalue())


def read_weights(path: Path, model: keras.Model) -> None:
    """Gives the model the weights that `write_weights` has written.

    Raises:
        DataError: they are damaged, or of another model.
    """
    with damage_told(path.parent), path.open("rb") as file, np.load(file) as arrays:
        model.set_weights([arrays[name] for name in arrays.files])


@contextmanager
def damage_told(folder: Path) -> Iterator[None]:
    """Turns whatever damaged files give rise to into a DataError that names the folder."""
    try:
        yield
    except (OSError, ValueError, LookupError, EOFError, BadZipFile, tf.errors.OpError) as error:
        raise DataError(
            f"{folder}: what a training left there is damaged; "
            f"`{hints.command('fit', '--retrain')}` begins anew"
        ) from error
