"""What a pod's and a Job's status say, in plain words."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from deploy.jobs import CONTAINER, run_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from deploy.kubectl import Manifest

OUT_OF_MEMORY = "OOMKilled"
AGAIN = " (the same command without --retrain goes on from its last epoch)"
EXIT_CODES = MappingProxyType(  # the trainer's own
    {
        2: "bad usage or settings",
        3: "bad data",
        4: "the exported model failed its check",
        75: "network, server or volume; another try may succeed",
        130: "interrupted",
    }
)
_CREATING = {"ContainerCreating", "PodInitializing", ""}


def in_order(pods: Iterable[Manifest]) -> list[Manifest]:
    """The pods, the oldest first."""
    return sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


def has_started(pod: Manifest) -> bool:
    """Whether the trainer runs or ran."""
    return bool({"running", "terminated"} & _state(pod).keys())


def exit_state(pod: Manifest) -> Mapping[str, Any] | None:
    """How the trainer ended; None when it has not."""
    ended: Mapping[str, Any] | None = _state(pod).get("terminated")
    return ended


def is_over(pod: Manifest) -> bool:
    """Whether the pod will not run (again)."""
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def pending_reason(pod: Manifest, container: str = CONTAINER) -> str | None:
    """Why a container does not run yet, as far as the pod knows."""
    waiting = _state(pod, container).get("waiting", {})
    if waiting.get("reason", "") not in _CREATING:
        return _joined(waiting["reason"], waiting.get("message"))
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return _joined(condition.get("reason", "Unschedulable"), condition.get("message"))
    return None


def last_warning(events: Sequence[Manifest]) -> str | None:
    """The newest warning among events."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    return _joined(warnings[-1]["reason"], warnings[-1].get("message")) if warnings else None


def holds(found: Manifest, kind: str) -> bool:
    """Whether a condition of a pod, a Job or a node is true."""
    conditions = found.get("status", {}).get("conditions", [])
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def condition(job: Manifest, kind: str) -> Mapping[str, Any] | None:
    """A Job's condition `Complete` or `Failed`, when it holds."""
    for each in job.get("status", {}).get("conditions", []):
        if each["type"] == kind and each["status"] == "True":
            return dict(each)
    return None


def is_done(job: Manifest) -> bool:
    """Whether a Job has ended, well or not."""
    return bool(condition(job, "Complete") or condition(job, "Failed"))


def failure(job: Manifest, pods: Sequence[Manifest]) -> str:
    """Why a Job failed, in a few words."""
    failed = condition(job, "Failed") or {}
    if failed.get("reason") == "DeadlineExceeded":
        told = f"not done within {job['spec']['activeDeadlineSeconds']} s, activeDeadlineSeconds"
        return f"{told}{AGAIN}" if run_number(job["metadata"]["name"]) else told
    ends = [end for pod in in_order(pods) if (end := exit_state(pod))]
    if ends:
        return describe_exit(ends[-1])
    return _joined(failed.get("reason", "no reason given"), failed.get("message"))


def describe_exit(end: Mapping[str, Any]) -> str:
    """How a container ended, in a few words."""
    if end.get("reason") == OUT_OF_MEMORY:
        return "killed, for it took more memory than its limit"
    code = int(end.get("exitCode", -1))
    return f"{EXIT_CODES.get(code, end.get('reason', 'error'))} (exit code {code})"


def _state(pod: Manifest, container: str = CONTAINER) -> dict[str, Any]:
    for status in pod.get("status", {}).get("containerStatuses", []):
        if status["name"] == container:
            return dict(status.get("state", {}))
    return {}


def _joined(reason: str, message: str | None) -> str:
    return " ".join(f"{reason}: {message}".split()) if message else reason
