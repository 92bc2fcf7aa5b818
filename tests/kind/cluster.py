"""A kind cluster of the tests' own: k8s/cluster.yaml with other names and a second node."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from demo_process import free_ports
from engine import require_docker, run, start, unmet
from kubectl import Kubectl
from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl import Manifest

VOLUMES = "/var/lib/ml-pipeline"  # in each node
FOLDERS = ("imgs", "data", "model")
USER = "10001"  # of the containers
PAGE_PORT = 30300  # on each node
# With a worker there, kind would keep pods off the control plane.
SCHEDULABLE = "kind: InitConfiguration\nnodeRegistration:\n  taints: []\n"

# A process is in a control group whose path has its container's id, with cgroup v1 as with v2.
KILL = """
pids=$(grep -l "$1" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3)
kill -9 $pids
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that runs, by the name that kind knows it by.

    Attributes:
        kubeconfig: that has this cluster alone, so that the user's own stays as it is.
    """

    name: str
    kubeconfig: Path

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes, and of their containers; the control plane comes first."""
        return sorted(run("kind", "get", "nodes", f"--name={self.name}").splitlines())

    @property
    def page_url(self) -> str:
        """The page, at a port of the control plane's that this machine alone reaches."""
        return f"http://{run('docker', 'port', self.nodes[0], str(PAGE_PORT))}"

    @property
    def registry(self) -> str:
        """Where images are pushed to, and where the nodes pull them from."""
        told = self._ctlptl("get", "cluster", f"kind-{self.name}", "--output=json")
        return str(json.loads(told)["status"]["localRegistryHosting"]["host"])

    def kubectl(self, namespace: str = "ml-pipeline") -> Kubectl:
        return Kubectl(self.kubeconfig, namespace)

    def on_node(self, *command: str, node: str | None = None) -> str:
        """What a command writes that runs as root on a node, by default the control plane."""
        return run("docker", "exec", node or self.nodes[0], *command)

    def make_folders(self) -> None:
        """The volumes' folders, which pods can write."""
        paths = [f"{VOLUMES}/{name}" for name in FOLDERS]
        self.on_node("install", "-d", "-o", USER, "-g", USER, *paths)

    def empty_folders(self) -> None:
        """Away with what belongs to root and to the containers' user."""
        self.on_node("find", VOLUMES, "-mindepth", "1", "-delete")

    def push(self, image: str) -> str:
        """Bring an image into the cluster; what it is called there, without its tag."""
        pushed = f"{self.registry}/{image}"
        run("docker", "tag", image, pushed)
        run("docker", "push", "--quiet", pushed)
        run("docker", "rmi", pushed)
        return pushed.rpartition(":")[0]

    def kill(self, pod: Manifest) -> None:
        """All processes of its one container, at once, as the kernel does when memory is short."""
        (status,) = pod["status"]["containerStatuses"]
        container = status["containerID"].rpartition("/")[2]
        self.on_node("sh", "-c", KILL, "kill", container, node=pod["spec"]["nodeName"])

    def remove(self) -> None:
        """The cluster, its registry and its folder on this machine."""
        mounts = json.loads(run("docker", "inspect", "--format={{json .Mounts}}", self.nodes[0]))
        (folder,) = [each["Source"] for each in mounts if each["Destination"] == VOLUMES]
        self.empty_folders()
        self._ctlptl("delete", "cluster", f"kind-{self.name}", "--cascade=true")
        Path(folder).rmdir()

    def _ctlptl(self, *arguments: str) -> str:
        return run("ctlptl", *arguments, environment={"KUBECONFIG": str(self.kubeconfig)})


def require_kind() -> None:
    """All that a cluster is made with; without it skip, or fail if REQUIRE_KIND=1."""
    require_docker()
    for program in ("kind", "ctlptl", "kubectl"):
        if shutil.which(program) is None:
            unmet(f"there is no {program} on the PATH", "REQUIRE_KIND")


@contextmanager
def kept_cluster(name: str, folder: Path) -> Iterator[Cluster]:
    """One that an earlier run has kept, with nothing of the product left in it."""
    cluster = Cluster(name, folder / "kubeconfig")
    run("kind", "export", "kubeconfig", f"--name={name}", f"--kubeconfig={cluster.kubeconfig}")
    kubectl = cluster.kubectl()
    kubectl("delete", "pods", "--all", "--force", "--grace-period=0")
    kubectl("delete", "namespace", "ml-pipeline", "--ignore-not-found")
    kubectl("delete", "pv", "--selector=app.kubernetes.io/name=ml-pipeline")
    cluster.empty_folders()
    yield cluster


@contextmanager
def new_cluster(folder: Path) -> Iterator[Cluster]:
    """One that is made here, and half of it removed if that fails."""
    cluster = Cluster(f"mlp-tests-{os.getpid()}", folder / "kubeconfig")
    written = folder / "cluster.yaml"
    volumes = tempfile.mkdtemp(prefix=f"{cluster.name}-")
    written.write_text(yaml.safe_dump_all(renamed(cluster.name, volumes)))
    environment = {"KUBECONFIG": str(cluster.kubeconfig)}
    done = start("ctlptl", "apply", f"--filename={written}", environment=environment)
    if done.returncode != 0:
        start("kind", "delete", "cluster", f"--name={cluster.name}", environment=environment)
        start("ctlptl", "delete", f"--filename={written}", environment=environment)
        Path(volumes).rmdir()
        raise AssertionError(f"ctlptl apply: {done.stdout}{done.stderr}")
    yield cluster


def renamed(name: str, volumes: str) -> list[dict[str, Any]]:
    """What k8s/cluster.yaml describes, under another name and with two nodes for pods."""
    registry, cluster = yaml.safe_load_all((ROOT / "k8s/cluster.yaml").read_bytes())
    registry["name"] = cluster["registry"] = f"{name}-registry"
    cluster["name"] = f"kind-{name}"
    (plane,) = cluster["kindV1Alpha4Cluster"]["nodes"]
    (mount,), (published,) = plane["extraMounts"], plane["extraPortMappings"]
    mount["hostPath"] = volumes
    (published["hostPort"],) = free_ports(1)
    plane["kubeadmConfigPatches"] = [SCHEDULABLE]
    worker = {"role": "worker", "extraMounts": [dict(mount)]}
    cluster["kindV1Alpha4Cluster"]["nodes"] = [plane, worker]
    return [registry, cluster]
