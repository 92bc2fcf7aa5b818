"""Services that run until one of them ends or somebody stops them all."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

GRACE_SECONDS = 15.0
POLL_SECONDS = 0.1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNALLED = 128  # plus the signal's number is the exit code, as shells have it


@dataclass(frozen=True, slots=True)
class Service:
    """A program to run, with what it needs beside this process' environment."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]


@contextmanager
def processes(grace_seconds: float = GRACE_SECONDS) -> Iterator[Processes]:
    """Services that are all stopped at the end of the block, however it ends.

    A signal is only noted, and looked at between two steps. Were it raised wherever it comes, one
    between the start of a process and its noting down, or a second one, would leave it behind.
    """
    running = Processes(grace_seconds)
    handlers = {each: signal.getsignal(each) for each in SIGNALS}
    for each, handler in handlers.items():
        if (each, handler) != (signal.SIGHUP, signal.SIG_IGN):  # which is what nohup asks for
            signal.signal(each, running.note)
    try:
        yield running
    finally:
        running.stop()
        for each, handler in handlers.items():
            signal.signal(each, handler)


class Processes:
    """Running services, each the leader of a process group so that its children end with it."""

    def __init__(self, grace_seconds: float) -> None:
        """Starts with none; they have so many seconds to stop, in all."""
        self._grace_seconds = grace_seconds
        self._parent = os.getppid()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._signal: int | None = None

    def note(self, number: int, _frame: object) -> None:
        """Takes the first signal that asks this process to end; `check` acts on it."""
        self._signal = self._signal or number

    def start(self, service: Service) -> None:
        """Starts a service.

        Raises:
            DemoError: its program cannot be run.
        """
        try:
            self._running[service.name] = subprocess.Popen(
                service.command,
                env=os.environ | service.environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            reason = f"{service.command[0]}: {error.strerror}"
            raise DemoError(f"{service.name} cannot be started: {reason}") from error

    def run(self, service: Service) -> None:
        """Runs a service to its end.

        Raises:
            DemoError: it failed, and the exit code is its own; or this process shall end.
        """
        self.start(service)
        process = self._running[service.name]
        while (code := process.poll()) is None:
            self._check_asked()
            time.sleep(POLL_SECONDS)
        send(process, signal.SIGKILL)  # to the children that it may have left
        del self._running[service.name]
        self._check_asked()
        if code:
            raise DemoError(f"{service.name} {ending(code)}; why is above", max(code, 1))

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float) -> None:
        """Waits for something that the services bring about.

        Raises:
            DemoError: it did not come about in time, a service has ended, or this process shall.
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
            DemoError: one has, or this process shall end.
        """
        while True:
            self.check()
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Makes sure that all services are running and shall run on.

        Raises:
            DemoError: one has ended, and the message says which and how; or this process shall.
        """
        self._check_asked()
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                raise DemoError(f"{name} {ending(code)}; why is above. Everything is stopped")

    def stop(self) -> None:
        """Stops all, the last started first; what does not end in time is killed."""
        for process in reversed(self._running.values()):
            send(process, signal.SIGTERM)
        deadline = time.monotonic() + self._grace_seconds
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for process in self._running.values():
            send(process, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def _check_asked(self) -> None:
        if self._signal is not None:
            raise DemoError("stopped", SIGNALLED + self._signal)
        if os.getppid() != self._parent:  # nox passes no SIGTERM on, and nothing passes SIGKILL on
            raise DemoError("stopped, since what started it has ended")


def send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signals the whole group of a process, whose children may outlive it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def ending(code: int) -> str:
    """How a process has ended, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    names = {each.value: each.name for each in signal.Signals}
    return f"was ended by {names.get(-code, f'signal {-code}')}"
