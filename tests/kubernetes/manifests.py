"""What the tests look at in Kubernetes objects."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
UNITS = {
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate(["", "k", "M", "G"])},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(["", "Ki", "Mi", "Gi"])},
}


@dataclass(frozen=True, slots=True)
class Pod:
    """The pods that a Deployment, a Job or the like makes."""

    owner: str
    namespace: str
    labels: dict[str, str]
    spec: dict[str, Any]

    @property
    def containers(self) -> list[dict[str, Any]]:
        """Those that start the pod, too."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def ports(self) -> set[str | int]:
        """By number, and by name where they have one."""
        ports = [port for each in self.containers for port in each.get("ports", [])]
        return {port[key] for port in ports for key in ("name", "containerPort") if key in port}


def pods(objects: Iterable[dict[str, Any]]) -> list[Pod]:
    """One for each object that makes pods."""
    return [
        Pod(name(each), namespace(each), template["metadata"]["labels"], template["spec"])
        for each in objects
        if (template := each.get("spec", {}).get("template"))
    ]


def of_kind(kind: str, objects: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects of one kind."""
    return [each for each in objects if each["kind"] == kind]


def name(each: dict[str, Any]) -> str:
    """Kind and name, as kubectl writes them."""
    return f"{each['kind'].lower()}/{each['metadata']['name']}"


def namespace(each: dict[str, Any]) -> str:
    """Where an object is; nothing for those that are in no namespace."""
    return str(each["metadata"].get("namespace", ""))


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector by labels takes what has these; an empty one takes all."""
    assert selector.keys() <= {"matchLabels"}, f"unknown here: {selector}"
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def quantity(text: str | int) -> Decimal:
    """A quantity in cores or bytes."""
    digits = str(text).rstrip("kmKMGi")
    unit = str(text)[len(digits) :]
    return Decimal(digits) * UNITS[unit]
