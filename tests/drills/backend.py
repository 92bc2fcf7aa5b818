"""A compose project of the drills' own, with a model server that polls often."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

import traffic
from engine import run
from project import compose_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from project import Project

POLL_SECONDS = "0.2"  # so that each of many publications is seen
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Backend:
    """The model server, in a project without a page."""

    project: Project

    @property
    def url(self) -> str:
        return self.project.inference_url

    @property
    def container(self) -> str:
        return self.project.container("inference")

    @property
    def state(self) -> dict[str, Any]:
        """As the engine tells it: Running, ExitCode, Pid."""
        return dict(self.project.inspect("inference")["State"])

    @property
    def restarts(self) -> int:
        """How often the engine has started it again by itself."""
        return int(self.project.inspect("inference")["RestartCount"])

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=SECONDS, trust_env=False)

    def accepts(self) -> bool:
        """Whether a new request is taken on."""
        try:
            return self.get("/ping").is_success
        except httpx.TransportError:
            return False

    def wait_until_ready(self) -> float:
        """How many seconds it took."""
        with httpx.Client(base_url=self.url, trust_env=False) as client:
            return traffic.wait_until_ready(client)

    def kill(self) -> None:
        """From the host's namespace: `docker kill` is a manual stop, after which it stays down.

        In a container, so that nobody has to be root.
        """
        image, pid = self.project.inspect("inference")["Image"], self.state["Pid"]
        rights = ("--rm", "--pid=host", "--user=0", "--cap-drop=ALL", "--cap-add=KILL")
        program = f"import os; os.kill({pid}, 9)"
        run("docker", "run", *rights, "--entrypoint=python", image, "-c", program)

    def wait_until_restarted(self, before: int) -> float:
        """How many seconds it took until it was ready in a new process."""
        began = time.monotonic()
        while self.restarts == before:
            assert time.monotonic() - began < SECONDS, f"no restart after {SECONDS:.0f} s"
            time.sleep(0.02)
        self.wait_until_ready()
        return time.monotonic() - began


@contextmanager
def running_backend(*files: Path) -> Iterator[Backend]:
    """A model server that waits for its first model, with compose files beside compose.yaml."""
    with compose_project(*files, MODEL_POLL_SECONDS=POLL_SECONDS) as project:
        project.compose("up", "--detach", "--no-deps", "inference")
        yield Backend(project)
