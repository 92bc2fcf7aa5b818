from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING

import httpx2
import pytest
from conftest import picture
from test_recipes import huge_png

from inference import __main__ as command
from inference.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Shelf

COMMAND = [sys.executable, "-W", "error", "-m", "inference"]


@dataclass(frozen=True)
class Server:
    """A service in a process of its own."""

    process: subprocess.Popen[str]
    port: int

    @property
    def log(self) -> IO[str]:
        assert self.process.stderr is not None
        return self.process.stderr

    def event(self, message: str) -> dict[str, object]:
        """Read the log up to the next event of this kind."""
        return next(event for event in map(json.loads, self.log) if event["message"] == message)

    def ask(self, method: str, path: str, **more: object) -> httpx2.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx2.request(method, url, timeout=30, **more)  # type: ignore[arg-type]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 30)


Serve = Callable[..., Server]


def environment(**settings: object) -> dict[str, str]:
    known = {field.name.upper() for field in fields(Settings)}
    outside = {
        key: value
        for key, value in os.environ.items()
        if key not in known and not key.startswith(("OTEL_", "SAGEMAKER_"))
    }
    return outside | {key.upper(): str(value) for key, value in settings.items()}


@pytest.fixture
def serve(shelf: Shelf) -> Iterator[Serve]:
    """Start servers over the shelf, and see to it that none is left."""
    with contextlib.ExitStack() as stack:

        def run(*arguments: str, **settings: object) -> Server:
            chosen = {"model_name": "golden", "model_dir": shelf.root, "port": 0} | settings
            process = stack.enter_context(
                subprocess.Popen(
                    [*COMMAND, *arguments],
                    env=environment(**chosen),
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            server = Server(process, 0)
            return Server(process, int(str(server.event("listening")["port"])))

        yield run


def run(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_lists_every_setting() -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for field in fields(Settings):
        assert field.name.upper() in done.stdout


def test_unknown_arguments_are_bad_usage() -> None:
    assert run("--port", "5000").returncode == 2
    assert run("train").returncode == 2


def test_checking_reads_the_settings_and_serves_nothing() -> None:
    good, bad = run("check", port=0), run("check", model_poll_seconds="soon")
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    assert (bad.returncode, bad.stderr.count("\n")) == (2, 1)
    assert bad.stderr.startswith("inference: MODEL_POLL_SECONDS='soon': use ")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"port": "http"}, "PORT='http'"),
        ({"model_name": "a\nb"}, "MODEL_NAME='a\\nb'"),
        ({"otel_exporter_otlp_traces_endpoint": "x:1"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT='x:1'"),
        (
            {"otel_exporter_otlp_endpoint": "http://c:1", "otel_traces_sampler_arg": 2},
            "OTEL_TRACES_SAMPLER_ARG='2'",
        ),
    ],
)
def test_a_bad_setting_is_one_line(settings: dict[str, str], told: str) -> None:
    done = run(**settings)
    assert done.returncode == 2
    assert done.stderr.startswith(f"inference: {told}: use ")
    assert done.stderr.count("\n") == 1


def test_a_busy_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        done = run(port=port)
    assert done.returncode == 1
    assert done.stderr.startswith(f"inference: port {port} of 127.0.0.1 is in use: stop what")
    assert done.stderr.count("\n") == 1


def test_a_host_that_is_not_here_is_one_line() -> None:
    done = run(port=0, host="192.0.2.1")
    assert done.returncode == 1
    assert done.stderr.startswith("inference: cannot listen on 192.0.2.1 port 0: ")


def test_main_can_be_called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:  # type: ignore[type-arg]
    monkeypatch.setenv("PORT", "x")
    assert command.main([]) == 2
    assert "PORT='x'" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_clean(number: signal.Signals, shelf: Shelf, serve: Serve) -> None:
    shelf.publish(1)
    server = serve()
    server.event("serving")
    assert server.ask("GET", "/models").json()["current"] == 1
    server.process.send_signal(number)
    rest = [json.loads(line)["message"] for line in server.log]
    assert (server.process.wait(30), rest) == (0, ["request", "stopped"])


def test_a_request_that_was_begun_is_answered_before_the_stop(shelf: Shelf, serve: Serve) -> None:
    shelf.publish(1)
    server = serve()
    server.event("serving")
    body = picture()
    with server.connect() as client:
        head = (
            "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
        )
        client.sendall(head.encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        server.process.terminate()
        refused(server)
        client.sendall(body)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"red"' in answer
    assert server.process.wait(30) == 0


def refused(server: Server) -> None:
    """Wait until the server takes no more connections."""
    with contextlib.suppress(OSError):
        while True:
            server.connect().close()


def test_a_client_that_breaks_off_hurts_nobody(shelf: Shelf, serve: Serve) -> None:
    shelf.publish(1)
    server = serve()
    server.event("serving")
    with server.connect() as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n")
        client.sendall(b"Content-Length: 5000\r\n\r\nhalf")
    assert server.event("request")["status"] == 499
    assert server.ask("POST", "/predict", files={"file": picture()}).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"), [("/predict", b"413 "), ("/predict?top_k=0", b"400 "), ("/ping", b"405 ")]
)
def test_a_refusal_reaches_a_client_that_sends_on(
    path: str, status: bytes, shelf: Shelf, serve: Serve
) -> None:
    shelf.publish(1)
    server = serve()
    server.event("serving")
    size = 32 * 1024**2
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: image/png\r\n"
        f"Content-Length: {size}\r\n\r\n"
    )
    with server.connect() as client:
        client.sendall(head.encode() + bytes(size))  # a reset would end it
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 " + status)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_huge_png_costs_the_server_no_memory(shelf: Shelf, serve: Serve) -> None:
    shelf.publish(1)
    server = serve()
    server.event("serving")
    assert server.ask("POST", "/predict", files={"file": picture()}).status_code == 200
    before = peak(server)
    answer = server.ask("POST", "/predict", files={"file": ("huge.png", huge_png(30_000))})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert peak(server) - before < 50 * 1024


def peak(server: Server) -> int:
    """The most memory that was resident at a time, in KiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this policy")
def test_no_thread_interrupts_another(shelf: Shelf, serve: Serve) -> None:
    shelf.publish(1)
    server = serve()
    server.event("serving")
    assert server.ask("POST", "/predict", files={"file": picture()}).status_code == 200
    threads = [int(each.name) for each in Path(f"/proc/{server.process.pid}/task").iterdir()]
    assert len(threads) > 1
    assert {os.sched_getscheduler(each) for each in threads} == {os.SCHED_BATCH}


def test_a_request_line_cannot_forge_a_log_line(serve: Serve) -> None:
    server = serve(log_format="json")
    server.ask("GET", "/x%0d%0a%7b%22message%22:%22forged%22%7d%1b[2J")
    event = server.event("request")
    assert event["path"] == '/x\r\n{"message":"forged"}\x1b[2J'


def test_an_upgrade_that_is_not_known_is_logged_as_any_request(serve: Serve) -> None:
    server = serve(log_format="json")
    wanted = {"connection": "upgrade", "upgrade": "websocket"}
    assert server.ask("GET", "/openapi.json", headers=wanted).status_code == 200
    told = (json.loads(line)["message"] for line in server.log)
    assert next(line for line in told if not line.startswith("nothing is published")) == "request"


def test_an_answer_that_is_broken_off_is_one_line(shelf: Shelf, serve: Serve) -> None:
    size = 32 * 1024**2  # more than the sockets hold
    file = shelf.publish(1, files={"large.bin": bytes(size)}) / "large.bin"
    server = serve(log_format="json")
    server.event("serving")
    with server.connect() as client:
        client.sendall(b"GET /models/1/files/large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        received = len(client.recv(65_536))
        file.write_bytes(b"")
        received += sum(map(len, iter(lambda: client.recv(65_536), b"")))
    assert received < size
    server.process.terminate()
    request, *others = [json.loads(line) for line in server.log]
    assert (request["message"], request["level"]) == ("request", "error")
    assert "traceback" not in request
    assert str(request["error"]).startswith("the file ends")
    assert [each["message"] for each in others] == ["stopped"]


def test_served_as_sagemaker_asks(shelf: Shelf, serve: Serve) -> None:
    shelf.publish(1)
    server = serve("serve", model_name="", sagemaker_base_dir=shelf.root.parent)
    server.event("serving")
    assert server.ask("GET", "/ping").json()["model"] == {"name": "golden", "version": 1}
    png = {"content-type": "image/png"}
    asked = png | {"x-amzn-sagemaker-custom-attributes": "top_k=1"}
    answer = server.ask("POST", "/invocations", content=picture(), headers=asked).json()
    assert [each["label"] for each in answer["predictions"][0]["top"]] == ["red"]
    server.process.terminate()
    assert server.process.wait(30) == 0


def test_no_model_for_sagemaker_is_one_line(tmp_path: Path) -> None:
    done = run("serve", sagemaker_base_dir=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"inference: {tmp_path}/model cannot be read (No such file")
    assert done.stderr.count("\n") == 1


def test_traces_without_the_extra_are_one_line() -> None:
    script = (
        "import sys; sys.modules['opentelemetry'] = None; from inference.__main__ import main; "
        "sys.exit(main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(otel_exporter_otlp_endpoint="http://127.0.0.1:1"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "install inference[otel]" in done.stderr
    assert done.stderr.count("\n") == 1


def test_serving_imports_nothing_that_it_does_not_need() -> None:
    needed = {
        *("inference", "PIL", "anyio", "click", "httptools", "numpy", "onnxruntime", "orjson"),
        *("prometheus_client", "python_multipart", "starlette", "typing_extensions", "uvicorn"),
        *("uvloop",),
    }
    script = "import sys, inference.__main__, inference.app, uvicorn; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    ).stdout
    top = {module.partition(".")[0] for module in loaded.split()} - sys.stdlib_module_names
    own = {name for name in top if name[0] != "_" and name != "cython_runtime"}
    assert own <= needed
