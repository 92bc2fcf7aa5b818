"""The services as `./noxw -s demo` starts them."""

from __future__ import annotations

import shlex

from service import Service
from sources import (
    GIVEN,
    ask,
    effective,
    one,
    page_server_routes,
    page_server_settings,
    python_settings,
    read,
    trainer_prefix,
)

PLAN = """
import json
from demo.cli import build_parser, plan
from demo.processes import GRACE_SECONDS

planned = plan(build_parser().parse_args([]))
services = {"trainer": planned.trainer, "inference": planned.inference, "frontend": planned.page}
print(json.dumps({"grace": GRACE_SECONDS, "services": {
    name: {"command": [str(part) for part in each.command], "environment": dict(each.environment)}
    for name, each in services.items()
}}))
"""


def render() -> dict[str, Service]:
    """The services by component."""
    reads = {
        "trainer": python_settings("trainer") | {trainer_prefix(): ""},
        "inference": python_settings("inference"),
        "frontend": page_server_settings(),
    }
    nox = session_environment()
    names = {name for each in reads.values() for name in each} - nox.keys()
    planned, given = ask("demo", PLAN), ask("demo", PLAN, **dict.fromkeys(names, GIVEN))
    grace = float(planned["grace"])
    return {
        component: service(
            component,
            planned["services"][component],
            effective(defaults, {name: nox[name] for name in nox.keys() & defaults.keys()}),
            settable(given["services"][component]["environment"], names & defaults.keys()),
            grace,
        )
        for component, defaults in reads.items()
    }


def session_environment() -> dict[str, str]:
    """What nox gives each service, and would in place of a user's own value."""
    prefix = trainer_prefix()
    return {prefix: one(rf'"{prefix}": "([^"]*)"', read("noxfile.py"))}


def settable(environment: dict[str, str], names: set[str]) -> frozenset[str]:
    """The settings for which the user's value survives what the demo sets."""
    return frozenset(name for name in names if environment.get(name, GIVEN) == GIVEN)


def service(
    component: str,
    planned: dict[str, dict[str, str]],
    defaults: dict[str, str],
    settable: frozenset[str],
    grace_seconds: float,
) -> Service:
    """One service."""
    settings = effective(defaults, planned["environment"])
    port = settings.get("PORT")
    return Service(
        component=component,
        command=shlex.join(planned["command"]),
        settings=settings,
        settable=settable,
        ports={port: f"{settings['HOST']}:{port}"} if port else {},
        routes=page_server_routes() if component == "frontend" else None,
        stop="SIGTERM",
        grace_seconds=grace_seconds,
    )
