from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from small_volume import small_volume
from tiny_training import epoch
from tiny_world import prepared, trained

from trainer import export, pipeline, runs, training
from trainer.dataset import read_dataset
from trainer.errors import CheckError, DataError, TemporaryError
from trainer.options import Options
from trainer.publishing import publish_run
from trainer.status import StatusWriter

if TYPE_CHECKING:
    from pathlib import Path

    from tiny_world import World

    from trainer.dataset import Dataset
    from trainer.runs import Run

OPTIONS = Options(image_size=16, epochs=3)


def opened(world: World) -> tuple[Dataset, Run, StatusWriter]:
    dataset = read_dataset(world.data)
    status = StatusWriter(world.settings.model_dir, world.settings.model_name, dataset.name, 3)
    return dataset, runs.open_run(dataset, OPTIONS), status


def test_a_check_that_fails_leaves_nothing_to_publish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = trained(tmp_path)
    dataset, run, _ = opened(world)
    monkeypatch.setattr(export, "MOST_DIFFERENCE", -1)
    with pytest.raises(CheckError, match="nothing was published"):
        pipeline.export_run(dataset, run, world.settings)
    with pytest.raises(DataError, match="nothing exported"):
        publish_run(run, world.settings)
    assert world.versions() == ["1"]


def test_an_export_without_its_files_is_not_published(tmp_path: Path) -> None:
    world = trained(tmp_path)
    run = opened(world)[1]
    shutil.rmtree(run.export_folder)
    with pytest.raises(DataError, match="`trainer export --model-name colours` first"):
        publish_run(run, world.settings)
    assert world.versions() == ["1"]


def test_what_a_system_leaves_in_the_export_is_not_published(tmp_path: Path) -> None:
    world = trained(tmp_path)
    run = opened(world)[1]
    (run.export_folder / ".DS_Store").touch()
    assert publish_run(run, world.settings) == 2
    assert world.manifest(2)["files"] == world.manifest(1)["files"]


def test_weights_that_are_damaged_are_told(tmp_path: Path) -> None:
    world = trained(tmp_path)
    dataset, run, _ = opened(world)
    (run.folder / "best.npz").write_bytes(b"x")
    with pytest.raises(DataError, match="damaged; `trainer fit --retrain`"):
        pipeline.export_run(dataset, run, world.settings)


def test_an_original_that_is_missing_is_told(tmp_path: Path) -> None:
    world = trained(tmp_path)
    dataset, run, _ = opened(world)
    (world.settings.images_dir / dataset.test[0].path).unlink()
    with pytest.raises(DataError, match="an original image is missing"):
        pipeline.export_run(dataset, run, world.settings)


def test_nothing_is_exported_without_images_to_test_with(tmp_path: Path) -> None:
    world = trained(tmp_path)
    dataset, run, _ = opened(world)
    with pytest.raises(DataError, match="no image fell into the test split"):
        pipeline.export_run(replace(dataset, test=()), run, world.settings)


def test_a_training_that_only_ran_away_is_told_and_is_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = prepared(tmp_path)
    dataset, run, status = opened(world)
    lost = training.Fit(None, (epoch(1, float("inf")),), "CPU")
    monkeypatch.setattr(training, "fit", lambda *_: lost)
    with pytest.raises(DataError, match="infinite in each epoch; try another --seed"):
        pipeline.fit(dataset, run, status)
    with pytest.raises(DataError, match="no finished training"):
        runs.read_outcome(run)


def test_a_history_with_losses_that_are_no_numbers_is_published_as_json(tmp_path: Path) -> None:
    world = trained(tmp_path)
    dataset, run, _ = opened(world)
    history = json.loads((run.folder / "history.json").read_text())
    history[1]["loss"], history[1]["val_loss"] = float("nan"), float("inf")
    (run.folder / "history.json").write_text(json.dumps(history))
    pipeline.export_run(dataset, run, world.settings)
    shown = (run.export_folder / "history.json").read_text()
    records = json.loads(shown, parse_constant=pytest.fail)
    assert (records[1]["loss"], records[1]["val_loss"]) == (None, None)
    assert records[0] == history[0]


def test_a_full_disk_ends_an_export_in_one_line(tmp_path: Path) -> None:
    world = trained(tmp_path / "world")
    dataset, run, _ = opened(world)
    with small_volume(tmp_path / "volume") as volume:
        (volume / "run").mkdir()
        full = replace(run, folder=volume / "run")
        for name in ("run.json", "history.json"):
            (full.folder / name).write_bytes((run.folder / name).read_bytes())
        (full.folder / "best.npz").symlink_to(run.folder / "best.npz")
        (volume / "ballast").write_bytes(b"0" * 150_000)
        with pytest.raises(TemporaryError, match="full"):
            pipeline.export_run(dataset, full, world.settings)


def test_a_run_that_is_no_folder_is_told(tmp_path: Path) -> None:
    world = prepared(tmp_path)
    dataset, run, status = opened(world)
    run.folder.parent.mkdir()
    run.folder.touch()
    with pytest.raises(TemporaryError) as caught:
        pipeline.fit(dataset, run, status)
    assert str(run.folder) in str(caught.value)
