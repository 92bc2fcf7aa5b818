"""A kind cluster that stands in for an EKS cluster: its nodes, its add-ons, and its volumes."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from rehearsal import access_points, addons, contents
from rehearsal.access_points import AccessPoints, open_efs
from rehearsal.errors import RehearsalError
from rehearsal.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NETWORK = "kind"
VOLUMES = "/var/lib/ml-pipeline"  # in each node; the driver has it too
NODE_PORT = 30300  # which the balancer's stand-in gives to the page
LABEL = "ml-pipeline/nodes"
ZONES = {"serving": "a", "training": "b"}
REFUSAL, AWAY = "refusal.txt", "balancer-is-away"
WEBHOOK = "/etc/kubernetes/rehearsal/webhook.yaml"
# Docker's networks have IPv6 with kind's own options; a rehearsal wants a gateway of IPv4 alone.
NETWORK_OPTIONS = ("--driver=bridge", "--opt=com.docker.network.bridge.enable_ip_masquerade=true")


@dataclass(frozen=True, slots=True)
class Network:
    """Docker's network that the nodes are in.

    Attributes:
        cidr: of its addresses.
        gateway: the address of this machine in it.
    """

    cidr: str
    gateway: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that runs.

    Attributes:
        name: that kind knows it by.
        kubeconfig: the administrator's; it has this cluster alone.
        endpoint: the API server's URL.
        authority: the API server's CA, PEM in base64.
        registry: where images are pushed to, and where the nodes pull them from.
        page: the URL on this machine of the node port that the balancer's stand-in may take.
        folder: where what belongs to the cluster is written.
    """

    name: str
    kubeconfig: Path
    endpoint: str
    authority: str
    registry: str
    page: str
    folder: Path

    @property
    def nodes(self) -> tuple[str, str]:
        """The containers of the node that serves and of the one that trains."""
        return _nodes(self.name)

    @property
    def files(self) -> Path:
        """The file systems, each a folder of its own; they belong to the containers' user."""
        return self.folder / "files"

    def refuse_volumes(self, reason: str | None) -> None:
        """From now on no volume is mounted, for this reason; with None they are again."""
        refusal = self.folder / REFUSAL
        if reason is None:
            refusal.unlink(missing_ok=True)
        else:
            refusal.write_text(reason)

    @property
    def balancer_is_away(self) -> bool:
        """Whether the load balancers' controller does nothing, though it is installed."""
        return (self.folder / AWAY).exists()

    def take_balancer_away(self, *, away: bool) -> None:
        """From now on the load balancers' controller does nothing, or it does its work again."""
        if away:
            (self.folder / AWAY).touch()
        else:
            (self.folder / AWAY).unlink(missing_ok=True)

    def kubectl(self, *arguments: str, given: str = "") -> str:
        """What kubectl says to the administrator."""
        return run("kubectl", f"--kubeconfig={self.kubeconfig}", *arguments, given=given)

    def empty(self) -> None:
        """Takes away whatever a deployment has put there; done when it is away."""
        contents.empty(self.kubeconfig, self.folder / "contents.txt")


def make_network() -> Network:
    """Docker's network for kind, as it is or as kind would make it, but for IPv6.

    Raises:
        RehearsalError: there is no Docker engine.
    """
    names = run("docker", "network", "ls", f"--filter=name=^{NETWORK}$", "--format={{.Name}}")
    if not names:
        run("docker", "network", "create", *NETWORK_OPTIONS, NETWORK)
    told = run("docker", "network", "inspect", "--format={{json .IPAM.Config}}", NETWORK)
    for each in json.loads(told):
        if ":" not in each["Subnet"]:
            return Network(each["Subnet"], each["Gateway"])
    raise RehearsalError(f"docker: the network {NETWORK} has no IPv4; remove it, and try again")


@contextmanager
def new_cluster(folder: Path, webhook: str, aws: str, region: str) -> Iterator[Cluster]:
    """Makes a cluster, and takes it away again with its registry and its files.

    Args:
        folder: for what belongs to it.
        webhook: the URL that tells who a bearer token is, as TokenReview has it.
        aws: the endpoint of Amazon's services, which know the file systems.
        region: that the nodes' zones are of.

    Raises:
        RehearsalError: it cannot be made.
    """
    name = f"mlp-rehearsal-{os.getpid()}"
    kubeconfig, written = folder / "kubeconfig", folder / "cluster.yaml"
    (folder / "files").mkdir()
    (folder / "webhook.yaml").write_text(yaml.safe_dump(webhook_kubeconfig(webhook)))
    written.write_text(yaml.safe_dump_all(described(name, folder, region)))
    zones = {
        node: f"{region}{zone}" for node, zone in zip(_nodes(name), ZONES.values(), strict=True)
    }
    points = AccessPoints(open_efs(aws, region), zones, folder / REFUSAL)
    environment = {"KUBECONFIG": str(kubeconfig)}
    with ExitStack() as stack:
        amazon = stack.enter_context(access_points.serve(points, make_network().gateway))
        image = stack.enter_context(ThreadPoolExecutor()).submit(addons.build_driver, name)
        stack.callback(_remove, name, written, environment)
        run("ctlptl", "apply", f"--filename={written}", environment=environment)
        cluster = _made(name, kubeconfig, folder)
        addons.apply_metrics_server(kubeconfig)
        image.result()
        pushed = addons.push(name, cluster.registry)
        addons.apply_driver(kubeconfig, pushed, amazon)
        contents.note(kubeconfig, folder / "contents.txt")
        yield cluster


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


def _nodes(name: str) -> tuple[str, str]:
    return f"{name}-control-plane", f"{name}-worker"


def _node(role: str, purpose: str, region: str) -> dict[str, Any]:
    zone = f"{region}{ZONES[purpose]}"
    labels = {LABEL: purpose, "topology.kubernetes.io/zone": zone}
    return {"role": role, "labels": labels | {"topology.kubernetes.io/region": region}}


def _made(name: str, kubeconfig: Path, folder: Path) -> Cluster:
    (entry,) = yaml.safe_load(kubeconfig.read_text())["clusters"]
    told = run(
        *("ctlptl", "get", "cluster", f"kind-{name}", "--output=json"),
        environment={"KUBECONFIG": str(kubeconfig)},
    )
    return Cluster(
        name=name,
        kubeconfig=kubeconfig,
        endpoint=entry["cluster"]["server"],
        authority=entry["cluster"]["certificate-authority-data"],
        registry=json.loads(told)["status"]["localRegistryHosting"]["host"],
        page=f"http://{run('docker', 'port', f'{name}-control-plane', str(NODE_PORT))}",
        folder=folder,
    )


def _remove(name: str, written: Path, environment: dict[str, str]) -> None:
    """Whatever there is of a cluster; files of the containers' user only root on a node removes."""
    nodes = run("kind", "get", "nodes", f"--name={name}").splitlines()
    for node in nodes[:1]:
        run("docker", "exec", node, "find", VOLUMES, "-mindepth", "1", "-delete")
    run("kind", "delete", "cluster", f"--name={name}", environment=environment)
    run("ctlptl", "delete", f"--filename={written}", "--ignore-not-found", environment=environment)
    run("docker", "rmi", "--force", name)
