"""The nodes of the cluster, and how its API server is set up: what kind and kubeadm are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

VOLUMES = "/var/lib/ml-pipeline"  # in each node; the driver has it too
NODE_PORT = 30300  # which the balancer's stand-in gives to the page
LABEL = "ml-pipeline/nodes"
ZONES = {"serving": "a", "training": "b"}
WEBHOOK = "/etc/kubernetes/rehearsal/webhook.yaml"


def node_names(name: str) -> tuple[str, str]:
    """The containers of the node that serves and of the one that trains, for a cluster's name."""
    return f"{name}-control-plane", f"{name}-worker"


def zones(name: str, region: str) -> dict[str, str]:
    """The zone of each node."""
    letters = zip(node_names(name), ZONES.values(), strict=True)
    return {node: f"{region}{letter}" for node, letter in letters}


def described(name: str, folder: Path, region: str) -> list[dict[str, Any]]:
    """The registry and the cluster, for ctlptl."""
    files = {"hostPath": str(folder / "files"), "containerPath": VOLUMES}
    webhook = {
        "hostPath": str(folder / "webhook.yaml"),
        "containerPath": WEBHOOK,
        "readOnly": True,
    }
    plane = _node("control-plane", "serving", region) | {
        "extraMounts": [files, webhook],
        # Any port that is free.
        "extraPortMappings": [
            {"containerPort": NODE_PORT, "hostPort": 0, "listenAddress": "127.0.0.1"}
        ],
        "kubeadmConfigPatches": [yaml.safe_dump(each) for each in plane_patches()],
    }
    worker = _node("worker", "training", region) | {
        "extraMounts": [files],
        "kubeadmConfigPatches": [yaml.safe_dump(TRAINING_PATCH)],
    }
    registry = {"kind": "Registry", "name": f"{name}-registry"}
    cluster = {
        "kind": "Cluster",
        "name": f"kind-{name}",
        "product": "kind",
        "registry": f"{name}-registry",
        "kindV1Alpha4Cluster": {"nodes": [plane, worker]},
    }
    return [{"apiVersion": "ctlptl.dev/v1alpha1"} | each for each in (registry, cluster)]


TRAINING_PATCH = {
    "kind": "JoinConfiguration",
    "nodeRegistration": {"taints": [{"key": LABEL, "value": "training", "effect": "NoSchedule"}]},
}


def plane_patches() -> list[dict[str, Any]]:
    """What kubeadm does else than it is used to: the control plane takes pods, and asks who it is.

    Both forms of arguments that kubeadm knows, since kind chooses one by Kubernetes' version.
    """
    arguments = {
        "authentication-token-webhook-config-file": WEBHOOK,
        "authentication-token-webhook-version": "v1",
        "authentication-token-webhook-cache-ttl": "1s",
    }
    volume = {
        "name": "rehearsal-webhook",
        "hostPath": WEBHOOK,
        "mountPath": WEBHOOK,
        "readOnly": True,
        "pathType": "File",
    }
    listed = [{"name": name, "value": value} for name, value in arguments.items()]
    forms = {"v1beta3": arguments, "v1beta4": listed}
    return [
        {"kind": "InitConfiguration", "nodeRegistration": {"taints": []}},
        *(
            {
                "kind": "ClusterConfiguration",
                "apiVersion": f"kubeadm.k8s.io/{version}",
                "apiServer": {"extraArgs": form, "extraVolumes": [volume]},
            }
            for version, form in forms.items()
        ),
    ]


def webhook_kubeconfig(url: str) -> dict[str, Any]:
    """How the API server finds who knows the tokens.

    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication
    """
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "webhook", "cluster": {"server": url}}],
        "users": [{"name": "api-server", "user": {}}],
        "contexts": [{"name": "webhook", "context": {"cluster": "webhook", "user": "api-server"}}],
        "current-context": "webhook",
    }


def _node(role: str, purpose: str, region: str) -> dict[str, Any]:
    zone = f"{region}{ZONES[purpose]}"
    labels = {LABEL: purpose, "topology.kubernetes.io/zone": zone}
    return {"role": role, "labels": labels | {"topology.kubernetes.io/region": region}}
