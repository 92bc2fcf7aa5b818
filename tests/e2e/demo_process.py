"""A demo, as a real subprocess."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EPOCHS = 6  # which get 99 % of the digits right, with every seed that was tried
INSTALL_SECONDS = 600.0  # between two lines: an environment may have to be made first
STOP_SECONDS = 60.0
INTERRUPTED = 130
MODEL_NAME = "digits"


@dataclass
class Demo:
    """`./noxw -s demo` with all that it has started; they share the output."""

    process: subprocess.Popen[str]
    folder: Path
    url: str
    lines: list[str] = field(default_factory=list)
    _unread: queue.Queue[str | None] = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def model_folder(self) -> Path:
        return self.folder / "model" / MODEL_NAME

    def wait_until_ready(self) -> None:
        while not any(line.startswith("ready: ") for line in self.lines):
            line = self._unread.get(timeout=INSTALL_SECONDS)
            assert line is not None, f"the demo has ended:\n{self.output}"
            self.lines.append(line)

    def interrupt(self) -> None:
        """Does what a terminal does on Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def finish(self) -> int:
        """The exit code, once no process is left that has the output open."""
        try:
            while (line := self._unread.get(timeout=STOP_SECONDS)) is not None:
                self.lines.append(line)
        except queue.Empty:
            raise AssertionError(f"the demo has left processes behind:\n{self.output}") from None
        return self.process.wait(STOP_SECONDS)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._unread.put(line)
        self.process.stdout.close()
        self._unread.put(None)


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """A demo that is ready, with its volumes in a folder."""
    demo = start_demo(folder)
    try:
        demo.wait_until_ready()
        yield demo
    finally:
        if demo.process.poll() is None:  # a test has failed before it stopped it
            demo.interrupt()
            demo.process.wait(STOP_SECONDS)


def start_demo(folder: Path, *options: str) -> Demo:
    """Starts a demo in a process group of its own."""
    port, inference_port = free_ports(2)
    ports = (f"--port={port}", f"--inference-port={inference_port}")
    volumes = {
        "MODEL_DIR": str(folder / "model"),
        "DATA_DIR": str(folder / "data"),
        "IMAGES_DIR": str(folder / "imgs"),
    }
    process = subprocess.Popen(
        ["./noxw", "-s", "demo", "--", *ports, f"--epochs={EPOCHS}", *options],
        cwd=ROOT,
        env=os.environ | volumes | {"MODEL_NAME": MODEL_NAME},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    return Demo(process, folder, f"http://localhost:{port}")


@contextmanager
def kept_connection(url: str) -> Iterator[None]:
    """A connection that stays open between requests, as browsers have it."""
    with httpx.Client(base_url=url, trust_env=False) as browser:
        assert browser.get("/").is_success
        assert browser.get("/api/ready").is_success
        yield


def free_ports(number: int) -> list[int]:
    """Ports that were free a moment ago."""
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in listening]
    for each in listening:
        each.close()
    return ports
