"""The program `eks` as a process, run to its end or killed on the way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.credentials import REGION
from rehearsal.processes import own_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / ".nox/env_deploy/bin/eks"
SECONDS = 900.0
STEPS = (
    *("preflight", "stack", "images", "cluster", "controllers", "storage", "training"),
    *("backend", "frontend", "autoscaling", "ingress", "verification"),
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How the program ended.

    Attributes:
        code: negative when it was killed.
    """

    code: int
    stdout: str
    stderr: str

    def last(self) -> str:
        """The last line that it says, which tells a fault."""
        return self.stderr.strip().splitlines()[-1]

    def done(self) -> dict[str, str]:
        """What each step that ended said, by its name."""
        found = re.findall(r"^step \d+/\d+ ([a-z]+): (.+)$", self.stderr, re.MULTILINE)
        return dict(found)


@dataclass(frozen=True, slots=True)
class Program:
    """The program, as it meets the stand-ins.

    Attributes:
        environment: that it needs for that.
        arguments: that each deployment needs.
        name: of the deployment.
    """

    environment: Mapping[str, str]
    arguments: tuple[str, ...]
    name: str

    def deploy(self, *arguments: str) -> Ended:
        """Deploys, to the end."""
        return self.run("deploy", "--yes", *self.arguments, *arguments)

    def destroy(self, *arguments: str) -> Ended:
        """Destroys, to the end."""
        return self.run("destroy", "--yes", *arguments)

    def run(self, command: str, *arguments: str) -> Ended:
        """Any command, to its end."""
        done = subprocess.run(
            self._command(command, *arguments),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def deploy_until(self, line: str) -> Ended:
        """Deploys until it says something, and is killed at once, with all that it has started."""
        command = self._command("deploy", "--yes", *self.arguments)
        said: list[str] = []
        with subprocess.Popen(
            command,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            for each in process.stderr or ():
                said.append(each)
                if re.match(line, each):
                    os.killpg(process.pid, signal.SIGKILL)
                    break
            code = process.wait()
        return Ended(code, "", "".join(said))

    def _command(self, command: str, *arguments: str) -> list[str]:
        where = (f"--name={self.name}", f"--region={REGION}")
        return [str(PROGRAM), command, *where, *arguments]

    def _environment(self) -> dict[str, str]:
        return own_environment() | dict(self.environment)
