"""The services as compose.yaml and the images define them."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, TypeAlias

from engine import run
from project import TAG
from service import COMPONENTS, Service
from sources import (
    GIVEN,
    ROOT,
    effective,
    health_request,
    nginx_routes,
    nginx_settings,
    python_settings,
    trainer_prefix,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

JSON: TypeAlias = dict[str, Any]
NANOSECONDS = 1_000_000_000
# Dockerfile reference, HEALTHCHECK; a container that says nothing else gets these.
HEALTH_DEFAULTS = {"interval": "30s", "timeout": "30s", "startperiod": "0s", "retries": 3}


def render(file: Path = ROOT / "compose.yaml") -> dict[str, Service]:
    """The services by component; their images must have been built."""
    reads = container_settings()
    defined = configuration(file)
    names = {name for each in defined.values() for name in environment(each)}
    given = configuration(file, dict.fromkeys(names, GIVEN))
    known = {name for each in reads.values() for name in each}
    images = {component: inspect(str(defined[component]["image"])) for component in COMPONENTS}
    return {
        component: service(
            component,
            defined[component],
            images[component],
            effective(
                reads[component],
                of(known, image_environment(images[component])),
                environment(defined[component]),
            ),
            settable(environment(given[component]), reads[component]),
        )
        for component in COMPONENTS
    }


def container_settings() -> dict[str, dict[str, str]]:
    """The settings that each image reads, with their defaults."""
    return {
        "trainer": python_settings("trainer") | {trainer_prefix(): ""},
        "inference": python_settings("inference"),
        "frontend": nginx_settings(),
    }


def configuration(file: Path, given: Mapping[str, str] | None = None) -> dict[str, JSON]:
    """The services of a compose file, with nothing set but what is given."""
    command = (
        *("docker", "compose", f"--file={file}", f"--project-directory={ROOT}"),
        *("--env-file=/dev/null", "config", "--format=json"),
    )
    told = run(*command, environment={"TAG": TAG} | dict(given or {}))
    services: dict[str, JSON] = json.loads(told)["services"]
    return services


def inspect(image: str) -> JSON:
    """What an image says of itself."""
    config: JSON = json.loads(run("docker", "image", "inspect", image))[0]["Config"]
    return config


def service(
    component: str,
    defined: JSON,
    image: JSON,
    settings: dict[str, str],
    settable: frozenset[str],
) -> Service:
    """One service: what compose says goes before what its image says."""
    resources = defined.get("deploy", {}).get("resources", {})
    return Service(
        component=component,
        command=shlex.join(command(defined, image)),
        settings=settings,
        settable=settable,
        ports={str(port["target"]): address(port) for port in defined.get("ports", [])},
        routes=nginx_routes() if component == "frontend" else None,
        stop=defined.get("stop_signal") or image.get("StopSignal") or "SIGTERM",
        grace_seconds=seconds(defined.get("stop_grace_period", "10s")),
        image=defined["image"],
        user=defined.get("user") or image.get("User") or "0:0",
        read_only_root=defined.get("read_only", False),
        no_new_privileges="no-new-privileges:true" in defined.get("security_opt", []),
        dropped_capabilities=frozenset(defined.get("cap_drop", [])),
        mounts={each["target"]: access(each) for each in defined.get("volumes", [])},
        temporary=frozenset(defined.get("tmpfs", [])),
        health=health(defined, image),
        limits=amounts(resources.get("limits", {})),
        requests=amounts(resources.get("reservations", {})),
        restart=defined.get("restart", "no"),
    )


def command(defined: JSON, image: JSON) -> list[str]:
    """The command line; a new entrypoint does away with the image's arguments."""
    entrypoint, arguments = defined.get("entrypoint"), defined.get("command")
    kept = [] if entrypoint is not None else image.get("Cmd") or []
    started = image.get("Entrypoint") or [] if entrypoint is None else entrypoint
    return [*started, *(kept if arguments is None else arguments)]


def environment(defined: JSON) -> dict[str, str]:
    """What compose gives a service, or passes on; empty when there is nothing to pass on."""
    return {name: value or "" for name, value in (defined.get("environment") or {}).items()}


def image_environment(image: JSON) -> dict[str, str]:
    return dict(each.split("=", 1) for each in image["Env"])


def of(names: set[str], values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name in names}


def settable(environment: Mapping[str, str], reads: Mapping[str, str]) -> frozenset[str]:
    """The settings that are read and for which the user's value arrives."""
    return frozenset(name for name in reads if environment.get(name) == GIVEN)


def address(port: JSON) -> str:
    return f"{port.get('host_ip', '0.0.0.0')}:{port['published']}"  # noqa: S104 - compose's default


def access(mount: JSON) -> str:
    return "ro" if mount.get("read_only") else "rw"


def health(defined: JSON, image: JSON) -> dict[str, str] | None:
    """The health check, its times in seconds."""
    given = {**(image.get("Healthcheck") or {}), **(defined.get("healthcheck") or {})}
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
