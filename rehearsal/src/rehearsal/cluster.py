"""A kind cluster that stands in for an EKS cluster: its nodes, its add-ons, and its volumes."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from rehearsal import access_points, addons, contents
from rehearsal.access_points import AccessPoints, open_efs
from rehearsal.errors import RehearsalError
from rehearsal.nodes import (
    NODE_PORT,
    described,
    node_names,
    webhook_kubeconfig,
    zones,
)
from rehearsal.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NETWORK = "kind"
REFUSAL, AWAY = "refusal.txt", "balancer-is-away"
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
        return node_names(self.name)

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
    name = f"mlp-rehearsal-{secrets.token_hex(4)}"  # a process may have several
    kubeconfig, written = folder / "kubeconfig", folder / "cluster.yaml"
    (folder / "files").mkdir()
    (folder / "webhook.yaml").write_text(yaml.safe_dump(webhook_kubeconfig(webhook)))
    written.write_text(yaml.safe_dump_all(described(name, folder, region)))
    points = AccessPoints(open_efs(aws, region), zones(name, region), folder / REFUSAL)
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


def _pushed(registry: str) -> list[str]:
    """What this machine's Docker calls the images that it has pushed there."""
    try:
        port = run("docker", "port", registry, "5000").rpartition(":")[2]
    except RehearsalError:
        return []
    of = f"--filter=reference=localhost:{port}/*/*"
    return run("docker", "image", "ls", of, "--format={{.Repository}}:{{.Tag}}").split()


def _remove(name: str, written: Path, environment: dict[str, str]) -> None:
    """Whatever there is of a cluster, of which one half may never have been made.

    Files of the containers' user only root in a container removes, once nobody writes any more;
    the registry's image has what it takes, and is there as long as the registry is.
    """
    registry, files = f"{name}-registry", written.parent / "files"
    emptier = (
        *("docker", "run", "--rm", "--network=none", "--user=0", "--entrypoint=find"),
        *(f"--volume={files}:/files", _image(registry)),
    )
    steps = (
        ("kind", "delete", "cluster", f"--name={name}"),
        (*emptier, "/files", "-mindepth", "1", "-delete"),
        ("docker", "rmi", "--force", name, *_pushed(registry)),
        ("docker", "rm", "--force", "--volumes", registry),  # which ctlptl would leave behind
        ("ctlptl", "delete", f"--filename={written}", "--ignore-not-found"),
    )
    failures = [str(error) for step in steps if (error := _failure(*step, **environment))]
    if any(files.iterdir()):
        raise RehearsalError(f"{files}: cannot be emptied ({'; '.join(failures)}); remove it")
    if name in run("docker", "ps", "--all", f"--filter=name={name}", "--format={{.Names}}"):
        raise RehearsalError(f"{name}: some of its containers stay; `docker ps --all` shows them")


def _image(container: str) -> str:
    try:
        return run("docker", "inspect", "--format={{.Image}}", container)
    except RehearsalError:  # then there is no cluster either, and no file
        return container


def _failure(*command: str, **environment: str) -> RehearsalError | None:
    try:
        run(*command, environment=environment)
    except RehearsalError as error:
        return error
    return None
