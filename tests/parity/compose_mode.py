"""The services as compose.yaml and the images define them."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, TypeAlias

from built_image import built_image, container_settings
from engine import run
from service import COMPONENTS, Service
from sources import GIVEN, ROOT, health_request, nginx_routes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from built_image import BuiltImage

JSON: TypeAlias = dict[str, Any]
NANOSECONDS = 1_000_000_000
# Dockerfile reference, HEALTHCHECK; a container that says nothing else gets these.
HEALTH_DEFAULTS = {"interval": "30s", "timeout": "30s", "startperiod": "0s", "retries": 3}


def render(file: Path = ROOT / "compose.yaml") -> dict[str, Service]:
    """The services by component; their images must have been built."""
    names = {name for reads in container_settings().values() for name in reads}
    defined, given = configuration(file), configuration(file, dict.fromkeys(names, GIVEN))
    return {
        component: service(
            component,
            defined[component],
            built_image(component),
            frozenset(
                name for name, value in environment(given[component]).items() if value == GIVEN
            ),
        )
        for component in COMPONENTS
    }


def configuration(file: Path, given: Mapping[str, str] | None = None) -> dict[str, JSON]:
    """The services of a compose file, with nothing set but what is given."""
    command = (
        *("docker", "compose", f"--file={file}", f"--project-directory={ROOT}"),
        *("--env-file=/dev/null", "config", "--format=json"),
    )
    services: dict[str, JSON] = json.loads(run(*command, environment=given))["services"]
    return services


def service(component: str, defined: JSON, image: BuiltImage, arriving: frozenset[str]) -> Service:
    """One service: what compose says goes before what its image says."""
    resources = defined.get("deploy", {}).get("resources", {})
    return Service(
        component=component,
        command=shlex.join(image.command(defined.get("entrypoint"), defined.get("command"))),
        settings=image.settings(environment(defined)),
        settable=arriving.intersection(image.reads),
        ports={str(port["target"]): address(port) for port in defined.get("ports", [])},
        routes=nginx_routes() if component == "frontend" else None,
        stop=defined.get("stop_signal") or image.stop,
        grace_seconds=seconds(defined.get("stop_grace_period", "10s")),
        image=defined["image"],
        user=defined.get("user") or image.user,
        read_only_root=defined.get("read_only", False),
        no_new_privileges="no-new-privileges:true" in defined.get("security_opt", []),
        dropped_capabilities=frozenset(defined.get("cap_drop", [])),
        mounts={each["target"]: access(each) for each in defined.get("volumes", [])},
        temporary=frozenset(defined.get("tmpfs", [])),
        health=health(defined, image),
        limits=amounts(resources.get("limits", {})),
        requests=amounts(resources.get("reservations", {})),
        restart=defined.get("restart", "no"),
        pull=defined.get("pull_policy", "missing"),
    )


def environment(defined: JSON) -> dict[str, str]:
    """What compose gives a service, or passes on; empty when there is nothing to pass on."""
    return {name: value or "" for name, value in (defined.get("environment") or {}).items()}


def address(port: JSON) -> str:
    return f"{port.get('host_ip', '0.0.0.0')}:{port['published']}"  # noqa: S104 - compose's default


def access(mount: JSON) -> str:
    return f"{mount.get('source', 'unnamed')}, {'ro' if mount.get('read_only') else 'rw'}"


def health(defined: JSON, image: BuiltImage) -> dict[str, str] | None:
    """The health check, its times in seconds."""
    given = image.health | (defined.get("healthcheck") or {})
    if not given or given.get("disable"):
        return None
    # The image's are StartPeriod and the like, compose's are start_period.
    named = {name.replace("_", "").lower(): value for name, value in given.items()}
    check = HEALTH_DEFAULTS | named
    times = {name: f"{seconds(check[name]):g}" for name in ("interval", "timeout", "startperiod")}
    request = health_request([str(part) for part in check["test"]])
    return times | {"retries": str(check["retries"]), "request": request}


def seconds(duration: str | int) -> float:
    """Seconds of nanoseconds, as an image has them, or of `1m30s`, as compose has them."""
    if isinstance(duration, int):
        return duration / NANOSECONDS
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?", duration)
    assert found, duration
    hours, minutes, rest = (float(each or 0) for each in found.groups())
    return hours * 3600 + minutes * 60 + rest


def amounts(resources: JSON) -> dict[str, str]:
    """Cores and bytes."""
    return {name: f"{float(value):.12g}" for name, value in resources.items()}
