from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import urllib3

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
LENIENT = """
[closed]
failed_share = 0
p95_ms = 20000
p99_ms = 20000
rate = 0.1
[open]
failed_share = 0
p95_ms = 20000
p99_ms = 20000
rate_share = 0.1
[hpa]
failed_share = 0
p95_ms = 20000
p99_ms = 20000
rate_share = 0.1
most_replicas = 3
last_replicas = 1
"""


def run_loadtests(*options: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own, since gevent changes the one that it runs in."""
    return subprocess.run(
        [sys.executable, "-m", "loadtests", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


@dataclass
class FakePage:
    """A page whose predictions are as a test wants them."""

    status: int = 200
    body: str = '{"model": {"version": 1}, "predictions": [{"top": [{"probability": 0.9}]}]}'
    headers: dict[str, str] = field(default_factory=dict)
    release: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.release.set()

    @contextmanager
    def serve(self) -> Iterator[str]:
        page = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                page.seen.append(self.path)
                page.connections.add(self.client_address)
                self.answer(200, '<html>{"current": 1}' if self.path == "/" else '{"current": 1}')

            def do_POST(self) -> None:
                page.seen.append(self.path)
                page.connections.add(self.client_address)
                self.rfile.read(int(self.headers["Content-Length"]))
                page.release.wait(SECONDS)
                self.answer(page.status, page.body, page.headers)

            def answer(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        with closing(server.socket):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                self.release.set()
                server.shutdown()


@pytest.fixture(scope="session")
def model_server() -> Iterator[str]:
    """The real model server with the golden model."""
    port = free_port()
    settings = {
        "MODEL_DIR": str(ROOT / "tests/contract/golden/model/good"),
        "MODEL_NAME": "golden",
        "PORT": str(port),
        "LOG_LEVEL": "warning",
    }
    process = subprocess.Popen(
        [ROOT / ".nox/env_inference/bin/inference"], env=os.environ | settings
    )
    try:
        yield wait_until_ready(process, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(SECONDS)


def wait_until_ready(process: subprocess.Popen[bytes], url: str) -> str:
    """Asks until a model is served."""
    end = time.monotonic() + SECONDS
    with urllib3.PoolManager(retries=False) as connections:
        while process.poll() is None and time.monotonic() < end:
            try:
                if connections.request("GET", f"{url}/ready").status == 200:
                    return url
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.05)
    raise AssertionError("the model server does not get ready")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


# A stand-in for the program: each call answers with the next pair of desired and ready replicas,
# the last one again and again; none desired is an HPA without figures, None a cluster that is away.
KUBECTL = """#!{python} -IS
import json, os, pathlib, sys
calls = pathlib.Path({calls!r})
with calls.open("a") as file:
    file.write(json.dumps([os.getppid(), sys.argv[1:]]) + "\\n")
answers = {answers!r}
answer = answers[min(len(calls.read_text().splitlines()), len(answers)) - 1]
if answer is None:
    sys.exit("The connection to the server 127.0.0.1:6443 was refused")
desired, ready = answer
print(json.dumps({{"items": [
    {{"kind": "HorizontalPodAutoscaler", "spec": {{"minReplicas": 1}},
      "status": {{"desiredReplicas": desired, "conditions": [
          {{"type": "ScalingActive", "status": str(desired > 0)}}]}}}},
    {{"kind": "Deployment", "status": {{"readyReplicas": ready}}}},
]}}))
"""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Puts a stand-in on the PATH."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def answers(self, *answers: tuple[int, int] | None) -> None:
        program = self.folder / "kubectl"
        calls = str(self.folder / "calls")
        program.write_text(KUBECTL.format(python=sys.executable, calls=calls, answers=answers))
        program.chmod(0o755)
        self.monkeypatch.setenv("PATH", f"{self.folder}{os.pathsep}{os.environ['PATH']}")

    @property
    def calls(self) -> list[tuple[int, list[str]]]:
        """Who called it, and with which arguments."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(caller, arguments) for caller, arguments in map(json.loads, lines)]


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Kubectl(folder, monkeypatch)


@pytest.fixture
def lenient(tmp_path: Path) -> str:
    """Thresholds that tell right from wrong, not this machine's speed."""
    path = tmp_path / "lenient.toml"
    path.write_text(LENIENT)
    return f"--thresholds={path}"
