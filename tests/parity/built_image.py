"""What the services' images say, which holds where a mode says nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from engine import run
from project import TAG
from sources import effective, nginx_settings, python_settings, shared_settings, trainer_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JSON: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """The image of a component.

    Attributes:
        entrypoint: the beginning of its command line.
        arguments: the end of it.
        environment: all its variables.
        user: user and group, as numbers.
        stop: the signal that asks it to end.
        health: its HEALTHCHECK, as Docker has it; empty for none.
        reads: the settings that its code reads, with their defaults.
    """

    entrypoint: Sequence[str]
    arguments: Sequence[str]
    environment: Mapping[str, str]
    user: str
    stop: str
    health: JSON
    reads: Mapping[str, str]

    def command(
        self, entrypoint: Sequence[str] | None, arguments: Sequence[str] | None
    ) -> list[str]:
        """The command line; a new entrypoint does away with the image's arguments."""
        kept = self.arguments if entrypoint is None else []
        started = self.entrypoint if entrypoint is None else entrypoint
        return [*started, *(kept if arguments is None else arguments)]

    def settings(self, given: Mapping[str, str]) -> dict[str, str]:
        """The settings of a container that is given these.

        What all services are given, and this one does not read, is left out.
        """
        needless = shared_settings().keys() - self.reads.keys()
        known = {name for each in container_settings().values() for name in each}
        own = {name: value for name, value in self.environment.items() if name in known}
        kept = {name: value for name, value in (own | dict(given)).items() if name not in needless}
        return effective(self.reads, kept)


@cache
def built_image(component: str) -> BuiltImage:
    """What Docker says of the image that the tests have built, whatever its name in a mode."""
    told = run("docker", "image", "inspect", f"ml-pipeline/{component}:{TAG}")
    config: JSON = json.loads(told)[0]["Config"]
    return BuiltImage(
        entrypoint=config.get("Entrypoint") or [],
        arguments=config.get("Cmd") or [],
        environment=dict(each.split("=", 1) for each in config["Env"]),
        user=config.get("User") or "0:0",
        stop=config.get("StopSignal") or "SIGTERM",
        health=config.get("Healthcheck") or {},
        reads=container_settings()[component],
    )


def container_settings() -> dict[str, dict[str, str]]:
    """The settings that each image's code reads, with their defaults."""
    return {
        "trainer": python_settings("trainer") | {trainer_prefix(): ""},
        "inference": python_settings("inference"),
        "frontend": nginx_settings(),
    }
