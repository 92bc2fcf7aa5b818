from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 40.0  # longer than a fake service lives
FAKE = Path(__file__).parent / "fake_service.py"
PROGRAMS = {
    ".nox/env_trainer/bin/trainer": "trainer",
    ".nox/env_inference/bin/inference": "inference",
    ".nox/env_page/bin/page": "page",
}


@dataclass
class Running:
    """A demo and all that it has started."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    _unread: queue.Queue[str | None] = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, text: str, times: int = 1) -> str:
        """The line with a text in it, once there are so many of them."""
        while len(found := [line for line in self.lines if text in line]) < times:
            line = self._unread.get(timeout=SECONDS)
            assert line is not None, f"ended without {text!r}:\n{self.output}"
            self.lines.append(line)
        return found[-1]

    def wait_for_fake(self, role: str, times: int = 1) -> dict[str, Any]:
        """What a fake service tells about itself."""
        told: dict[str, Any] = json.loads(self.wait_for(f'{{"role": "{role}", "pid"', times))
        return told

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def finish(self) -> int:
        """The exit code, once nothing is left that shares the output."""
        while (line := self._unread.get(timeout=SECONDS)) is not None:
            self.lines.append(line)
        assert "left behind\n" not in self.lines
        return self.process.wait(SECONDS)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def roles(self) -> list[str]:
        return re.findall(r'"role": "(\w+)", "pid"', self.output)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._unread.put(line)
        self.process.stdout.close()
        self._unread.put(None)


@dataclass
class Starter:
    """Starts demos whose services are fakes."""

    root: Path
    port: int
    inference_port: int
    stack: ExitStack

    def command(self, *options: str) -> list[str]:
        return [
            str(Path(sys.executable).parent / "demo"),
            f"--root={self.root}",
            f"--port={self.port}",
            f"--inference-port={self.inference_port}",
            *options,
        ]

    def __call__(self, *options: str, **environment: str) -> Running:
        return self.start(self.command(*options), **environment)

    def start(self, command: list[str], **environment: str) -> Running:
        process = subprocess.Popen(
            command,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.stack.callback(process.kill)
        return Running(process)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Starter]:
    for program, role in PROGRAMS.items():
        path = tmp_path / program
        path.parent.mkdir(parents=True)
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" {role} "$@"\n')
        path.chmod(0o755)
    with ExitStack() as stack:
        port, inference_port = free_ports(2)
        yield Starter(tmp_path, port, inference_port, stack)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes away what the developer's own environment sets."""
    for name in ("MODEL_NAME", "MODEL_DIR", "DATA_DIR", "IMAGES_DIR", "LOG_LEVEL", "LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    for number in (signal.SIGHUP, signal.SIGINT):  # ignored in the background, and so handed down
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def free_ports(number: int) -> list[int]:
    """Ports that were free a moment ago."""
    with ExitStack() as stack:
        listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
        for each in listening:
            stack.enter_context(each)
        return [each.getsockname()[1] for each in listening]
