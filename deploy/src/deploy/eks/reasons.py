"""Why something in the cluster is not ready, and what to do: read from what the cluster says."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from deploy import pods

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deploy.kubectl import Manifest

_REMEDIES = MappingProxyType(  # the first that fits what is said
    {
        r"Unschedulable|FailedScheduling|Insufficient": (
            "no node has room: give more or larger nodes (the options --serving-max, "
            "--serving-instance-types and --training-instance-types), or wait for one and deploy "
            "again"
        ),
        r"ErrImagePull|ImagePullBackOff|InvalidImageName": (
            "the node cannot fetch the image: deploy again, which pushes what ECR lacks"
        ),
        r"FailedMount|FailedAttachVolume|MountVolume": (
            "check the EFS mount and permissions: each zone needs a mount target, whose security "
            "group lets the nodes in, and the access points have to be there; deploy again, which "
            "mends the stack"
        ),
        r"no_model|statuscode: 503": (
            "the backend finds no model: ensure that the training completed (status_eks tells), "
            "then train_eks"
        ),
        r"OOMKilled|took more memory|Evicted|exit code 137": (
            "watch CPU and memory (`kubectl top pods`), and raise the limit in k8s/base"
        ),
        r"readiness gate|target-health": (
            "the load balancer does not reach the pod: check the service's networking, and the log "
            "of aws-load-balancer-controller in kube-system"
        ),
    }
)


def remedy(text: str, otherwise: str) -> str:
    """What to do about a fault that says this."""
    found = (then for pattern, then in _REMEDIES.items() if re.search(pattern, text))
    return next(found, otherwise)


def is_rolled_out(deployment: Manifest) -> bool:
    """Whether all pods are of the newest template, and serve; as `kubectl rollout status` asks."""
    status, wanted = deployment.get("status", {}), wanted_replicas(deployment)
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    made, updated = status.get("replicas", 0), status.get("updatedReplicas", 0)
    return bool(seen and made == updated >= wanted <= status.get("availableReplicas", 0))


def wanted_replicas(deployment: Manifest) -> int:
    """How many pods there are to be."""
    return int(deployment["spec"].get("replicas", 1))


def progress(deployment: Manifest) -> str:
    """How far a Deployment is."""
    status, wanted = deployment.get("status", {}), wanted_replicas(deployment)
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    old = status.get("replicas", 0) - updated
    told = f"{min(ready, wanted)} of {wanted} pods ready, {updated} of the newest kind"
    return f"{told}; {old} older to end" if old > 0 else told


def unready(found: Iterable[Manifest]) -> Manifest | None:
    """The newest pod that is not ready, which is one of the newest kind."""
    waiting = [pod for pod in pods.in_order(found) if not pods.holds(pod, "Ready")]
    return waiting[-1] if waiting else None


def pod_reason(pod: Manifest, events: Sequence[Manifest]) -> str:
    """Why a pod is not ready."""
    names = [each["name"] for each in pod["spec"]["containers"]]
    reasons = (pods.pending_reason(pod, name) for name in names)
    known = next(filter(None, reasons), None)
    return known or pods.last_warning(events) or _gate(pod) or "it is being started"


def has_restarted(pod: Manifest) -> bool:
    """Whether what its container said last is in the log of the one before."""
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return any(each.get("restartCount") and "running" not in each["state"] for each in statuses)


def event_line(event: Manifest) -> str:
    """An event in one line."""
    count = event.get("count") or 1
    times = f" ({count} times)" if count > 1 else ""
    message = " ".join(str(event.get("message", "")).split())
    return f"{event.get('reason', 'event')}: {message}{times}"


def last_event(events: Sequence[Manifest]) -> str | None:
    """The newest event, of whatever kind."""
    return event_line(events[-1]) if events else None


def _gate(pod: Manifest) -> str | None:
    """The load balancer's word, when it is its turn."""
    gates = [each["conditionType"] for each in pod["spec"].get("readinessGates", [])]
    waiting = [gate for gate in gates if not pods.holds(pod, gate)]
    return f"readiness gate {waiting[0]} is not passed yet" if waiting else None
