"""The order in which a deployment's objects are applied: storage, training, and so on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.errors import DeployError
from deploy.jobs import COMPONENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deploy.kubectl import Manifest

NAMES = ("storage", "training", "backend", "frontend", "autoscaling", "ingress")
KINDS = {  # within a stage, they are applied in this order
    "Namespace": "storage",
    "ServiceAccount": "storage",
    "NetworkPolicy": "storage",
    "ConfigMap": "storage",
    "StorageClass": "storage",
    "PersistentVolume": "storage",
    "PersistentVolumeClaim": "storage",
    "Job": "training",
    "Service": "",
    "Deployment": "",
    "PodMonitor": "",
    "PrometheusRule": "",
    "HorizontalPodAutoscaler": "autoscaling",
    "PodDisruptionBudget": "autoscaling",
    "Ingress": "ingress",
}
COMPONENTS = {"inference": "backend", "frontend": "frontend"}  # for kinds that are of no one stage

_ORDER = list(KINDS)


@dataclass(frozen=True, slots=True)
class Stage:
    """What is applied together, and waited for before the next.

    Attributes:
        name: of `NAMES`.
        manifests: in the order in which they are applied.
    """

    name: str
    manifests: tuple[Manifest, ...]


def split(manifests: Iterable[Manifest]) -> tuple[Stage, ...]:
    """All stages in their order, with every object in exactly one of them.

    Raises:
        DeployError: no stage is known for an object.
    """
    ordered = sorted(((_stage(each), each) for each in manifests), key=_position)
    return tuple(
        Stage(name, tuple(each for stage, each in ordered if stage == name)) for name in NAMES
    )


def _stage(manifest: Manifest) -> str:
    kind, metadata = manifest["kind"], manifest["metadata"]
    component = metadata.get("labels", {}).get(COMPONENT, "")
    stage = KINDS.get(kind)
    if stage is None:
        raise DeployError(
            f"{kind} {metadata['name']}: of a kind that is in no stage of a deployment; apply it "
            "beside, or name the kind in deploy/src/deploy/eks/stages.py"
        )
    if not (stage := stage or COMPONENTS.get(component, "")):
        raise DeployError(
            f"{kind} {metadata['name']}: its label {COMPONENT} is {component!r}, and has to be one "
            f"of {', '.join(COMPONENTS)}"
        )
    return stage


def _position(staged: tuple[str, Manifest]) -> tuple[int, str]:
    manifest = staged[1]
    return _ORDER.index(manifest["kind"]), manifest["metadata"]["name"]
