"""training.json: what the trainer is doing now, for the page that waits for a model."""

from __future__ import annotations

import logging
import math
import socket
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from trainer import timestamp
from trainer.storage import replace_file
from trainer.versions import FORMAT, encode_json
from trainer.volume import model_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STATUS = "training.json"
State = Literal["preparing", "training", "exporting", "publishing", "done", "failed"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """One state of one run, as training.json says it.

    Attributes:
        epoch: epochs finished.
        epochs: epochs at most.
        started: as `timestamp.now()` gives it, like `updated`.
        metrics: of the last finished epoch: loss, accuracy, val_loss, val_accuracy.
        eta_seconds: to the end of the last epoch.
        version: that was published, when state is done.
        error: what went wrong, when state is failed.
    """

    state: State
    dataset: str
    epoch: int
    epochs: int
    started: str
    updated: str
    host: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    eta_seconds: float | None = None
    version: int | None = None
    error: str | None = None


def write_status(model_dir: Path, name: str, status: TrainingStatus) -> None:
    """Replace the model's training.json in one step.

    Raises:
        OSError: the volume is full, read-only or failing.
        SettingsError: the name is no model name.
    """
    folder = model_folder(model_dir, name)
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / STATUS, _encode(status))


@dataclass(slots=True)
class StatusWriter:
    """Writes the states of one run; a volume that fails is logged once and costs no training."""

    model_dir: Path
    name: str
    dataset: str
    epochs: int
    started: str = field(default_factory=timestamp.now)
    host: str = field(default_factory=socket.gethostname)
    _failed: bool = field(default=False, init=False)

    def write(  # noqa: PLR0913 -- one keyword for each thing that changes during a run
        self,
        state: State,
        *,
        epoch: int = 0,
        metrics: Mapping[str, float] | None = None,
        eta_seconds: float | None = None,
        version: int | None = None,
        error: str | None = None,
    ) -> None:
        """Write the run's state now; how often is the caller's choice."""
        status = TrainingStatus(
            state=state,
            dataset=self.dataset,
            epoch=epoch,
            epochs=self.epochs,
            started=self.started,
            updated=timestamp.now(),
            host=self.host,
            metrics=metrics or {},
            eta_seconds=eta_seconds,
            version=version,
            error=error,
        )
        try:
            write_status(self.model_dir, self.name, status)
        except OSError as fault:
            self._warn_once(fault)

    def _warn_once(self, fault: OSError) -> None:
        if not self._failed:
            path = self.model_dir / self.name / STATUS
            _log.warning("%s cannot be written (%s); training goes on", path, fault.strerror)
        self._failed = True


def _encode(status: TrainingStatus) -> bytes:
    content = {key: value for key, value in asdict(status).items() if value is not None}
    content["format"] = FORMAT
    # A loss that has run away is NaN, for which JSON has no word.
    content["metrics"] = {
        key: float(value) for key, value in status.metrics.items() if math.isfinite(value)
    }
    eta = status.eta_seconds
    content["eta_seconds"] = max(eta, 0.0) if eta is not None and math.isfinite(eta) else None
    if status.error is not None:
        content["error"] = " ".join(status.error.split())
    return encode_json(content)
