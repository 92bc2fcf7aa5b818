"""A cluster for tests, behind a stand-in for kubectl; and pods as it would show them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.kubectl import Kubectl

if TYPE_CHECKING:
    import pytest

PROGRAM = Path(__file__).with_name("fake_kubernetes.py")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A stand-in for kubectl and the cluster behind it."""

    state: Path

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl("the-cluster", "ml-pipeline", self.state / "kubeconfig")

    def will(self, **story: Any) -> None:  # noqa: ANN401 - as JSON has it
        (self.state / "story.json").write_text(json.dumps(story))

    def has(self, kind: str, name: str, **content: Any) -> None:  # noqa: ANN401 - as JSON has it
        metadata = {"name": name, "creationTimestamp": "2025-01-01T00:00:00Z", "uid": "old"}
        metadata |= content.pop("metadata", {})
        manifest = {"kind": kind, "metadata": metadata, **content}
        (self.state / "objects" / f"{kind.lower()}-{name}").write_text(json.dumps(manifest))

    def objects(self, kind: str) -> dict[str, Any]:
        found = [
            json.loads(path.read_text()) for path in sorted((self.state / "objects").iterdir())
        ]
        return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.state / "calls").read_text().splitlines()]


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Puts the stand-in on the PATH."""
    state, programs = tmp_path / "kubernetes", tmp_path / "programs"
    (state / "objects").mkdir(parents=True)
    programs.mkdir()
    program = programs / "kubectl"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{PROGRAM}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("REAL_KUBECTL", shutil.which("kubectl") or "")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_KUBERNETES", str(state))
    found = Cluster(state)
    found.will()
    return found


def deployment(name: str, wanted: int, ready: int, **metadata: Any) -> dict[str, Any]:  # noqa: ANN401
    """A Deployment with so many of its pods ready."""
    labels = {"matchLabels": {"app.kubernetes.io/component": name}}
    status = {"observedGeneration": 2, "replicas": wanted, "updatedReplicas": wanted}
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "generation": 2, **metadata},
        "spec": {"replicas": wanted, "selector": labels},
        "status": status | {"readyReplicas": ready, "availableReplicas": ready},
    }


def pod(name: str, *, restarts: int = 0, **state: dict[str, Any]) -> dict[str, Any]:
    """A pod that is not ready, whose container `inference` is in this state."""
    statuses = [{"name": "inference", "state": state, "restartCount": restarts}] if state else []
    return {
        "kind": "Pod",
        "metadata": {"name": name, "creationTimestamp": f"2026-01-01T00:00:00Z-{name}"},
        "spec": {"containers": [{"name": "inference"}]},
        "status": {"phase": "Pending", "containerStatuses": statuses, "conditions": []},
    }


def warning(reason: str, message: str, count: int = 1) -> dict[str, Any]:
    """An event."""
    return {"type": "Warning", "reason": reason, "message": message, "count": count}
