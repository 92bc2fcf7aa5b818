"""Publications by the trainer's own code, one after another in one container."""

from __future__ import annotations

import select
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine import with_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backend import Backend

SECONDS = 60.0
DRILLS = Path(__file__).parent
GOLDEN = DRILLS.parent / "contract/golden/model/good/golden"


@dataclass
class Publisher:
    """A trainer's container, in which publisher.py does to the model volume what it is told."""

    process: subprocess.Popen[str]
    letters: dict[int, str] = field(default_factory=dict)

    def publish(self) -> int:
        """A version, of the other model than the one before."""
        letter = "ab"[len(self.letters) % 2]
        version = int(self.tell("publish", letter))
        self.letters[version] = letter
        return version

    def tell(self, *command: str) -> str:
        """What publisher.py answers."""
        assert self.process.stdin
        assert self.process.stdout
        told = " ".join(command)
        self.process.stdin.write(f"{told}\n")
        self.process.stdin.flush()
        heard, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        assert heard, f"the publisher says nothing to {told!r} within {SECONDS:.0f} s"
        answer = self.process.stdout.readline()
        assert answer, f"the publisher has ended at {told!r}; what it said is above"
        return answer.strip()


@contextmanager
def running_publisher(backend: Backend) -> Iterator[Publisher]:
    """A publisher on the backend's model volume; it has published a first version."""
    project = backend.project
    mounts = (f"--volume={DRILLS}/publisher.py:/publisher.py:ro", f"--volume={GOLDEN}:/golden:ro")
    command = project.command(
        *("run", "--rm", "-T", "--no-deps", *mounts),
        *("--entrypoint=python", "trainer", "/publisher.py"),
    )
    with subprocess.Popen(
        command,
        env=with_engine(project.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        publisher = Publisher(process)
        publisher.publish()
        backend.wait_until_ready()
        yield publisher
        assert process.stdin
        process.stdin.close()
