"""TensorBoard's event files, written without TensorBoard."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.training import Epoch


def write_scalars(folder: Path, epoch: Epoch) -> None:
    """Adds an epoch's figures to the folder's events.

    `tf.summary.scalar` needs TensorBoard installed; `tf.summary.write` with the scalar plugin's
    metadata gives the same record.
    """
    metadata = tf.compat.v1.SummaryMetadata(
        plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"),
        data_class="DATA_CLASS_SCALAR",
    )
    writer = tf.summary.create_file_writer(str(folder), filename_suffix=f".{epoch.number}")
    with writer.as_default(step=epoch.number):
        for name, value in asdict(epoch).items():
            if name != "number":
                tf.summary.write(name, tf.constant(value, tf.float32), metadata=metadata)
    writer.close()
