"""Publishes versions of the golden model as the trainer does: by rename, the pointer at last."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "golden"
CONTRACT = Path(__file__).parents[1] / "contract"
GOLDEN = CONTRACT / "golden/model/good/golden/1"


@dataclass(slots=True)
class Versions:
    """A model repository.

    Attributes:
        root: what `MODEL_DIR` is set to.
        last: the newest version's number.
    """

    root: Path
    last: int = 0

    def publish(self) -> int:
        """The next version; each of its labels ends with the version's number."""
        self.last += 1
        draft = self.root / NAME / f".staging-{self.last}"
        shutil.copytree(GOLDEN, draft)
        manifest = _relabelled(json.loads((draft / "manifest.json").read_bytes()), self.last)
        written = json.dumps(manifest).encode()
        (draft / "manifest.json").write_bytes(written)
        draft.rename(self.root / NAME / str(self.last))
        self._point(hashlib.sha256(written).hexdigest())
        return self.last

    def _point(self, digest: str) -> None:
        pointer = {"format": 1, "version": self.last, "manifest_sha256": digest}
        draft = self.root / NAME / ".staging-current.json"
        draft.write_text(json.dumps(pointer))
        draft.rename(self.root / NAME / "current.json")


def _relabelled(manifest: dict[str, Any], version: int) -> dict[str, Any]:
    labels = [f"{label}-{version}" for label in manifest["labels"]]
    classes = [
        measured | {"label": label}
        for measured, label in zip(manifest["metrics"]["classes"], labels, strict=True)
    ]
    metrics = manifest["metrics"] | {"classes": classes}
    samples = [each | {"label": f"{each['label']}-{version}"} for each in manifest["samples"]]
    changed = {"version": version, "labels": labels, "metrics": metrics, "samples": samples}
    return manifest | changed
