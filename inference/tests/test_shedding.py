from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import uvicorn

from inference.connection import PIPELINED, Patience
from inference.errors import BusyError
from inference.metrics import Metrics
from inference.protection import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

    from inference.errors import RequestError

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = 300_000


@dataclass
class Overloaded:
    """A server that is, or is not; it refuses POSTs then, and notes what the application gets."""

    busy: bool = True
    seen: list[str] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)
    port: int = 0

    def overload(self, method: str, _target: bytes) -> RequestError | None:
        return BusyError("too much") if self.busy and method == "POST" else None

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        self.seen.append(scope["path"])
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    def talk(self, *sent: bytes, answers: int = 1) -> list[bytes]:
        """The heads' first lines of so many answers, or of fewer if the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            for part in sent:
                client.sendall(part)
            came = b""
            while came.count(b"HTTP/1.1 ") < answers and (more := client.recv(65536)):
                came += more
        return [part.partition(b"\r\n")[0] for part in came.split(b"HTTP/1.1 ")[1:]]


@pytest.fixture
def server() -> Iterator[Overloaded]:
    made = Overloaded()
    guard = Guard(made.metrics.refusal, made.overload, Patience(look=0.02, body=0.5))
    config: dict[str, Any] = {
        "http": guard.protocol,
        "ws": "none",
        "lifespan": "off",
        "interface": "asgi3",
    }
    running = uvicorn.Server(uvicorn.Config(made.app, log_config=None, access_log=False, **config))
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        made.port = listener.getsockname()[1]
        thread = threading.Thread(target=running.run, args=([listener],))
        thread.start()
        yield made
        running.should_exit = True
        thread.join(30)


def test_what_is_too_much_is_refused_and_the_connection_stays(
    server: Overloaded, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "inference")
    with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        for _ in range(3):
            refused = client.post("/predict", content=bytes(LARGE))
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
            assert refused.json() == {"error": {"code": "busy", "message": "too much"}}
            assert "connection" not in refused.headers
        assert client.get("/ping").text == "ok"
        server.busy = False
        assert client.post("/predict", content=bytes(LARGE)).text == "ok"
    assert server.seen == ["/ping", "/predict"]
    assert len(caplog.records) == 3
    assert 'inference_refusals_total{code="busy"} 3.0' in server.metrics.text().decode()


@pytest.mark.parametrize(
    "framing",
    [
        [b"Content-Length: 3\r\n\r\nabc"],
        [b"Content-Length: 3\r\n\r\n", b"a", b"bc"],
        [b"Content-Length: 0\r\n\r\n"],
        [b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n"],
    ],
)
def test_the_request_behind_a_refused_one_is_found(
    framing: list[bytes], server: Overloaded
) -> None:
    told = server.talk(HEAD, *framing, GET, answers=2)
    assert told == [b"503 Service Unavailable", b"200 OK"]
    assert server.seen == ["/ping"]


def test_pipelined_requests_are_answered_in_their_order(server: Overloaded) -> None:
    posted = HEAD + b"Content-Length: 3\r\n\r\nabc"
    told = server.talk(GET + posted + posted, answers=3)
    assert told[0] == b"200 OK"
    assert len(told) == 3


@pytest.mark.parametrize(
    "more", [b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"Connection: upgrade\r\n"]
)
def test_a_connection_whose_body_may_not_come_is_ended(more: bytes, server: Overloaded) -> None:
    told = server.talk(HEAD, more, b"Content-Length: 3\r\n\r\n", answers=2)
    assert told[:1] == [b"503 Service Unavailable"]


def test_bad_heads_are_refused_for_what_they_are(server: Overloaded) -> None:
    assert server.talk(b"POST / HTTP/1.1\r\n\r\n") == [b"400 Bad Request"]


def test_a_body_that_does_not_come_ends_the_connection_without_another_answer(
    server: Overloaded,
) -> None:
    told = server.talk(HEAD, b"Content-Length: 3\r\n\r\na", answers=2)
    assert told == [b"503 Service Unavailable"]


@pytest.mark.parametrize("more", [b"", b"Connection: upgrade\r\nUpgrade: x\r\n"])
def test_who_sends_very_many_at_once_gets_some_answers(more: bytes, server: Overloaded) -> None:
    told = server.talk((HEAD + more + b"Content-Length: 0\r\n\r\n") * 3000, answers=3000)
    assert 1 <= len(told) <= PIPELINED + 1
    assert set(told) == {b"503 Service Unavailable"}


def test_who_reads_no_answers_is_not_kept(server: Overloaded) -> None:
    some = (HEAD + b"Content-Length: 0\r\n\r\n") * PIPELINED
    until = time.monotonic() + 10

    def send_on(client: socket.socket) -> None:
        while time.monotonic() < until:
            client.sendall(some)

    with (
        socket.create_connection(("127.0.0.1", server.port), 10) as client,
        pytest.raises(ConnectionError),
    ):
        send_on(client)
