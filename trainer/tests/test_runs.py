from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from trainer import runs
from trainer.dataset import Dataset
from trainer.errors import DataError, TemporaryError
from trainer.options import Options
from trainer.storage import locked

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = Options(image_size=16, epochs=3)
OUTCOME = runs.Outcome(3, 2, 1.5, "CPU", "2026-01-31T12:00:00Z")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(
        "pets", tmp_path / "pets", "a" * 64, ("a", "b"), (), (), (), "pets", "", "", {}, ()
    )


def finished(dataset: Dataset, options: Options, time: str) -> runs.Run:
    run = runs.open_run(dataset, options)
    run.folder.mkdir(parents=True, exist_ok=True)
    runs.write_outcome(run, replace(OUTCOME, finished=time))
    return run


def test_equal_data_and_options_share_a_folder(dataset: Dataset) -> None:
    run = runs.open_run(dataset, OPTIONS)
    assert run == runs.open_run(dataset, replace(OPTIONS))
    assert run.folder.parent == dataset.folder / "runs"
    others = (replace(dataset, sha256="b" * 64), OPTIONS), (dataset, replace(OPTIONS, seed=1))
    assert all(runs.open_run(*each).folder != run.folder for each in others)
    assert not run.folder.exists()


def test_an_outcome_is_kept(dataset: Dataset) -> None:
    run = finished(dataset, OPTIONS, OUTCOME.finished)
    assert runs.read_outcome(run) == OUTCOME
    assert [path.name for path in run.folder.iterdir()] == ["run.json"]
    finished(dataset, OPTIONS, "2027-01-31T12:00:00Z")
    assert runs.read_outcome(run).finished.startswith("2027")


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b'{"outcome": {"epochs": 1}}'])
def test_a_training_that_has_not_finished_is_told(dataset: Dataset, content: bytes | None) -> None:
    run = runs.open_run(dataset, OPTIONS)
    run.folder.mkdir(parents=True)
    if content is not None:
        (run.folder / "run.json").write_bytes(content)
    with pytest.raises(DataError, match="`trainer fit` trains, or goes on with it"):
        runs.read_outcome(run)
    with pytest.raises(DataError, match=r"`trainer fit --dataset \S+` first"):
        runs.latest_run(dataset)


def test_the_latest_is_the_one_that_finished_last(dataset: Dataset) -> None:
    for seed, day in ((1, 10), (2, 30), (3, 20)):
        finished(dataset, replace(OPTIONS, seed=seed), f"2026-01-{day}T12:00:00Z")
    assert runs.latest_run(dataset) == runs.open_run(dataset, replace(OPTIONS, seed=2))


def test_runs_of_other_images_or_that_were_tampered_with_do_not_count(dataset: Dataset) -> None:
    run = finished(dataset, OPTIONS, OUTCOME.finished)
    with pytest.raises(DataError, match="of these images"):
        runs.latest_run(replace(dataset, sha256="b" * 64))
    content = json.loads((run.folder / "run.json").read_text())
    content["options"]["seed"] = 9
    (run.folder / "run.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="of these images"):
        runs.latest_run(dataset)


def test_what_is_forgotten_is_gone(dataset: Dataset) -> None:
    run = finished(dataset, OPTIONS, OUTCOME.finished)
    (run.folder / "checkpoints").mkdir()
    (run.folder / "checkpoints" / "1.keras").touch()
    runs.forget(run)
    assert set(run.folder.iterdir()) == {run.lock}
    shutil.rmtree(run.folder)
    runs.forget(run)


def test_what_another_trainer_is_at_is_not_forgotten(dataset: Dataset) -> None:
    run = finished(dataset, OPTIONS, OUTCOME.finished)
    before = set(run.folder.iterdir()) | {run.lock}
    with locked(run.lock):
        with pytest.raises(TemporaryError, match="another trainer is writing here"):
            runs.forget(run)
        assert set(run.folder.iterdir()) == before


def test_an_outcome_is_of_now() -> None:
    made = runs.outcome(1.26, 3, 2, "CPU")
    assert replace(made, finished=OUTCOME.finished) == replace(OUTCOME, seconds=1.3)
    assert len(made.finished) == len(OUTCOME.finished)
