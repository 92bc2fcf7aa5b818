"""What an Ingress asks of the AWS Load Balancer Controller, by its annotations.

https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "alb.ingress.kubernetes.io/"
NO_WEB_ACL = "none"
_HTTP_PORT, _HTTPS_PORT = 80, 443
_LONGEST_NAME = 32  # characters, says Elastic Load Balancing
_KNOWN = {
    *("backend-protocol", "certificate-arn", "inbound-cidrs", "ip-address-type", "listen-ports"),
    *("load-balancer-attributes", "load-balancer-name", "scheme", "ssl-policy", "ssl-redirect"),
    *("subnets", "tags", "target-group-attributes", "target-type", "wafv2-acl-arn"),
    *("healthcheck-path", "healthcheck-port", "healthcheck-protocol", "success-codes"),
    *("healthcheck-interval-seconds", "healthcheck-timeout-seconds"),
    *("healthy-threshold-count", "unhealthy-threshold-count"),
}


class WantedError(RehearsalError):
    """An annotation that the controller does not take."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A port that the load balancer listens at, for HTTP or HTTPS."""

    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A load balancer as an Ingress wants it.

    Attributes:
        name: empty when any will do.
        subnets: ids or names; empty to have them found by their tags.
        redirect: the port that all HTTP is sent to, 0 for none.
        web_acl: an ARN, or `none` to have none; empty to leave it as it is.
        health: as CreateTargetGroup takes it.
    """

    name: str
    scheme: str
    subnets: tuple[str, ...]
    target_type: str
    listeners: tuple[Listener, ...]
    redirect: int
    certificates: tuple[str, ...]
    policy: str
    cidrs: tuple[str, ...]
    web_acl: str
    tags: Mapping[str, str]
    attributes: Mapping[str, str]
    target_attributes: Mapping[str, str]
    health: Mapping[str, Any]


def read(annotations: Mapping[str, str]) -> Wanted:
    """Reads the annotations of an Ingress.

    The controller overlooks what it does not know; here that is a fault, since it is a typing
    error.

    Raises:
        WantedError: one is not known, or its value is not.
    """
    given = {
        key.removeprefix(PREFIX): value
        for key, value in annotations.items()
        if key.startswith(PREFIX)
    }
    for name in sorted(given.keys() - _KNOWN):
        raise WantedError(f"{PREFIX}{name}: there is no such annotation")
    certificates = _listed(given.get("certificate-arn", ""))
    listeners = _listeners(given.get("listen-ports", ""), encrypted=bool(certificates))
    wanted = Wanted(
        name=given.get("load-balancer-name", ""),
        scheme=_one_of(given, "scheme", "internal", "internet-facing"),
        subnets=_listed(given.get("subnets", "")),
        target_type=_one_of(given, "target-type", "instance", "ip"),
        listeners=listeners,
        redirect=_whole(given, "ssl-redirect", 0),
        certificates=certificates,
        policy=given.get("ssl-policy", "ELBSecurityPolicy-2016-08"),
        cidrs=_networks(given.get("inbound-cidrs", "0.0.0.0/0")),
        web_acl=given.get("wafv2-acl-arn", ""),
        tags=_pairs(given, "tags"),
        attributes=_pairs(given, "load-balancer-attributes"),
        target_attributes=_pairs(given, "target-group-attributes"),
        health=_health(given),
    )
    _check(wanted)
    return wanted


def _check(wanted: Wanted) -> None:
    """That the parts fit one another, as the controller and Elastic Load Balancing see to it."""
    protocols = {each.protocol for each in wanted.listeners}
    if len(wanted.name) > _LONGEST_NAME:
        raise WantedError(f"load balancer name cannot be longer than {_LONGEST_NAME}")
    if "HTTPS" in protocols and not wanted.certificates:
        raise WantedError("no certificate found for host: certificate-arn is needed for HTTPS")
    if wanted.redirect and Listener(wanted.redirect, "HTTPS") not in wanted.listeners:
        raise WantedError(f"listener does not exist for SSL redirect port: {wanted.redirect}")
    if wanted.health["HealthCheckTimeoutSeconds"] >= wanted.health["HealthCheckIntervalSeconds"]:
        raise WantedError("the health check's time-out must be shorter than its interval")


def _health(given: Mapping[str, str]) -> dict[str, Any]:
    return {
        "HealthCheckPort": given.get("healthcheck-port", "traffic-port"),
        "HealthCheckProtocol": _one_of(given, "healthcheck-protocol", "HTTP", "HTTPS"),
        "HealthCheckPath": given.get("healthcheck-path", "/"),
        "HealthCheckIntervalSeconds": _whole(given, "healthcheck-interval-seconds", 15),
        "HealthCheckTimeoutSeconds": _whole(given, "healthcheck-timeout-seconds", 5),
        "HealthyThresholdCount": _whole(given, "healthy-threshold-count", 2),
        "UnhealthyThresholdCount": _whole(given, "unhealthy-threshold-count", 2),
        "Matcher": {"HttpCode": given.get("success-codes", "200")},
    }


def _listeners(text: str, *, encrypted: bool) -> tuple[Listener, ...]:
    if not text:
        return (Listener(_HTTPS_PORT, "HTTPS") if encrypted else Listener(_HTTP_PORT, "HTTP"),)
    try:
        told = [(protocol, port) for each in json.loads(text) for protocol, port in each.items()]
    except (ValueError, TypeError, AttributeError) as error:
        raise WantedError(f"{PREFIX}listen-ports: {text} is not as it must be") from error
    for protocol, port in told:
        if protocol not in {"HTTP", "HTTPS"} or not isinstance(port, int):
            raise WantedError(f"{PREFIX}listen-ports: {protocol} {port} cannot be listened at")
    return tuple(Listener(port, protocol) for protocol, port in told)


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(each)) for each in _listed(text))
    except ValueError as error:
        raise WantedError(f"{PREFIX}inbound-cidrs: {error}") from error


def _one_of(given: Mapping[str, str], name: str, *values: str) -> str:
    """A value of those that there are; the first when none is given."""
    value = given.get(name, values[0])
    if value not in values:
        raise WantedError(f"{PREFIX}{name}: {value} is none of {', '.join(values)}")
    return value


def _whole(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not text.isdecimal():
        raise WantedError(f"{PREFIX}{name}: {text} is no whole number")
    return int(text)


def _pairs(given: Mapping[str, str], name: str) -> dict[str, str]:
    pairs = [each.partition("=") for each in _listed(given.get(name, ""))]
    for key, equals, _ in pairs:
        if not equals:
            raise WantedError(f"{PREFIX}{name}: {key} has no value")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())
