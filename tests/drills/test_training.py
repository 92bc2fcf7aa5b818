"""The trainer, killed and stopped in the middle of an epoch."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from engine import run, start, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend import Backend

    Report = Callable[[str, str, str], None]

INTERRUPTED = 130
STOP = 10.0  # seconds
EPOCH = re.compile(r"epoch (\d+) of \d+:")


def test_killed_and_stopped_mid_epoch(backend: Backend, report: Report, *, full: bool) -> None:
    settings = {"MODEL_NAME": "drilled", "EPOCHS": str(20 if full else 5)}
    first = start_trainer(backend, settings)
    wait_until(lambda: len(epochs_of(first)) >= 2, "two epochs", 180)
    run("docker", "kill", first)
    second = start_trainer(backend, settings)
    wait_until(lambda: bool(epochs_of(second)), "another epoch", 180)
    began = time.monotonic()
    run("docker", "stop", "--time=30", second)
    seconds, code = time.monotonic() - began, exit_code(second)
    third = start_trainer(backend, settings)
    run("docker", "wait", third)
    logged = [epochs_of(each) for each in (first, second, third)]
    lost = max(logged[0][-1] + 1 - logged[1][0], logged[1][-1] + 1 - logged[2][0]) + 1
    measured = (
        f"{lost} epoch lost at most ({tell(logged)}); stopped in {seconds:.1f} s, exit {code}"
    )
    wanted = f"≤ 1 epoch; ≤ {STOP:.0f} s, exit {INTERRUPTED}"
    report("trainer killed, then stopped", measured, wanted)
    assert lost <= 1
    assert exit_code(third) == 0
    assert code == INTERRUPTED
    assert seconds <= STOP


def start_trainer(backend: Backend, settings: dict[str, str]) -> str:
    """A container that trains on the digits."""
    given = [f"--env={name}={value}" for name, value in settings.items()]
    return backend.project.compose("run", "--detach", "--no-deps", *given, "trainer", "run").strip()


def epochs_of(container: str) -> list[int]:
    """The epochs that it has finished."""
    return [int(number) for number in EPOCH.findall(start("docker", "logs", container).stderr)]


def exit_code(container: str) -> int:
    return int(run("docker", "inspect", "--format={{.State.ExitCode}}", container))


def tell(logged: list[list[int]]) -> str:
    return ", ".join(f"{epochs[0]} to {epochs[-1]}" for epochs in logged)
