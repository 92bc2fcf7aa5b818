"""A real `inference` process over a model repository of its own, and what it holds."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from versions import NAME, Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = Path(__file__).parents[2] / ".nox/env_inference/bin/inference"
START_SECONDS = 30.0
STOP_SECONDS = 40.0
PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Inference:
    """A process that serves; it logs to a file."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    versions: Versions

    def lines(self) -> list[str]:
        """What it has logged, without what is no whole line yet."""
        return self.log.read_bytes().decode("utf-8").split("\n")[:-1]

    def resident(self) -> int:
        """Bytes of memory."""
        pages = self._proc("statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def peak(self) -> int:
        """Bytes: the most memory that it had since `forget_peak`."""
        status = self._proc("status").read_text().splitlines()
        (line,) = [line for line in status if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    def forget_peak(self) -> None:
        """Begin anew: <https://docs.kernel.org/filesystems/proc.html>, on `clear_refs`."""
        self._proc("clear_refs").write_text("5")

    def descriptors(self) -> int:
        """Files and connections that are open."""
        return len(list(self._proc("fd").iterdir()))

    def threads(self) -> int:
        """Threads that live."""
        return len(list(self._proc("task").iterdir()))

    def processor_seconds(self) -> float:
        """Time that its threads have been running, together."""
        after_name = self._proc("stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def _proc(self, name: str) -> Path:
        return Path(f"/proc/{self.process.pid}/{name}")


@contextmanager
def running_inference(folder: Path, **settings: str) -> Iterator[Inference]:
    """A process that is ready, on a core that the clients leave alone.

    After the block it has to end in good order, and must not have logged a fault of its own.
    """
    versions = Versions(folder / "model")
    versions.publish()
    log = folder / "inference.log"
    own = {
        "MODEL_DIR": str(versions.root),
        "MODEL_NAME": NAME,
        "HOST": "127.0.0.1",
        "PORT": "0",
        "MODEL_POLL_SECONDS": "0.2",
        "LOG_FORMAT": "json",
    }
    with log.open("wb") as file, _on_cores(_cores()[:1]):
        process = subprocess.Popen([PROGRAM], env=os.environ | own | settings, stderr=file)
    try:
        yield _when_ready(process, log, versions)
    finally:
        process.terminate()
        code = process.wait(STOP_SECONDS)
    assert code == 0, log.read_text()[-2000:]
    assert "Traceback" not in log.read_text()


@contextmanager
def clients_apart() -> Iterator[None]:
    """Keep this process, in which the clients are, off the server's core."""
    with _on_cores(_cores()[1:]):
        yield


def wait_for(what: str, seconds: float, condition: Callable[[], bool]) -> float:
    """How many seconds it took until the condition held."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(PAUSE_SECONDS)
    return time.monotonic() - began


def _when_ready(process: subprocess.Popen[bytes], log: Path, versions: Versions) -> Inference:
    def is_serving() -> bool:
        assert process.poll() is None, log.read_text()
        return bool(re.search(r"\bserving\b", log.read_text()))

    wait_for("the model is served", START_SECONDS, is_serving)
    told = re.search(r'\blistening\b.*\bport"?[=:] ?(\d+)', log.read_text())
    assert told, log.read_text()
    return Inference(process, int(told[1]), log, versions)


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


@contextmanager
def _on_cores(cores: list[int]) -> Iterator[None]:
    """Run this thread, and what it starts, on these cores alone; on any where there are none."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
