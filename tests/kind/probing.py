"""Pods that try to reach what they should not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl import Kubectl, Manifest

#: The metadata service of the clouds, which gives away a node's credentials.
METADATA = "169.254.169.254"
TRY = """
import json, os, socket, sys
from concurrent.futures import ThreadPoolExecutor
os.environ["RES_OPTIONS"] = "attempts:1 timeout:2"

def connects(host, port):
    try:
        socket.create_connection((host, port), 2).close()
    except OSError:
        return False
    return True

def resolves():
    try:
        return bool(socket.getaddrinfo("ml-frontend.ml-pipeline.svc.cluster.local.", 80))
    except OSError:
        return False

with ThreadPoolExecutor() as pool:
    tried = {name: pool.submit(connects, *at) for name, at in json.loads(sys.argv[1]).items()}
    tried["dns"] = pool.submit(resolves)
print(json.dumps([name for name, trial in tried.items() if trial.result()]))
"""
WAIT = ("python", "-c", "import time; time.sleep(3600)")
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}

Targets = dict[str, tuple[str, int]]


def prober(
    name: str,
    image: str,
    *command: str,
    labels: Mapping[str, str] | None = None,
    spec: Mapping[str, Any] | None = None,
) -> Manifest:
    """A pod with Python in it, that waits if it is given no command."""
    container = {
        "name": "prober",
        "image": image,
        "command": list(command or WAIT),
        "securityContext": RESTRICTED,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": {
            "containers": [container],
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
        }
        | dict(spec or {}),
    }


def reached(kubectl: Kubectl, pod: str, targets: Targets) -> set[str]:
    """Which targets a pod reaches: by their names, and `dns`."""
    answer = kubectl("exec", pod, "--", "python", "-c", TRY, json.dumps(targets))
    return set(json.loads(answer))


def wait_until_reached(kubectl: Kubectl, pod: str, targets: Targets) -> None:
    """Until all that listens there does."""
    wait_until(lambda: reached(kubectl, pod, targets) >= set(targets), f"{pod} reaches {targets}")


def policy(name: str, selector: Mapping[str, str], rules: Mapping[str, Any]) -> Manifest:
    """A NetworkPolicy on the pods with these labels: its `ingress`, its `egress` or both."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": dict(selector)},
            "policyTypes": [rule.capitalize() for rule in rules],
        }
        | dict(rules),
    }
