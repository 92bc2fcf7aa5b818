"""A compose project of the tests' own, with names and ports that nothing else has."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo_process import free_ports
from engine import run, start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
TAG = "tests"  # of the images, so that a developer's own stay as they are
NO_ENV_FILE = "--env-file=/dev/null"  # what a developer has set there is not for the tests


@dataclass(frozen=True, slots=True)
class Project:
    """The project, by its name and what its compose files are given."""

    name: str
    environment: Mapping[str, str]
    files: tuple[Path, ...] = (ROOT / "compose.yaml",)
    profiles: tuple[str, ...] = field(default=())

    @property
    def page_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['FRONTEND_PORT']}"

    @property
    def inference_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['INFERENCE_PORT']}"

    def command(self, *arguments: str) -> list[str]:
        files = [f"--file={file}" for file in self.files]
        profiles = [f"--profile={profile}" for profile in self.profiles]
        directory = f"--project-directory={self.files[0].parent}"
        project = (f"--project-name={self.name}", directory, NO_ENV_FILE)
        return ["docker", "compose", *project, *files, *profiles, *arguments]

    def compose(self, *arguments: str) -> str:
        """What `docker compose` writes to stdout; its failure fails the test."""
        return run(*self.command(*arguments), environment=self.environment)

    def start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`docker compose`, however it ends."""
        return start(*self.command(*arguments), environment=self.environment)

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service)

    def inspect(self, service: str) -> dict[str, Any]:
        (found,) = json.loads(run("docker", "inspect", self.container(service)))
        return dict(found)


@contextmanager
def compose_project(
    *files: Path, profiles: tuple[str, ...] = (), **environment: str
) -> Iterator[Project]:
    """A project that nothing runs in yet; removed in the end, volumes included."""
    names = ("FRONTEND_PORT", "INFERENCE_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT", "LOCUST_PORT")
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    name = f"ml-pipeline-test-{os.getpid()}-{ports['FRONTEND_PORT']}"
    given = {"TAG": TAG} | ports | environment
    project = Project(name, given, (ROOT / "compose.yaml", *files), profiles)
    try:
        yield project
    finally:
        project.compose("down", "--volumes", "--timeout=1", "--remove-orphans")
