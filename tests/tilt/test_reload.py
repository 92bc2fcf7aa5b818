"""The first process of a container whose code changes: k8s/overlays/dev/reload.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

RELOAD = Path(__file__).parents[2] / "k8s/overlays/dev/reload.py"
SECONDS = 20.0
WAITS = "reload: ended with 3, and starts again with the next change"
SERVER = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("started", flush=True)
while True:
    signal.pause()
"""
STUBBORN = SERVER.replace("lambda *_: sys.exit(7)", "signal.SIG_IGN")
BROKEN_AFTER_ONE_START = f"""
import pathlib, sys
seen = pathlib.Path(sys.argv[1])
if seen.exists():
    print("broken", flush=True)
    sys.exit(3)
seen.touch()
{SERVER}
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_a_signal_starts_the_program_anew(log: Path) -> None:
    with running(log, SERVER) as process:
        for times in range(2, 5):
            process.send_signal(signal.SIGHUP)
            await_lines(log, *["started"] * times)
        assert process.poll() is None


def test_a_program_that_does_not_end_is_started_anew_all_the_same(log: Path) -> None:
    with running(log, STUBBORN) as process:
        process.send_signal(signal.SIGHUP)
        await_lines(log, "started", "started")


@pytest.mark.parametrize("reloads", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_passed_on_and_its_code_comes_back(
    log: Path, number: signal.Signals, reloads: int
) -> None:
    with running(log, SERVER.replace("SIGTERM", number.name)) as process:
        for _ in range(reloads):
            process.send_signal(signal.SIGHUP)
        await_lines(log, *["started"] * (reloads + 1))
        process.send_signal(number)
        assert process.wait(SECONDS) == 7


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("raise SystemExit(5)", 5),
        ("", 0),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
    ],
)
def test_a_program_that_ends_by_itself_ends_it(program: str, code: int) -> None:
    done = subprocess.run(command(program), check=False, timeout=SECONDS)
    assert done.returncode == code


def test_a_mistake_in_changed_code_is_waited_for_to_be_mended(log: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    with running(log, BROKEN_AFTER_ONE_START, str(seen)) as process:
        process.send_signal(signal.SIGHUP)
        await_lines(log, "started", "broken", WAITS)
        seen.unlink()
        process.send_signal(signal.SIGHUP)
        await_lines(log, "started", "broken", WAITS, "started")


def test_a_stop_ends_it_also_while_it_waits(log: Path, tmp_path: Path) -> None:
    with running(log, BROKEN_AFTER_ONE_START, str(tmp_path / "seen")) as process:
        process.send_signal(signal.SIGHUP)
        await_lines(log, "started", "broken", WAITS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 3


@contextmanager
def running(log: Path, program: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program under it that has started."""
    with log.open("w") as output:
        process = subprocess.Popen(
            command(program, *arguments),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        await_lines(log, "started")
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(SECONDS)


def command(program: str, *arguments: str) -> list[str]:
    return [sys.executable, str(RELOAD), sys.executable, "-c", program, *arguments]


def await_lines(log: Path, *expected: str) -> None:
    """The program's output so far, soon."""

    def read() -> list[str]:
        return log.read_text().splitlines()

    wait_until(lambda: read() == list(expected), f"the lines {expected}", SECONDS)
