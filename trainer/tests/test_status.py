from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from sample_model import NAME, contract
from small_volume import make_read_only, small_volume

from trainer.errors import SettingsError
from trainer.status import StatusWriter, TrainingStatus, write_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trainer.status import State

METRICS = {"loss": 0.3, "accuracy": 0.9, "val_loss": 0.4, "val_accuracy": 0.88}


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    with small_volume(tmp_path / "volume") as folder:
        yield folder


def status(state: State = "training", **values: Any) -> TrainingStatus:  # noqa: ANN401 -- fields
    fixed = {"epoch": 2, "epochs": 10, "started": "2026-01-31T12:00:00Z", "host": "trainer-1"}
    fields: dict[str, Any] = {**fixed, "updated": "2026-01-31T12:01:00Z", **values}
    return TrainingStatus(state=state, dataset="digits", **fields)


def read(model_dir: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((model_dir / NAME / "training.json").read_bytes())
    contract("training").validate(content)
    return content


@pytest.mark.parametrize(
    "state", ["preparing", "training", "exporting", "publishing", "done", "failed"]
)
def test_every_state_keeps_the_contract(tmp_path: Path, state: State) -> None:
    write_status(tmp_path, NAME, status(state, metrics=METRICS, eta_seconds=4.5))
    assert read(tmp_path) == {
        "format": 1,
        "state": state,
        "dataset": "digits",
        "epoch": 2,
        "epochs": 10,
        "metrics": METRICS,
        "eta_seconds": 4.5,
        "started": "2026-01-31T12:00:00Z",
        "updated": "2026-01-31T12:01:00Z",
        "host": "trainer-1",
    }


def test_the_end_names_the_version_or_the_error(tmp_path: Path) -> None:
    write_status(tmp_path, NAME, status("done", version=3))
    assert read(tmp_path)["version"] == 3
    write_status(tmp_path, NAME, status("failed", error="no\n images\t"))
    assert read(tmp_path)["error"] == "no images"
    assert "version" not in read(tmp_path)


def test_what_json_has_no_word_for_is_left_out(tmp_path: Path) -> None:
    runaway = {"loss": float("nan"), "accuracy": float("inf"), "val_loss": 1.0}
    write_status(tmp_path, NAME, status(metrics=runaway, eta_seconds=float("inf")))
    assert read(tmp_path)["metrics"] == {"val_loss": 1.0}
    assert read(tmp_path)["eta_seconds"] is None
    write_status(tmp_path, NAME, status(eta_seconds=-0.5))
    assert read(tmp_path)["eta_seconds"] == 0


def test_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    for epoch in range(3):
        write_status(tmp_path, NAME, status(epoch=epoch))
    assert [path.name for path in (tmp_path / NAME).iterdir()] == ["training.json"]


def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        write_status(tmp_path, "../x", status())


def test_a_failing_volume_is_the_callers_to_handle(volume: Path) -> None:
    make_read_only(volume)
    with pytest.raises(OSError, match="Read-only"):
        write_status(volume, NAME, status())


def test_a_writer_keeps_what_stays_the_same(tmp_path: Path) -> None:
    writer = StatusWriter(tmp_path, NAME, dataset="digits", epochs=10)
    writer.write("preparing")
    first = read(tmp_path)
    writer.write("training", epoch=4, metrics=METRICS, eta_seconds=9)
    second = read(tmp_path)
    same = ("started", "host", "dataset", "epochs")
    assert [first[key] for key in same] == [second[key] for key in same]
    assert (first["metrics"], first["eta_seconds"], first["epoch"]) == ({}, None, 0)
    assert (second["metrics"], second["eta_seconds"], second["epoch"]) == (METRICS, 9, 4)


def test_a_writer_warns_once_and_goes_on(volume: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = StatusWriter(volume, NAME, dataset="digits", epochs=10)
    writer.write("preparing")
    make_read_only(volume)
    with caplog.at_level(logging.WARNING):
        writer.write("training", epoch=1)
        writer.write("training", epoch=2)
    assert len(caplog.messages) == 1
    assert "training.json" in caplog.text
    assert "Read-only" in caplog.text
    assert read(volume)["state"] == "preparing"
