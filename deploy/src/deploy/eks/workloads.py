"""What is in the cluster, taken away in an order in which its controllers clean up after it.

The cluster itself is deleted after this, so what does not answer is left, and said.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from deploy.console import say
from deploy.eks.deployment import NAMESPACE
from deploy.eks.waiting import Patience, wait_until_done
from deploy.errors import DeployError
from deploy.kubectl import one_line, run

if TYPE_CHECKING:
    from deploy.kubectl import Kubectl

INGRESS_SECONDS = 600.0  # a load balancer and its interfaces take minutes
NAMESPACE_SECONDS = 300.0
RELEASE_SECONDS = 120


def remove_ingresses(kubectl: Kubectl) -> int:
    """Removes the Ingresses, and waits until their controller has deleted the load balancer.

    Returns:
        How many there were.

    Raises:
        DeployError: the controller or the cluster does not do it.
    """
    names = [each["metadata"]["name"] for each in kubectl.find("ingresses")]
    for name in names:
        kubectl.delete("ingress", name)
    for name in names:
        _wait(kubectl, "ingress", name, INGRESS_SECONDS)
    return len(names)


def remove_namespace(kubectl: Kubectl) -> int:
    """Removes the namespace with all that is in it, and its persistent volumes.

    These keep what is on the file system, as their policy says.

    Returns:
        How many objects were removed by name.

    Raises:
        DeployError: the cluster does not do it.
    """
    volumes = [
        each["metadata"]["name"]
        for each in kubectl.find("persistentvolumes")
        if each["spec"].get("claimRef", {}).get("namespace") == NAMESPACE
    ]
    spaces = [NAMESPACE] if kubectl.get("namespace", NAMESPACE) else []
    for name in spaces:
        kubectl.delete("namespace", name)
        _wait(kubectl, "namespace", name, NAMESPACE_SECONDS)
    for name in volumes:
        kubectl.delete("persistentvolume", name)
    return len(volumes) + len(spaces)


def remove_releases(kubectl: Kubectl) -> int:
    """Removes what helm installed, so that no controller works on what is being deleted.

    Returns:
        How many there were.

    Raises:
        DeployError: helm does not do it.
    """
    config = ["--kubeconfig", str(kubectl.kubeconfig), "--kube-context", kubectl.context]
    listed = json.loads(_helm("list", "--all-namespaces", "--output", "json", *config) or "[]")
    for each in listed:
        wait = ["--wait", "--timeout", f"{RELEASE_SECONDS}s"]
        _helm("uninstall", each["name"], "--namespace", each["namespace"], *wait, *config)
        say(f"  release {each['name']}: deleted")
    return len(listed)


def _wait(kubectl: Kubectl, kind: str, name: str, seconds: float) -> None:
    def look() -> str | None:
        found = kubectl.get(kind, name)
        if found is None:
            return None
        told = [each.get("message", "") for each in kubectl.events(name)]
        told += [each["message"] for each in found.get("status", {}).get("conditions", [])]
        return next(filter(None, reversed(told)), "is being deleted")

    wait_until_done(f"{kind} {name}", look, Patience(seconds))


def _helm(*arguments: str) -> str:
    answer = run(["helm", *arguments])
    if answer.returncode != 0:
        raise DeployError(f"helm {arguments[0]}: {one_line(answer.stderr)}")
    return answer.stdout
