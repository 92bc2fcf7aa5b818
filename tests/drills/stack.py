"""A compose project of the drills' own, with a model server that polls often."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from demo_process import free_ports
from traffic import wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DRILLS = Path(__file__).parent
ROOT = DRILLS.parents[1]
GOLDEN = ROOT / "tests/contract/golden/model/good/golden"
SECONDS = 120.0
POLL_SECONDS = "0.2"  # so that each of many publications is seen


@dataclass(frozen=True, slots=True)
class Stack:
    """The project, by its name and what its compose files are given."""

    name: str
    environment: dict[str, str]
    files: tuple[Path, ...]

    @property
    def url(self) -> str:
        """The model server's."""
        return f"http://127.0.0.1:{self.environment['INFERENCE_PORT']}"

    def command(self, *arguments: str) -> list[str]:
        files = [part for file in self.files for part in ("--file", str(file))]
        directory = f"--project-directory={ROOT}"
        return ["docker", "compose", f"--project-name={self.name}", directory, *files, *arguments]

    def compose(self, *arguments: str) -> str:
        return run(self.command(*arguments), self.environment)

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service).strip()

    def inspect(self, service: str) -> dict[str, Any]:
        (found,) = json.loads(run(["docker", "inspect", self.container(service)]))
        return dict(found)

    def execute(self, service: str, program: str) -> str:
        """Run some Python beside a service."""
        return self.compose("exec", "-T", service, "python", "-c", program)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=SECONDS, trust_env=False)

    def execute_until_killed(self, service: str, program: str) -> None:
        """The same, where the service's end, and so the program's, is what is wanted."""
        command = self.command("exec", "-T", service, "python", "-c", program)
        subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, check=False
        )

    def accepts(self) -> bool:
        """Whether a new request is taken on."""
        try:
            return self.get("/ping").is_success
        except httpx.TransportError:
            return False

    def wait_until_ready(self) -> float:
        with httpx.Client(base_url=self.url, trust_env=False) as client:
            return wait_until_ready(client)


@dataclass
class Publisher:
    """A trainer's container that does to the model volume what it is told."""

    process: subprocess.Popen[str]
    letters: dict[int, str] = field(default_factory=dict)

    def publish(self) -> int:
        """A version, of the other model than the one before."""
        letter = "ab"[len(self.letters) % 2]
        version = int(self.tell("publish", letter))
        self.letters[version] = letter
        return version

    def tell(self, *command: str) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(" ".join(command) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def running_stack(*files: Path, **environment: str) -> Iterator[Stack]:
    """A model server that waits for its first model; removed in the end, volumes included."""
    (port,) = free_ports(1)
    name = f"ml-pipeline-drills-{os.getpid()}-{port}"
    environment = {"INFERENCE_PORT": str(port), "MODEL_POLL_SECONDS": POLL_SECONDS} | environment
    stack = Stack(name, environment, (ROOT / "compose.yaml", *files))
    try:
        stack.compose("up", "--detach", "--no-deps", "inference")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout=1", "--remove-orphans")


@contextmanager
def running_publisher(stack: Stack) -> Iterator[Publisher]:
    mounts = [f"--volume={DRILLS}/publisher.py:/publisher.py:ro", f"--volume={GOLDEN}:/golden:ro"]
    command = stack.command(
        *("run", "--rm", "-T", "--no-deps", *mounts),
        *("--entrypoint=python", "trainer", "/publisher.py"),
    )
    with subprocess.Popen(
        command,
        env=os.environ | stack.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield Publisher(process)
        assert process.stdin
        process.stdin.close()


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def wait_until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> float:
    """How many seconds it took until the condition held."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.05)
    return time.monotonic() - began
