"""What the cluster knows of the last deployment: a ConfigMap beside what was applied."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.kubectl import Kubectl, Manifest

NAME = "ml-pipeline-deployment"


@dataclass(frozen=True, slots=True)
class Record:
    """The training that succeeded last as a step of a deployment.

    Attributes:
        trainer: its image, by digest; commands run with it.
        training: SHA-256 of the overlay's training Job's specification.
        data: SHA-256 of what it was told to train on; empty for nothing.
    """

    trainer: str
    training: str
    data: str = ""

    def is_enough(self, wanted: Record) -> bool:
        """Whether this training makes the other one needless; no data stands for any."""
        return self.training == wanted.training and wanted.data in {"", self.data}


def read(kubectl: Kubectl) -> Record | None:
    """What was written last; None when nothing was, or nothing of use.

    Raises:
        UnreachableError: the cluster does not answer.
    """
    found = kubectl.get("configmap", NAME) or {}
    data = found.get("data") or {}
    if not data.get("trainer"):
        return None
    return Record(data["trainer"], data.get("training", ""), data.get("data", ""))


def write(kubectl: Kubectl, record: Record) -> None:
    """Writes it, in the place of what was there."""
    labels = {"app.kubernetes.io/name": "ml-pipeline"}
    content = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": kubectl.namespace, "labels": labels},
        "data": asdict(record),
    }
    kubectl.apply([content])


def hash_of(job: Manifest) -> str:
    """The SHA-256 of a Job's specification, which tells whether it was run before."""
    text = json.dumps(job["spec"], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
