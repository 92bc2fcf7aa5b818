"""Services that run until one of them ends or somebody stops them all."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

GRACE_SECONDS = 15.0
POLL_SECONDS = 0.1
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Service:
    """A program to run, with what it needs beside this process' environment."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    folder: Path = Path()


class Processes:
    """Running services, each the leader of a process group so that its children end with it."""

    def __init__(self) -> None:
        """Starts with none."""
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, service: Service) -> None:
        """Starts a service.

        Raises:
            DemoError: its program cannot be run.
        """
        try:
            self._running[service.name] = subprocess.Popen(
                service.command,
                env=os.environ | service.environment,
                cwd=service.folder,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise DemoError(f"{service.name} cannot be started: {error}") from error

    def run(self, service: Service) -> None:
        """Runs a service to its end.

        Raises:
            DemoError: it failed; the exit code is its own.
        """
        self.start(service)
        code = self._running[service.name].wait()
        del self._running[service.name]
        if code:
            raise DemoError(f"{service.name} {ending(code)}; why is above", max(code, 1))

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float) -> None:
        """Waits for something that the services bring about.

        Raises:
            DemoError: it did not come about in time, or a service has ended.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise DemoError(f"{what}: not within {seconds:.0f} seconds")
            time.sleep(POLL_SECONDS)

    def watch(self) -> None:
        """Waits until a service ends, which none should do.

        Raises:
            DemoError: one has.
        """
        while True:
            self.check()
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Makes sure that all services are running.

        Raises:
            DemoError: one has ended; the message says which and how.
        """
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                raise DemoError(f"{name} {ending(code)}; why is above. Everything is stopped")

    def stop(self) -> None:
        """Stops all, the last started first; what does not end in time is killed."""
        for process in reversed(self._running.values()):
            send(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for process in self._running.values():
            send(process, signal.SIGKILL)
            process.wait()
        self._running.clear()


@contextmanager
def processes() -> Iterator[Processes]:
    """Services that are all stopped at the end of the block, however it ends."""
    running = Processes()
    with handling(interrupt):
        try:
            yield running
        finally:
            with handling(signal.SIG_IGN):  # a second Ctrl-C must not leave one behind
                running.stop()


def interrupt(_number: int, _frame: object) -> None:
    """Ends this process as Ctrl-C does."""
    raise KeyboardInterrupt


@contextmanager
def handling(how: signal.Handlers | Callable[[int, object], None]) -> Iterator[None]:
    """Handles the signals that ask a process to end, for the length of the block."""
    before = {each: signal.signal(each, how) for each in ENDING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signals the whole group of a process, whose children may outlive it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def ending(code: int) -> str:
    """How a process has ended, in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
