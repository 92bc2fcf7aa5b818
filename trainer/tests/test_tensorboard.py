from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
import tensorflow as tf
from tiny_training import epoch

from trainer.tensorboard import write_scalars

if TYPE_CHECKING:
    from pathlib import Path


def events(folder: Path) -> list[tf.compat.v1.Event]:
    files = [str(path) for path in sorted(folder.iterdir())]
    records = tf.data.TFRecordDataset(files).as_numpy_iterator()
    read = [tf.compat.v1.Event.FromString(record) for record in records]
    return [event for event in read if event.summary.value]


def test_an_epochs_figures_can_be_read_back(tmp_path: Path) -> None:
    for number in (1, 2):
        write_scalars(tmp_path / "events", epoch(number, val_loss=number / 4))
    found = {
        (value.tag, event.step): float(tf.make_ndarray(value.tensor))
        for event in events(tmp_path / "events")
        for value in event.summary.value
    }
    expected = {
        (tag, number): figure
        for number in (1, 2)
        for tag, figure in asdict(epoch(number, val_loss=number / 4)).items()
        if tag != "number"
    }
    assert found == pytest.approx(expected)


def test_tensorboard_takes_them_for_scalars(tmp_path: Path) -> None:
    write_scalars(tmp_path, epoch(1))
    for event in events(tmp_path):
        (value,) = event.summary.value
        assert value.metadata.plugin_data.plugin_name == "scalars"
        assert value.metadata.data_class == 1  # DATA_CLASS_SCALAR
