from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import dying_fit
import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_training import SIZE, Notes, epoch, options, task

from trainer import training
from trainer.batches import Examples, build_forward, feed, predict_logits
from trainer.evaluation import cross_entropy
from trainer.model import build_model
from trainer.training import (
    Task,
    best,
    build_optimizer,
    build_train_step,
    class_weights,
    finished,
    fit,
    follow,
    smooth,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.training import Epoch, Fit


@cache
def uninterrupted() -> Fit:
    with TemporaryDirectory() as folder:
        return fit(task(), options(), Path(folder), Notes())


def weights(fitted: Fit) -> list[bytes]:
    return [weight.tobytes() for weight in fitted.model.get_weights()]


def without_seconds(history: tuple[Epoch, ...]) -> list[Epoch]:
    return [replace(each, seconds=0) for each in history]


def same(fitted: Fit, other: Fit) -> bool:
    return (
        weights(fitted) == weights(other)
        and without_seconds(fitted.history) == without_seconds(other.history)
        and fitted.best_epoch == other.best_epoch
    )


def test_two_trainings_with_one_seed_are_equal(tmp_path: Path) -> None:
    notes = Notes()
    again = fit(task(), options(), tmp_path, notes)
    assert same(again, uninterrupted())
    assert notes.steps == [(number, step, 2) for number in (1, 2, 3) for step in (1, 2)]
    assert notes.epochs == [each.number for each in again.history] == [1, 2, 3]


def test_another_seed_gives_another_model_and_each_epoch_another_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = []

    def noted(pictures: Examples, order: np.ndarray, batch_size: int) -> tf.data.Dataset:
        orders.append(order.tolist())
        return feed(pictures, order, batch_size)

    monkeypatch.setattr(training, "feed", noted)
    other = fit(task(), options(seed=1), tmp_path, Notes())
    monkeypatch.undo()
    assert weights(other) != weights(uninterrupted())
    assert len({tuple(order) for order in orders}) == len(orders) == 3
    assert all(sorted(order) == list(range(16)) for order in orders)


class StoppedError(Exception):
    pass


def test_an_interrupted_training_goes_on_where_it_was(tmp_path: Path) -> None:
    def stop(number: int, step: int) -> None:
        if (number, step) == (2, 2):
            raise StoppedError

    with pytest.raises(StoppedError):
        fit(task(), options(), tmp_path, Notes(stop))
    notes = Notes()
    resumed = fit(task(), options(), tmp_path, notes)
    assert same(resumed, uninterrupted())
    assert notes.epochs == [2, 3]


def test_a_killed_training_goes_on_where_it_was(tmp_path: Path) -> None:
    command = [sys.executable, dying_fit.__file__, str(tmp_path), "3"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    notes = Notes()
    resumed = fit(task(), options(), tmp_path, notes)
    assert notes.epochs == [3]
    assert same(resumed, uninterrupted())


def test_a_finished_training_is_not_run_again(tmp_path: Path) -> None:
    first = fit(task(), options(epochs=1), tmp_path, Notes())
    notes = Notes()
    again = fit(task(), options(epochs=1), tmp_path, notes)
    assert notes.steps == []
    assert weights(again) == weights(first)
    assert again.history == first.history


def test_learns_colours_from_fewer_pictures_than_a_batch(tmp_path: Path) -> None:
    how = options(epochs=25, batch_size=64, learning_rate=2e-2, patience=25)
    fitted = fit(task(train=24), how, tmp_path, Notes())
    kept = fitted.history[fitted.best_epoch - 1]
    assert kept.val_accuracy == 1
    assert kept.val_loss < fitted.history[0].val_loss / 2
    logits = predict_logits(build_forward(fitted.model), task().val.pixels)
    assert kept.val_loss == pytest.approx(cross_entropy(logits, task().val.labels))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy tells of NaN, which is the point
def test_a_loss_that_runs_away_ends_nothing_and_is_never_best(tmp_path: Path) -> None:
    how = options(learning_rate=1e38, batch_size=16)  # the first step warms up, at 0
    fitted = fit(task(), how, tmp_path, Notes())
    assert fitted.history[-1].val_loss == math.inf
    assert fitted.best_epoch == 1
    assert all(np.isfinite(each).all() for each in fitted.model.get_weights())


def test_the_best_epoch_is_the_first_of_the_lowest() -> None:
    losses = (math.inf, 3.0, 1.0, 1.0, 2.0)
    assert best([epoch(number, loss) for number, loss in enumerate(losses, 1)]).number == 3


@pytest.mark.parametrize(
    ("losses", "ended"),
    [
        ([], False),
        ([1.0, 2.0], False),
        ([1.0, 2.0, 3.0], True),
        ([3.0, 2.0, 1.0, 1.0], False),
        ([3.0, 2.0, 1.0, 1.0, 1.0], True),
        ([9.0, 8.0, 7.0, 6.0, 5.0, 4.0], True),
        ([math.inf, math.inf, math.inf], True),
    ],
)
def test_ends_after_all_epochs_or_when_patience_does(losses: list[float], *, ended: bool) -> None:
    history = [epoch(number, loss) for number, loss in enumerate(losses, 1)]
    assert finished(history, options(epochs=6, patience=2)) == ended


def test_classes_weigh_alike_whatever_their_counts() -> None:
    truth = np.array([0] * 8 + [1] * 4 + [2] * 2, np.int32)
    found = class_weights(Task(Examples(np.empty((14, 8, 8, 3), np.uint8), truth), None, 3))  # type: ignore[arg-type] # validation images do not count
    assert found[truth].mean() == pytest.approx(1)
    assert (found * [8, 4, 2]).tolist() == pytest.approx([14 / 3] * 3)


def test_smooth_labels_keep_their_sum_and_their_class() -> None:
    found = np.asarray(smooth(tf.constant([2, 0]), 4, 0.2))
    assert found == pytest.approx(np.array([[0.05, 0.05, 0.85, 0.05], [0.85, 0.05, 0.05, 0.05]]))


def test_the_learning_rate_warms_up_and_decays() -> None:
    optimizer = build_optimizer(options(epochs=10, learning_rate=0.5), 10, mixed=False)
    rates = []
    for step in range(101):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert rates[0] == 0
    assert rates[10] == max(rates) == 0.5
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0)


def test_only_the_weights_of_convolutions_and_dense_layers_decay() -> None:
    model = build_model(SIZE, 2)
    optimizer = build_optimizer(options(weight_decay=0.5), 1, mixed=False)
    optimizer.build(model.trainable_variables)
    before = [variable.numpy() for variable in model.trainable_variables]
    for _ in range(2):  # the first step is at a rate of 0
        optimizer.apply([tf.zeros_like(each) for each in before])
    for variable, old in zip(model.trainable_variables, before, strict=True):
        decayed = not np.array_equal(variable.numpy(), old)
        assert decayed == variable.name.startswith("kernel"), variable.path


def test_the_average_follows_the_model() -> None:
    model, average = build_model(SIZE, 2), build_model(SIZE, 2)
    old, new = average.get_weights(), model.get_weights()
    follow(average, model, tf.constant(0))
    assert_between(average.get_weights(), old, new, rate=0.9)
    average.set_weights(old)
    follow(average, model, tf.constant(1_000_000))
    assert_between(average.get_weights(), old, new, rate=0.01)


def assert_between(
    found: list[np.ndarray], old: list[np.ndarray], new: list[np.ndarray], rate: float
) -> None:
    for mean, before, weight in zip(found, old, new, strict=True):
        assert np.allclose(mean, (1 - rate) * before + rate * weight, atol=1e-6)


@pytest.fixture
def half_precision() -> Iterator[None]:
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    yield
    keras.mixed_precision.set_dtype_policy("float32")


@pytest.mark.usefixtures("half_precision")
def test_a_step_in_mixed_precision_learns() -> None:
    model, average = build_model(SIZE, 2), build_model(SIZE, 2)
    optimizer = build_optimizer(options(), 10, mixed=True)
    optimizer.build(model.trainable_variables)
    step = build_train_step(
        tf.distribute.get_strategy(), model, average, optimizer, options(), np.ones(2, np.float32)
    )
    before = [variable.numpy() for variable in model.trainable_variables]
    batch = task().train
    for number in range(3):  # the first step is at a rate of 0
        loss, right = step(
            tf.constant(batch.pixels), tf.constant(batch.labels), tf.constant([0, number])
        ).numpy()
        assert 0 < loss < 10
        assert 0 <= right <= 16
    assert model.get_layer(index=2).compute_dtype == "float16"
    assert int(optimizer.iterations) == 3
    after = [variable.numpy() for variable in model.trainable_variables]
    assert all(np.isfinite(each).all() for each in after)
    assert not any(map(np.array_equal, before, after))
