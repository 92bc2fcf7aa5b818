"""What an Ingress leads to: a Service, and the pods behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal.wanted import WantedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rehearsal.api import Manifest


@dataclass(frozen=True, slots=True)
class Stack:
    """What the controller makes for one Ingress, by the Ingress's name."""

    namespace: str
    ingress: str

    @property
    def name(self) -> str:
        """As its tags have it."""
        return f"{self.namespace}/{self.ingress}"


@dataclass(frozen=True, slots=True)
class Page:
    """What a load balancer leads to.

    Attributes:
        stack: that it belongs to.
        service: the Service's name.
        port: of the Service, as the Ingress has it.
        target_port: of its pods.
    """

    stack: Stack
    service: str
    port: str
    target_port: int


def stack_of(ingress: Manifest) -> Stack:
    """What belongs to an Ingress."""
    return Stack(ingress["metadata"]["namespace"], ingress["metadata"]["name"])


def service_of(ingress: Manifest) -> tuple[str, str]:
    """The name and the port of the one Service that an Ingress leads to.

    Raises:
        WantedError: it does not lead all requests to one, which is all that is known here.
    """
    rules = ingress["spec"].get("rules") or []
    paths = [path for rule in rules for path in rule.get("http", {}).get("paths", [])]
    if len(paths) != 1 or rules[0].get("host") or ingress["spec"].get("defaultBackend"):
        raise WantedError("only an Ingress of one path for all hosts is known here")
    (path,) = paths
    if (path.get("path"), path.get("pathType")) != ("/", "Prefix"):
        raise WantedError("only an Ingress of the path / as a prefix is known here")
    service = path["backend"]["service"]
    return service["name"], str(service["port"].get("name") or service["port"]["number"])


def read(ingress: Manifest, service: Manifest, slices: Sequence[Manifest]) -> Page:
    """What an Ingress leads to.

    Args:
        ingress: that is asked about.
        service: that it leads to.
        slices: the Service's endpoint slices.

    Raises:
        WantedError: the Service has no such port.
    """
    name, port = service_of(ingress)
    found = service_port(service, port)
    ports = [
        each["port"]
        for one in slices
        for each in one.get("ports") or []
        if each.get("name", "") == found.get("name", "")
    ]
    return Page(stack_of(ingress), name, port, [*ports, found["port"]][0])


def service_port(service: Manifest, port: str) -> Manifest:
    """A port of a Service, by its name or its number.

    Raises:
        WantedError: there is none.
    """
    for each in service["spec"]["ports"]:
        if port in {each.get("name"), str(each["port"])}:
            return dict(each)
    raise WantedError(f"unable to find port {port} on service {service['metadata']['name']}")


def addresses(slices: Sequence[Manifest]) -> frozenset[str]:
    """The addresses of the pods that are ready."""
    return frozenset(
        address
        for one in slices
        for each in one.get("endpoints") or []
        if each.get("conditions", {}).get("ready")
        for address in each["addresses"]
    )
