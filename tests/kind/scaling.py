"""How many pods there are, and until when."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl import Kubectl

BACKEND = "ml-backend"


@contextmanager
def pinned(kubectl: Kubectl, many: int) -> Iterator[None]:
    """So many model servers, whatever their load is."""
    spec = kubectl.get("hpa", BACKEND)["spec"]
    before = {name: spec[name] for name in ("minReplicas", "maxReplicas")}
    kubectl.patch("hpa", BACKEND, {"spec": {"minReplicas": many, "maxReplicas": many}})
    try:
        wait_for_replicas(kubectl, many)
        yield
    finally:
        kubectl.patch("hpa", BACKEND, {"spec": before})


@contextmanager
def hasty(kubectl: Kubectl) -> Iterator[None]:
    """Pods are taken away soon after they are not needed any more."""
    before = kubectl.get("hpa", BACKEND)["spec"]["behavior"]["scaleDown"]
    soon = {"stabilizationWindowSeconds": 15}
    kubectl.patch("hpa", BACKEND, {"spec": {"behavior": {"scaleDown": soon}}})
    try:
        yield
    finally:
        kubectl.patch("hpa", BACKEND, {"spec": {"behavior": {"scaleDown": before}}})


def wait_for_replicas(kubectl: Kubectl, many: int) -> None:
    """Until there are so many model servers, all of them ready and none on its way out."""
    deployment = f"deployment/{BACKEND}"
    for status in ("replicas", "readyReplicas"):
        kubectl.wait(f"jsonpath={{.status.{status}}}={many}", deployment, seconds=180)
    kubectl.wait_for_rollout(BACKEND)
