"""The folder of one training, below its dataset: what `fit`, `export` and `publish` hand on."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trainer import hints, timestamp
from trainer.errors import DataError
from trainer.options import Options, fingerprint
from trainer.storage import locked, replace_file, writing

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Run:
    """A training of one dataset with one set of options.

    Attributes:
        folder: of checkpoints, the best weights, the history and the export.
        fingerprint: the same for the same data and options.
    """

    folder: Path
    options: Options
    fingerprint: str

    @property
    def lock(self) -> Path:
        """Held by the one trainer that writes here."""
        return self.folder / ".lock"

    @property
    def export_folder(self) -> Path:
        """Everything that a published version consists of, but its manifest."""
        return self.folder / "export"

    @property
    def draft(self) -> Path:
        """The manifest of what is exported, before it has a version; written last."""
        return self.folder / "manifest.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training went.

    Attributes:
        epochs: that were run.
        best_epoch: whose weights were kept.
        seconds: all epochs together, also those before an interruption.
        device: what it ran on.
        finished: in UTC, as 2026-01-31T12:00:00Z.
    """

    epochs: int
    best_epoch: int
    seconds: float
    device: str
    finished: str


def open_run(dataset: Dataset, options: Options) -> Run:
    """The run of these images and options, whether it was begun or not."""
    name = fingerprint(dataset.sha256, options)
    return Run(dataset.folder / "runs" / name[:16], options, name)


def forget(run: Run) -> None:
    """Remove all that the run has left, so that it begins anew.

    Raises:
        TemporaryError: another trainer is at it.
    """
    if not run.folder.exists():
        return
    with writing(run.folder), locked(run.lock):
        for path in set(run.folder.iterdir()) - {run.lock}:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def write_outcome(run: Run, outcome: Outcome) -> None:
    """Mark a training as finished."""
    content = {"options": asdict(run.options), "outcome": asdict(outcome)}
    replace_file(run.folder / "run.json", json.dumps(content, indent=2).encode())


def read_outcome(run: Run) -> Outcome:
    """How the training went.

    Raises:
        DataError: it has not finished.
    """
    try:
        return Outcome(**_read(run.folder)["outcome"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(
            f"{run.folder}: no finished training; `{hints.command('fit')}` trains, or goes on "
            "with it"
        ) from error


def latest_run(dataset: Dataset) -> Run:
    """The run of the dataset, as it is now, that finished last.

    Raises:
        DataError: there is none.
    """
    found = []
    for path in (dataset.folder / "runs").glob("*/run.json"):
        try:
            content = _read(path.parent)
            run = open_run(dataset, Options(**content["options"]))
            finished = str(content["outcome"]["finished"])
        except (OSError, ValueError, LookupError, TypeError):
            continue
        if run.folder == path.parent:
            found.append((finished, run))
    if not found:
        raise DataError(
            f"{dataset.folder}: no finished training of these images; "
            f"`{hints.command('fit', '--dataset', dataset.name)}` first"
        )
    return max(found, key=lambda each: each[0])[1]


def outcome(history_seconds: float, epochs: int, best_epoch: int, device: str) -> Outcome:
    """The outcome of a training that has finished now."""
    return Outcome(epochs, best_epoch, round(history_seconds, 1), device, timestamp.now())


def _read(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_bytes())
    return content
