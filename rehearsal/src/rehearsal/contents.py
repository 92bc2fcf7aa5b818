"""What is in the cluster: noted when it is new, so that all that comes later can be taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SECONDS = 120  # until all is away
# What the cluster makes and removes by itself, or what goes with what it belongs to.
_OWN = {
    *("componentstatuses", "nodes", "events", "events.events.k8s.io", "endpoints", "pods"),
    *("endpointslices.discovery.k8s.io", "replicasets.apps", "controllerrevisions.apps"),
    *("leases.coordination.k8s.io", "csinodes.storage.k8s.io", "volumeattachments.storage.k8s.io"),
    *("certificatesigningrequests.certificates.k8s.io", "ipaddresses.networking.k8s.io"),
    *("nodes.metrics.k8s.io", "pods.metrics.k8s.io"),
}
_TEMPLATE = (
    "--output=go-template={{range .items}}"
    "{{.kind}},{{.apiVersion}},{{.metadata.namespace}},{{.metadata.name}}\n{{end}}"
)
_NO_NAMESPACE = "<no value>"


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """An object of the cluster.

    Attributes:
        kind: as kubectl takes it, such as Deployment.v1.apps.
        namespace: empty when it is in none.
    """

    kind: str
    namespace: str
    name: str

    @classmethod
    def read(cls, line: str) -> Thing:
        """As the template gives it."""
        kind, version, namespace, name = line.split(",")
        group, _, number = version.rpartition("/")
        namespace = "" if namespace == _NO_NAMESPACE else namespace
        return cls(f"{kind}.{number}.{group}" if group else kind, namespace, name)


def note(kubeconfig: Path, noted: Path) -> None:
    """Writes down what there is."""
    noted.write_text("".join(f"{line}\n" for line in _lines(kubeconfig)))


def empty(kubeconfig: Path, noted: Path) -> None:
    """Takes away all that was not there when it was noted; done when it is away.

    What would hinder it is not asked: it is gone as when a cluster is deleted.

    Raises:
        RehearsalError: something stays.
    """
    before = set(noted.read_text().splitlines())
    added = {Thing.read(line) for line in set(_lines(kubeconfig)) - before}
    namespaces = {each.name for each in added if each.kind == "Namespace"}
    # What is in a namespace goes with it. Controllers go first, so that none is in the way.
    _delete(kubeconfig, (each for each in added if each.namespace not in namespaces | {""}))
    for namespace in sorted(namespaces):
        _release(kubeconfig, {each for each in added if each.namespace == namespace})
        where = f"--namespace={namespace}"
        run(
            *("kubectl", f"--kubeconfig={kubeconfig}", "delete", "pods", "--all", where),
            *("--force", "--grace-period=0", "--wait=false"),
        )
    _delete(kubeconfig, (each for each in added if not each.namespace))


def _lines(kubeconfig: Path) -> list[str]:
    told = run(
        *("kubectl", f"--kubeconfig={kubeconfig}", "api-resources", "--cached=false"),
        *("--verbs=list,delete", "--output=name"),
    )
    kinds = ",".join(sorted(set(told.splitlines()) - _OWN))
    return run(
        *("kubectl", f"--kubeconfig={kubeconfig}", "get", kinds, "--all-namespaces", _TEMPLATE)
    ).splitlines()


def _delete(kubeconfig: Path, things: Iterable[Thing]) -> None:
    for namespace, names in _grouped(things).items():
        run(
            *("kubectl", f"--kubeconfig={kubeconfig}", f"--namespace={namespace}", "delete"),
            *(*names, "--ignore-not-found", f"--timeout={SECONDS}s"),
        )


def _release(kubeconfig: Path, things: Iterable[Thing]) -> None:
    """Lets those go that want to be asked before; their controllers are not there any more.

    Once they are told to go, nobody can add that wish again.
    """
    waiting = (each for each in things if each.kind.startswith("Ingress."))
    for namespace, names in _grouped(waiting).items():
        command = ("kubectl", f"--kubeconfig={kubeconfig}", f"--namespace={namespace}")
        run(*command, "delete", *names, "--ignore-not-found", "--wait=false")
        left = run(*command, "get", *names, "--ignore-not-found", "--output=name").splitlines()
        if left:
            free = ("--type=merge", '--patch={"metadata":{"finalizers":null}}')
            run(*command, "patch", *left, *free)


def _grouped(things: Iterable[Thing]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for each in sorted(things):
        groups.setdefault(each.namespace, []).append(f"{each.kind}/{each.name}")
    return groups
