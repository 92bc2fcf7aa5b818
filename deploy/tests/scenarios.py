"""What a test's cluster is to do, and the cluster itself: behind stand-ins for its programs."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OVERLAY = HERE / "overlay"
SETTINGS = "ml-pipeline-settings-km5tc5fmc4"
SECONDS = 60.0


def pod(name: str, **state: dict[str, Any]) -> dict[str, Any]:
    """A pod whose trainer is in this state."""
    phase = "Pending"
    if ended := state.get("terminated"):
        phase = "Failed" if ended["exitCode"] else "Succeeded"
    statuses = [{"name": "trainer", "state": state}] if state else []
    return {
        "metadata": {"name": name, "creationTimestamp": f"2026-01-01T00:00:00Z-{name}"},
        "status": {"phase": phase, "containerStatuses": statuses},
    }


def status(kind: str = "", **more: str) -> dict[str, Any]:
    """A Job's status, with this condition."""
    return {"conditions": [{"type": kind, "status": "True", **more}]} if kind else {}


def event(second: int, message: str, level: str = "info") -> str:
    """A line of the trainer's log, as kubectl gives it."""
    time = f"2026-01-01T00:00:{second:02}.000000000Z"
    content = {"time": time, "level": level, "logger": "trainer", "message": message}
    return f"{time} {json.dumps(content)}\n"


def ended(code: int, log: str, **reason: str) -> dict[str, Any]:
    """A scenario in which the one pod has ended, and the Job with it."""
    condition = status("Failed", reason="PodFailurePolicy") if code else status("Complete")
    pods = [pod("a", terminated={"exitCode": code, **reason})]
    return {"moments": [{"status": condition, "pods": pods}], "logs": {"a": log}}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A stand-in for kubectl, docker and what they lead to."""

    state: Path

    def will(self, **scenario: object) -> None:
        content = {"configmaps": [SETTINGS], "logs": {}, **scenario}
        (self.state / "scenario.json").write_text(json.dumps(content))

    def has(self, name: str, **changes: Any) -> None:  # noqa: ANN401 - as JSON has it
        container = {"name": "trainer", "image": changes.pop("image", "there:1")}
        container["args"] = changes.pop("args", ["run"])
        done = {**status("Complete"), "succeeded": 1}
        ended = changes.pop("ended", True)
        job = {
            "metadata": {"name": name, "creationTimestamp": "2025-01-01T00:00:00Z"} | changes,
            "spec": {"template": {"spec": {"containers": [container]}}},
            "status": done if ended else {"active": 1},
        }
        (self.state / "jobs" / name).write_text(json.dumps(job))

    @property
    def jobs(self) -> dict[str, Any]:
        paths = sorted((self.state / "jobs").iterdir())
        return {path.name: json.loads(path.read_text()) for path in paths}

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.state / "calls").read_text().splitlines()]

    def command(self, *arguments: str) -> list[str]:
        target = ("--context=kind-test", f"--overlay={OVERLAY}")
        return [sys.executable, "-m", "deploy", *arguments[:1], *target, *arguments[1:]]

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """The command on this cluster."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            cwd=cwd,
        )
