"""The add-ons of the cluster that Amazon would install: metrics-server and the EFS CSI driver."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rehearsal.errors import RehearsalError
from rehearsal.processes import run

ROOT = Path(__file__).resolve().parents[3]
DRIVER = "efs.csi.aws.com"
NAME = "efs-csi-node"  # as the real driver's
SECONDS = 120
PAUSE = 0.5
_FOLDERS = {"kubelet": "/var/lib/kubelet", "files": "/var/lib/ml-pipeline"}
_LABELS = {"app": NAME, "app.kubernetes.io/part-of": "rehearsal"}


def build_driver(tag: str) -> None:
    """Builds the image of the driver's stand-in, from this machine's cache where it can."""
    run("docker", "build", "--quiet", f"--tag={tag}", str(ROOT / "rehearsal"))


def push(tag: str, registry: str) -> str:
    """Brings an image into a cluster; what it is called there."""
    pushed = f"{registry}/{tag}"
    run("docker", "tag", tag, pushed)
    run("docker", "push", "--quiet", pushed)
    run("docker", "rmi", pushed)
    return pushed


def apply_metrics_server(kubeconfig: Path) -> None:
    """The add-on metrics-server; it needs half a minute for its first figures, which goes on."""
    folder = ROOT / "k8s/metrics-server"
    run("kubectl", f"--kubeconfig={kubeconfig}", "apply", f"--kustomize={folder}")


def apply_driver(kubeconfig: Path, image: str, amazon: str) -> None:
    """The add-on aws-efs-csi-driver; done when each node can mount.

    Args:
        kubeconfig: the administrator's.
        image: of the stand-in.
        amazon: the URL of who knows the access points.
    """
    listed = {"apiVersion": "v1", "kind": "List", "items": driver_manifests(image, amazon)}
    command = ("kubectl", f"--kubeconfig={kubeconfig}")
    run(*command, "apply", "--filename=-", given=json.dumps(listed))
    where = "--namespace=kube-system"
    run(*command, where, "rollout", "status", f"daemonset/{NAME}", f"--timeout={SECONDS}s")
    until = time.monotonic() + SECONDS
    while not _registered(run(*command, "get", "csinodes", "--output=json")):
        if time.monotonic() > until:
            raise RehearsalError(f"{DRIVER}: the kubelets did not take it within {SECONDS} s")
        time.sleep(PAUSE)


def _registered(csinodes: str) -> bool:
    """Whether every node knows the driver."""
    drivers = (each["spec"].get("drivers") or [] for each in json.loads(csinodes)["items"])
    return all(DRIVER in {each["name"] for each in node} for node in drivers)


def driver_manifests(image: str, amazon: str) -> list[dict[str, Any]]:
    """The driver as the cluster sees it: deploy/kubernetes/base of aws-efs-csi-driver, shortened.

    It mounts for pods, so it is privileged, and what it mounts in the kubelet's folder is seen
    outside of its container.
    """
    mounts = [{"name": name, "mountPath": path} for name, path in _FOLDERS.items()]
    mounts[0]["mountPropagation"] = "Bidirectional"
    node = {"fieldRef": {"fieldPath": "spec.nodeName"}}
    container = {
        "name": "efs-plugin",
        "image": image,
        "env": [{"name": "NODE", "valueFrom": node}, {"name": "AMAZON", "value": amazon}],
        "securityContext": {"privileged": True},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": mounts,
    }
    pod = {
        "hostNetwork": True,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "priorityClassName": "system-node-critical",
        "terminationGracePeriodSeconds": 5,
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
        "volumes": [
            {"name": name, "hostPath": {"path": path, "type": "Directory"}}
            for name, path in _FOLDERS.items()
        ],
    }
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIDriver",
            "metadata": {"name": DRIVER},
            "spec": {"attachRequired": False},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": NAME, "namespace": "kube-system", "labels": _LABELS},
            "spec": {
                "selector": {"matchLabels": {"app": NAME}},
                "template": {"metadata": {"labels": _LABELS}, "spec": pod},
            },
        },
    ]
