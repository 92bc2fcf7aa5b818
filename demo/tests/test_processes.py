from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from demo.errors import DemoError
from demo.processes import SIGNALS, Service, ending, processes

if TYPE_CHECKING:
    from pathlib import Path

GRACE = 10.0
FORK = "child = os.fork() == 0"
FORK_STUBBORN = f"{FORK}\nif child: signal.signal(signal.SIGTERM, signal.SIG_IGN)"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
LONG_LIVED = """
import os, signal
{}
pipe = open(os.environ["PIPE"], "wb", 0)
pipe.write(b"+")
signal.signal(signal.SIGALRM, lambda *_: pipe.write(b"left behind"))
signal.alarm(30)
signal.pause()
"""


@pytest.mark.parametrize(
    ("kind", "number", "grace"),
    [("pass", 1, GRACE), (FORK, 2, GRACE), (FORK_STUBBORN, 2, GRACE), (STUBBORN, 1, 0.1)],
    ids=["alone", "with a child", "with a stubborn child", "stubborn"],
)
def test_all_of_a_service_is_stopped(
    pipe: Path, lives: Lives, kind: str, number: int, grace: float
) -> None:
    with processes(grace) as running:
        running.start(python(LONG_LIVED.format(kind), PIPE=str(pipe)))
        assert lives.started(number)
        running.stop()
        assert lives.ended()


def test_an_error_in_the_block_stops_all(pipe: Path, lives: Lives) -> None:
    def fail() -> None:
        with processes(GRACE) as running:
            running.start(python(LONG_LIVED.format(FORK), PIPE=str(pipe)))
            assert lives.started(2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert lives.ended()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_comes_as_a_service_starts_stops_it(
    pipe: Path, lives: Lives, number: signal.Signals
) -> None:
    with processes(GRACE) as running:
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGINT)
        running.start(python(LONG_LIVED.format("pass"), PIPE=str(pipe)))
        assert lives.started(1)
        with pytest.raises(DemoError, match=r"^stopped$") as raised:
            running.watch()
    assert lives.ended()
    assert raised.value.exit_code == 128 + number


@pytest.mark.parametrize("number", SIGNALS)
def test_handlers_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with processes(GRACE):
        assert signal.getsignal(number) != before
    assert signal.getsignal(number) == before


def test_a_service_that_succeeds() -> None:
    with processes(GRACE) as running:
        running.run(python("import os; raise SystemExit(os.environ['A'] != 'b')", A="b"))
        running.check()


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("raise SystemExit(75)", 75, "it ended with exit code 75; why is above"),
        ("import os; os.kill(os.getpid(), 9)", 1, "it was ended by SIGKILL; why is above"),
    ],
)
def test_a_service_that_fails(code: str, exit_code: int, said: str) -> None:
    with processes(GRACE) as running, pytest.raises(DemoError) as raised:
        running.run(python(code))
    assert (str(raised.value), raised.value.exit_code) == (said, exit_code)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    said = r"^it cannot be started: .*/missing: No such file or directory$"
    with processes(GRACE) as running, pytest.raises(DemoError, match=said):
        running.start(Service("it", [missing], {}))


def test_waiting_ends_when_what_is_waited_for_is_there(pipe: Path, lives: Lives) -> None:
    answers = iter([False, False, True])
    with processes(GRACE) as running:
        running.start(python(LONG_LIVED.format("pass"), PIPE=str(pipe)))
        running.wait_until(lambda: next(answers), "it", GRACE)
        assert lives.started(1)
    assert list(answers) == []


def test_waiting_has_an_end() -> None:
    with (
        processes(GRACE) as running,
        pytest.raises(DemoError, match=r"^it: not within 0 seconds$"),
    ):
        running.wait_until(lambda: False, "it", 0.0)


def test_waiting_ends_when_a_service_does() -> None:
    said = r"^it ended with exit code 0; why is above\. Everything is stopped$"
    with processes(GRACE) as running:
        running.start(python("pass"))
        with pytest.raises(DemoError, match=said):
            running.wait_until(lambda: False, "that", 600.0)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended with exit code 0"),
        (3, "ended with exit code 3"),
        (-15, "was ended by SIGTERM"),
        (-63, "was ended by signal 63"),
    ],
)
def test_ending(code: int, words: str) -> None:
    assert ending(code) == words


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """What all processes of a test write to: its end is the end of them all."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


@pytest.fixture
def lives(pipe: Path) -> Lives:
    return Lives(pipe)


class Lives:
    """The processes' end of being, as read from their pipe."""

    def __init__(self, pipe: Path) -> None:
        self._reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self._writer = os.open(pipe, os.O_WRONLY)  # no end is seen as long as this is open
        os.set_blocking(self._reader, True)

    def started(self, number: int) -> bool:
        """Waits until so many processes have written."""
        return b"".join(os.read(self._reader, 1) for _ in range(number)) == b"+" * number

    def ended(self) -> bool:
        """Waits until no process is left; none may have had to give up by itself."""
        os.close(self._writer)
        with os.fdopen(self._reader, "rb") as rest:
            return rest.read() == b""


def python(code: str, **environment: str) -> Service:
    return Service("it", [sys.executable, "-c", code], environment)
