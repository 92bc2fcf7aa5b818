from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tensorflow as tf
from tiny_training import SIZE, options

from trainer.checkpoints import BEST, HISTORY, Checkpoints, read_weights, write_weights
from trainer.errors import DataError
from trainer.model import build_model
from trainer.training import build_optimizer

if TYPE_CHECKING:
    from pathlib import Path

    import keras


class Trained:
    """Models and an optimizer, and the checkpoints of them."""

    def __init__(self, folder: Path) -> None:
        self.model, self.average = build_model(SIZE, 2), build_model(SIZE, 2)
        self.optimizer = build_optimizer(options(), 2, mixed=False)
        self.optimizer.build(self.model.trainable_variables)
        self.checkpoints = Checkpoints(folder, self.model, self.average, self.optimizer)

    def variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.average.variables, *self.optimizer.variables]

    def state(self) -> list[np.ndarray]:
        return [np.asarray(variable) for variable in self.variables()]

    def change(self, by: int) -> None:
        for variable in self.variables():
            variable.assign(np.full(variable.shape, by))


def epochs(count: int) -> list[dict[str, Any]]:
    return [{"number": number + 1} for number in range(count)]


def test_an_empty_folder_has_no_history(tmp_path: Path) -> None:
    assert Trained(tmp_path / "none").checkpoints.restore() == []


def test_every_variable_comes_back_with_the_history(tmp_path: Path) -> None:
    first = Trained(tmp_path)
    first.change(3)
    first.checkpoints.save(epochs(1), is_best=True)
    first.change(5)
    first.checkpoints.save(epochs(2), is_best=False)
    second = Trained(tmp_path)
    assert second.checkpoints.restore() == epochs(2)
    assert {float(each) for array in second.state() for each in array.flat} == {5}
    second.checkpoints.restore_best()
    assert {float(each) for array in second.average.get_weights() for each in array.flat} == {3}


def test_a_save_that_is_cut_short_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Trained(tmp_path)
    first.change(3)
    first.checkpoints.save(epochs(1), is_best=True)
    first.change(5)
    with monkeypatch.context() as patch:
        patch.setattr(tf.train.CheckpointManager, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            first.checkpoints.save(epochs(2), is_best=True)
    second = Trained(tmp_path)
    assert second.checkpoints.restore() == epochs(1)
    assert {float(each) for array in second.state() for each in array.flat} == {3}


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_only_the_last_checkpoint_is_kept(tmp_path: Path) -> None:
    trained = Trained(tmp_path)
    for count in (1, 2, 3):
        trained.checkpoints.save(epochs(count), is_best=True)
    assert [path.name for path in tmp_path.glob("ckpt-*.index")] == ["ckpt-3.index"]
    assert not list(tmp_path.glob("staged-*"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *((HISTORY, content) for content in (None, b"", b"{", b"x" * 9)),
        ("checkpoint", b""),
        *(("ckpt-1.index", content) for content in (None, b"", b"x" * 9)),
    ],
)
def test_damage_is_told(tmp_path: Path, name: str, content: bytes | None) -> None:
    Trained(tmp_path).checkpoints.save(epochs(1), is_best=True)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="--retrain") as caught:
        Trained(tmp_path).checkpoints.restore()
    assert str(caught.value).startswith(f"{tmp_path}: ")


def test_checkpoints_of_another_model_are_told(tmp_path: Path) -> None:
    Trained(tmp_path).checkpoints.save(epochs(1), is_best=True)
    model, average = build_model(SIZE, 3), build_model(SIZE, 3)
    optimizer = build_optimizer(options(), 2, mixed=False)
    optimizer.build(model.trainable_variables)
    with pytest.raises(DataError, match="damaged"):
        Checkpoints(tmp_path, model, average, optimizer).restore()
    with pytest.raises(DataError, match="damaged"):
        read_weights(tmp_path / BEST, average)


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_weights_that_are_cut_short_are_told(tmp_path: Path, keep: int) -> None:
    model = build_model(SIZE, 2)
    write_weights(tmp_path / BEST, model)
    (tmp_path / BEST).write_bytes((tmp_path / BEST).read_bytes()[:keep])
    with pytest.raises(DataError, match="--retrain"):
        read_weights(tmp_path / BEST, model)


def test_weights_that_are_missing_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--retrain"):
        read_weights(tmp_path / BEST, build_model(SIZE, 2))
