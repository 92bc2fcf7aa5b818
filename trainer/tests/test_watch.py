from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from sample_model import contract
from tiny_training import epoch
from tiny_world import read_json

from trainer import watch
from trainer.status import StatusWriter

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Told:
    """A terminal, a clock and a model folder."""

    folder: Path
    now: float = 1000.0
    bars: list[tuple[int, int | None, str]] = field(default_factory=list)

    def watcher(self, tensorboard: Path | None = None) -> watch.Watcher:
        status = StatusWriter(self.folder, "pets", "photos", 10)
        return watch.Watcher(10, status, self.tell, tensorboard)

    def tell(self, done: int, total: int | None, note: str = "") -> None:
        self.bars.append((done, total, note))

    def status(self) -> dict[str, object]:
        content = read_json(self.folder / "pets" / "training.json")
        contract("training").validate(content)
        return content


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    made = Told(tmp_path)
    monkeypatch.setattr(watch, "monotonic", lambda: made.now)
    return made


def test_the_first_epoch_is_told_without_the_time_left(told: Told) -> None:
    watcher = told.watcher()
    told.now += 3
    watcher.on_step(1, 2, 4)
    assert told.bars == [(2, 40, "epoch 1/10")]
    status = told.status()
    assert (status["state"], status["dataset"], status["epochs"]) == ("training", "photos", 10)
    assert (status["epoch"], status["metrics"], status["eta_seconds"]) == (0, {}, None)


@pytest.mark.parametrize("first", [1, 5], ids=["new", "resumed"])
def test_the_time_left_is_measured_from_the_first_epoch_s_end(told: Told, first: int) -> None:
    watcher = told.watcher()
    told.now += 1000  # it builds the graphs
    watcher.on_epoch(epoch(first, val_loss=0.25))
    told.now += 3
    watcher.on_step(first + 1, 2, 4)
    left = 6 * (10 - first - 0.5)
    note = f"epoch {first + 1}/10, validation 60.0%, {left:.0f} s left"
    assert told.bars == [(4 * first + 2, 40, note)]
    assert told.status()["eta_seconds"] == left


def test_the_last_epoch_is_told_with_the_steps_of_the_next(told: Told) -> None:
    watcher = told.watcher()
    watcher.on_epoch(epoch(3, val_loss=0.25))
    told.now += 5
    watcher.on_step(4, 1, 1)
    assert told.bars[-1][2].startswith("epoch 4/10, validation 60.0%, ")
    status = told.status()
    assert status["epoch"] == 3
    assert status["metrics"] == {
        "loss": 0.9,
        "accuracy": 0.5,
        "val_loss": 0.25,
        "val_accuracy": 0.6,
    }


def test_the_status_is_written_every_two_seconds_at_most(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher, times = told.watcher(), []
    monkeypatch.setattr(StatusWriter, "write", lambda *_, **__: times.append(told.now - 1000))
    for step in range(1, 8):
        told.now += 0.75
        watcher.on_step(1, step, 8)
    assert times == [0.75, 3.0, 5.25]
    assert len(told.bars) == 7


def test_an_epoch_is_logged(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    told.watcher().on_epoch(epoch(3, val_loss=float("inf")))
    assert caplog.messages == [
        "epoch 3 of 10: loss 0.900, accuracy 50.0 %, validation loss inf, accuracy 60.0 %"
    ]


@pytest.mark.parametrize(
    ("epochs", "line"),
    [
        (10, "trained 10 of 10 epochs; kept epoch 3 (validation accuracy 60.0 %)"),
        (
            8,
            "stopped after 8 of 10 epochs, since 5 brought nothing better; "
            "kept epoch 3 (validation accuracy 60.0 %)",
        ),
    ],
)
def test_the_end_is_logged_and_completes_the_bar(
    told: Told, caplog: pytest.LogCaptureFixture, epochs: int, line: str
) -> None:
    caplog.set_level(logging.INFO)
    watcher = told.watcher()
    told.now += 3
    watcher.on_step(epochs, 4, 4)
    watcher.on_end(epochs, epoch(3))
    assert caplog.messages == [line]
    assert told.bars[-1] == (4 * epochs, 4 * epochs, f"epoch {epochs}")


def test_tensorboard_is_written_on_request_only(told: Told) -> None:
    told.watcher().on_epoch(epoch(1))
    assert list(told.folder.iterdir()) == []
    told.watcher(told.folder / "events").on_epoch(epoch(1))
    assert len(list((told.folder / "events").iterdir())) == 1
