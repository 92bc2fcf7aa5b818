"""Replicas over time, recorded beside a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loadtests.scaling import Observation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(slots=True)
class Recording:
    """What was seen so far.

    Attributes:
        observations: in the order of time; their seconds are those of `time.perf_counter`.
        faults: why the cluster could not be asked, each time.
    """

    observations: list[Observation] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def take(self, lines: Iterable[str]) -> None:
        """Takes what `loadtests.replicas` tells, until its end."""
        for line in lines:
            told = json.loads(line)
            if "fault" in told:
                self.faults.append(told["fault"])
            else:
                seen = Observation(time.perf_counter(), told["desired"], told["ready"])
                self.observations.append(seen)

    def since(self, start: float) -> list[Observation]:
        """Observations with their seconds counted from a start."""
        return [
            Observation(max(0.0, each.seconds - start), each.desired, each.ready)
            for each in self.observations
        ]

    def latest(self) -> str:
        """The last observation, to be added to a line; empty without one."""
        if not self.observations:
            return ""
        last = self.observations[-1]
        return f"  replicas {last.ready} ready, {last.desired} desired"


@contextmanager
def record(context: str) -> Iterator[Recording]:
    """Records for as long as the block lasts."""
    recording = Recording()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "loadtests.replicas", context],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the sender, which ends this, and kubectl with it
    )
    reader = threading.Thread(target=recording.take, args=(process.stdout or (),))
    reader.start()
    try:
        yield recording
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        reader.join()
