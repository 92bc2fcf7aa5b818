"""kubectl as a process: objects in, objects out."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine import with_engine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SECONDS = 300.0
PAUSE = 0.5  # seconds between two questions: each is a process that wants a core for itself
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kubectl:
    """One namespace of the one cluster that a kubeconfig has."""

    kubeconfig: Path
    namespace: str

    def within(self, namespace: str) -> Kubectl:
        return replace(self, namespace=namespace)

    def __call__(self, *arguments: str, given: str = "") -> str:
        """What kubectl writes to stdout; its failure fails the test."""
        done = self.start(*arguments, given=given)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def start(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Kubectl, however it ends."""
        return subprocess.run(
            self.command(*arguments),
            env=with_engine({"KUBECONFIG": str(self.kubeconfig)}),
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def command(self, *arguments: str) -> list[str]:
        return ["kubectl", f"--namespace={self.namespace}", *arguments]

    def get(self, kind: str, name: str) -> Manifest:
        return dict(json.loads(self("get", kind, name, "--output=json")))

    def find(self, kind: str, labels: str = "") -> list[Manifest]:
        """All objects of a kind that have these labels."""
        return list(json.loads(self("get", kind, f"--selector={labels}", "--output=json"))["items"])

    def pods(self, component: str) -> list[Manifest]:
        """The pods of a component, but for those that are told to end."""
        found = self.find("pods", f"app.kubernetes.io/component={component}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def apply(self, *manifests: Mapping[str, Any]) -> str:
        return self("apply", "--filename=-", given=as_list(manifests))

    def kustomize(self, command: str, folder: Path) -> str:
        """Apply or diff what a folder describes, which has namespaces of its own."""
        return self.within("")(command, f"--kustomize={folder}")

    def patch(self, kind: str, name: str, change: Mapping[str, Any]) -> None:
        self("patch", kind, name, "--type=merge", f"--patch={json.dumps(change)}")

    def wait(self, condition: str, *what: str, seconds: float = 120.0) -> None:
        """Until all of these meet a condition, as `kubectl wait --for` has it."""
        self("wait", f"--for={condition}", f"--timeout={seconds:.0f}s", *what)

    def wait_for_rollout(self, deployment: str, seconds: float = 180.0) -> None:
        """Until all its pods are as it says, and ready."""
        self("rollout", "status", f"--timeout={seconds:.0f}s", f"deployment/{deployment}")


def as_list(manifests: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})


def is_ready(pod: Manifest) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def restarts(pod: Manifest) -> int:
    """How often its container was started again."""
    return sum(each["restartCount"] for each in pod["status"].get("containerStatuses", []))
