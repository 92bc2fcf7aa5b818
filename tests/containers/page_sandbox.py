"""The page's image in a network of its own, before a backend whose answers are made up."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from engine import run, start, wait_until
from image import base_of
from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = "ml-pipeline/frontend:test"
HARDENED = (
    *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
    *("--tmpfs=/tmp:uid=10001,gid=10001", "--memory=512m", "--cpus=0.5"),
)
SECURITY_HEADERS = {
    "content-security-policy",
    "cross-origin-opener-policy",
    "permissions-policy",
    "referrer-policy",
    "x-content-type-options",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page that runs."""

    id: str
    url: str

    def client(self) -> httpx.Client:
        """One that keeps no connection: after an early refusal nginx may just be closing it."""
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, limits=limits)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A network, in which a container is reached by its name."""

    network: str

    def run(self, name: str, image: str, *options: str, command: tuple[str, ...] = ()) -> str:
        """Starts a container in the background, and returns its id."""
        named = (f"--name={self.network}-{name}", f"--network-alias={name}")
        placed = ("docker", "run", "--detach", f"--network={self.network}", *named)
        return run(*placed, *options, image, *command)

    def run_program(self, name: str, program: str) -> str:
        """Starts one of the Python programs beside this file, and returns its container's id."""
        file = f"/{program}.py"
        mount = f"--volume={Path(__file__).with_name(f'{program}.py')}:{file}:ro"
        image = base_of("inference")  # which has Python
        return self.run(name, image, "--stop-signal=KILL", mount, command=("python", file))

    def run_page(self, name: str, **environment: str) -> Page:
        """Starts the page as compose does, and waits until it is healthy."""
        page = self.run_image(name, "--publish=127.0.0.1::3000", **environment)
        wait_until(lambda: inspect(page)["State"]["Health"]["Status"] == "healthy", "healthy")
        port = inspect(page)["NetworkSettings"]["Ports"]["3000/tcp"][0]["HostPort"]
        return Page(page, f"http://127.0.0.1:{port}")

    def run_image(self, name: str, *options: str, **environment: str) -> str:
        """Starts the page's image, and returns the container's id."""
        settings = [f"--env={variable}={value}" for variable, value in environment.items()]
        return self.run(name, IMAGE, *HARDENED, *settings, *options)


@contextmanager
def page_sandbox() -> Iterator[Sandbox]:
    """Builds the image, from what the cache holds and what has changed, and makes a network."""
    run("docker", "build", "--quiet", f"--tag={IMAGE}", f"{ROOT}/frontend")
    network = f"page-{uuid.uuid4().hex[:8]}"
    run("docker", "network", "create", network)
    try:
        yield Sandbox(network)
    finally:
        left = run("docker", "ps", "--all", "--quiet", f"--filter=name={network}-").split()
        run("docker", "rm", "--force", "--volumes", *left)
        run("docker", "network", "rm", network)


def inspect(name: str) -> dict[str, Any]:
    """What the engine knows of a container or an image."""
    (found,) = json.loads(run("docker", "inspect", name))
    return dict(found)


def address(container: str) -> str:
    """The container's address in its network."""
    (network,) = inspect(container)["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


def logged(container: str) -> str:
    """What a container has written to stderr."""
    return start("docker", "logs", container).stderr
