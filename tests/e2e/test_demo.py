"""What happens to the demo when something goes wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

from demo_process import MODEL_NAME, running_demo, start_demo

if TYPE_CHECKING:
    from demo_process import Demo


def test_it_ends_with_its_model_server_and_says_so(demo: Demo) -> None:
    with running_demo(demo.folder) as other:
        os.kill(find_child(other.process.pid, "env_inference/bin/inference"), signal.SIGKILL)
        assert other.finish() == 1
    said = "demo: the model server was ended by SIGKILL; why is above. Everything is stopped\n"
    assert said in other.lines


def test_it_ends_when_its_nox_is_killed(demo: Demo) -> None:
    with running_demo(demo.folder) as other:
        other.process.kill()
        assert other.finish() == -signal.SIGKILL
    assert "demo: stopped, since what started it has ended\n" in other.lines


def test_it_classifies_a_sample_without_training_again(demo: Demo) -> None:
    other = start_demo(demo.folder, "--once")
    assert other.finish() == 0, other.output
    assert "nothing to do" in other.output
    told = rf"^{MODEL_NAME} version 1: [a-z0-9.-]+, a \d, is \d with [0-9.]+%$"
    assert re.search(told, other.output, re.MULTILINE)


def find_child(ancestor: int, program: str) -> int:
    """The process of a program, somewhere below another process."""
    listed = subprocess.run(
        ["/bin/ps", "-A", "-ww", "-o", "pid=,ppid=,command="],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    family = {ancestor}
    for _ in range(10):  # generations
        family |= {int(row[0]) for row in rows if int(row[1]) in family}
    (found,) = [int(row[0]) for row in rows if int(row[0]) in family and program in row[2]]
    return found
