"""What holds for every pod: Pod Security's `restricted`, and more than it asks.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from manifests import of_kind, pods, quantity
from rendering import sets

if TYPE_CHECKING:
    from collections.abc import Callable

    from manifests import Pod

SETS = sets()
VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("persistentVolumeClaim", "projected", "secret"),
}


def _context(pod: Pod) -> dict[str, Any]:
    context: dict[str, Any] = pod.spec.get("securityContext", {})
    return context


def _volume_kinds(pod: Pod) -> set[str]:
    return {kind for each in pod.spec.get("volumes", []) for kind in each} - {"name"}


POD_RULES: dict[str, Callable[[Pod], bool]] = {
    "does not run as root": lambda pod: _context(pod).get("runAsNonRoot") is True,
    "has a uid that is nobody's on the node": lambda pod: _context(pod)["runAsUser"] >= 10_000,
    "has the runtime's seccomp profile": lambda pod: (
        _context(pod).get("seccompProfile") == {"type": "RuntimeDefault"}
    ),
    "shares no namespace with the node": lambda pod: (
        not (pod.spec.keys() & {"hostNetwork", "hostPID", "hostIPC"})
    ),
    "mounts nothing of the node": lambda pod: _volume_kinds(pod) <= VOLUMES,
    "has an account of its own": lambda pod: (
        pod.spec.get("serviceAccountName", "default") != "default"
    ),
    "is given no token": lambda pod: pod.spec.get("automountServiceAccountToken") is False,
}


def _own_context(container: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = container.get("securityContext", {})
    return context


def _requests_fit(container: dict[str, Any]) -> bool:
    requests, limits = (container["resources"][each] for each in ("requests", "limits"))
    pairs = [(requests[each], limits[each]) for each in ("cpu", "memory")]
    return all(0 < quantity(request) <= quantity(limit) for request, limit in pairs)


CONTAINER_RULES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "gains no privileges": lambda each: _own_context(each).get("allowPrivilegeEscalation") is False,
    "has no capabilities": lambda each: _own_context(each).get("capabilities") == {"drop": ["ALL"]},
    "writes no file of its image": lambda each: (
        _own_context(each).get("readOnlyRootFilesystem") is True
    ),
    "is no exception within its pod": lambda each: (
        not (
            _own_context(each).keys()
            & {"privileged", "procMount", "runAsNonRoot", "runAsUser", "seccompProfile"}
        )
    ),
    "requests and is limited to": _requests_fit,
    "has an image of a version": lambda each: bool(
        re.search(r"[^/]:(?!latest$)[\w.-]+$|@sha256:", each["image"])
    ),
    "has no port of the node": lambda each: not any("hostPort" in p for p in each.get("ports", [])),
}

#: What breaks a rule, and why it may.
ALLOWED = {
    ("deployment/metrics-server", "is given no token"): "asks the API server for nodes and pods",
}


@pytest.mark.parametrize("rule", POD_RULES)
@pytest.mark.parametrize("together", SETS)
def test_every_pod(together: str, rule: str) -> None:
    found = pods(SETS[together]())
    assert found
    assert {pod.owner for pod in found if not POD_RULES[rule](pod)} == _allowed(rule, found)


@pytest.mark.parametrize("rule", CONTAINER_RULES)
@pytest.mark.parametrize("together", SETS)
def test_every_container(together: str, rule: str) -> None:
    found = pods(SETS[together]())
    broken = {
        pod.owner for pod in found for each in pod.containers if not CONTAINER_RULES[rule](each)
    }
    assert broken == _allowed(rule, found)


@pytest.mark.parametrize("together", SETS)
def test_a_namespace_refuses_all_other_pods(together: str) -> None:
    for each in of_kind("Namespace", SETS[together]()):
        assert each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def _allowed(rule: str, found: list[Pod]) -> set[str]:
    """The owners of pods that may break a rule, and so must: else the entry is too many."""
    return {pod.owner for pod in found if (pod.owner, rule) in ALLOWED}
