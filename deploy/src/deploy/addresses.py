"""Which URLs a training can fetch from where k8s/base's NetworkPolicy holds it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deploy.kubectl import Manifest

POLICY = "ml-training"
PORTS = (80, 443)


def is_fenced(manifests: Iterable[Manifest]) -> bool:
    """Whether what is applied has the policy."""
    names = {each["metadata"]["name"] for each in manifests if each["kind"] == "NetworkPolicy"}
    return POLICY in names


def check_reachable(url: str) -> None:
    """Sees that the policy lets a training fetch this; of a DNS name nothing is known here.

    Raises:
        UsageError: it would try in vain, until it gives up.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return  # the trainer tells what is wrong with it
    if port not in {None, *PORTS} or not _is_public(host):
        place = host if port is None else f"{host}:{port}"
        raise UsageError(
            f"--data: a training cannot reach {place}: the cluster's NetworkPolicy {POLICY} lets "
            f"it fetch from public IPv4 addresses only, on the ports {PORTS[0]} and {PORTS[1]}; "
            "download it, and give the file"
        )


def _is_public(host: str) -> bool:
    if host == "localhost":
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return True
    return address.version == 4 and address.is_global  # noqa: PLR2004 - IPv4
