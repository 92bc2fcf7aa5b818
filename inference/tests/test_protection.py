from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.connection import Patience
from inference.linger import Linger
from inference.metrics import Metrics
from inference.protection import Guard, most_connections
from inference.requests import RequestLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message, Receive, Scope, Send

PATIENT = Patience(look=0.02)
SECONDS = 30.0
GET = b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /posted HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = POST + b"Content-Length: 3\r\n"
UPGRADE = b"Connection: upgrade\r\nUpgrade: h2c\r\n"


@dataclass
class Echo:
    """Answers with the path and the size of the body, and notes both.

    `/held` waits for a request for `/go`; `/left` waits for its client to go; `/large` has an
    answer that no socket's buffers hold; `/unread` reads no body.
    """

    seen: list[tuple[str, int]] = field(default_factory=list)
    held: int = 0
    left: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, size = scope["path"], 0
        while path != "/unread":
            message = await receive()
            size += len(message.get("body", b""))
            if message["type"] == "http.disconnect":
                return
            if not message["more_body"]:
                break
        self.seen.append((path, size))
        assert b"trailing" not in dict(scope["headers"])
        if path == "/go":
            self.go.set()
        if path == "/left":
            self.left -= 1
            while (await receive())["type"] != "http.disconnect":
                pass
            self.left += 2
            return
        if path == "/held":
            self.held += 1
            await self.go.wait()
        content = bytes(50 * 2**20) if path == "/large" else f"{path} {size}".encode()
        headers = [(b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body: Message = {"type": "http.response.body", "body": content}
        await send(body)


@dataclass(frozen=True)
class Served:
    """An application behind a guard, in a thread of its own."""

    port: int
    echo: Echo
    metrics: Metrics
    server: uvicorn.Server
    thread: threading.Thread

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), SECONDS)

    def ask(self, *pieces: bytes) -> bytes:
        """All that is answered to some bytes, until the server closes the connection."""
        with self.connect() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                client.sendall(piece)
            return read_all(client)

    def refused(self, code: str) -> int:
        text = self.metrics.text().decode()
        found = re.search(rf'inference_refusals_total{{code="{code}"}} (\d+)', text)
        return int(found[1]) if found else 0

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()

    @property
    def open(self) -> int:
        return len(self.server.server_state.connections)


Serve = Callable[..., Served]


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Start servers, and see to it that none is left."""
    with contextlib.ExitStack() as stack:

        def run(patience: Patience = PATIENT, connections: int | None = None) -> Served:
            echo, metrics = Echo(), Metrics()
            config = uvicorn.Config(
                Linger(RequestLog(echo, metrics), seconds=0.2),
                http=Guard(metrics.refusal, patience=patience, connections=connections).protocol,  # type: ignore[arg-type]
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=10,
            )
            server = uvicorn.Server(config)
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            served = Served(listener.getsockname()[1], echo, metrics, server, thread)
            stack.callback(served.stop)
            return served

        yield run


@pytest.fixture(scope="module")
def served(serve: Serve) -> Served:
    """One that waits as long as in production."""
    return serve()


def read_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(2**16), b""))


def answers(stream: bytes) -> list[tuple[int, str]]:
    """Status and body of each answer in a stream of them."""
    found = []
    while stream:
        head, _, stream = stream.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length, head
        found.append((int(head.split()[1]), stream[: int(length[1])].decode()))
        stream = stream[int(length[1]) :]
    return found


def assert_refused(stream: bytes, status: int, code: str) -> None:
    """That a connection's last answer is an error like any other, and says that it is the last."""
    told, body = answers(stream)[-1]
    error = json.loads(body)["error"]
    assert (told, error["code"], error.keys()) == (status, code, {"code", "message"})
    last = stream[stream.rindex(b"HTTP/1.1 ") :]
    assert b"\r\nconnection: close\r\n" in last
    assert b"\r\ncontent-type: application/json\r\n" in last


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# What servers in a row may read differently, or what is no HTTP at all (RFC 9112, section 11.2).
MALFORMED = {
    "both lengths": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, the other way": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    "a length of 0 and chunks": POST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a length twice": LENGTH + b"Content-Length: 3\r\n\r\nabc",
    "two lengths": LENGTH + b"Content-Length: 4\r\n\r\nabc",
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": POST + b"Content-Length: -3\r\n\r\nabc",
    "a length in hexadecimal": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "a length with an underscore": POST + b"Content-Length: 0_3\r\n\r\nabc",
    "an empty length": POST + b"Content-Length:\r\n\r\nabc",
    "a length beyond 64 bits": POST + b"Content-Length: 18446744073709551619\r\n\r\nabc",
    "no coding": POST + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunks that are not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "almost a coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding after a vertical tab": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a coding in quotes": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "a coding twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a coding in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded header": POST + b"X: a\r\n b\r\n\r\n",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a line without CR": b"POST / HTTP/1.1\nHost: x\r\n\r\n",
    "a header without CR": POST + b"X: a\nY: b\r\n\r\n",
    "a header without LF": POST + b"X: a\rY: b\r\n\r\n",
    "an end without CR": POST + b"X: a\r\n\n",
    "a space before a colon": POST + b"Content-Length : 3\r\n\r\nabc",
    "a space before a header": b"POST / HTTP/1.1\r\n Host: x\r\n\r\n",
    "a header without a name": POST + b": x\r\n\r\n",
    "a zero byte": POST + b"X: a\0b\r\n\r\n",
    "a control character": POST + b"X: a\x01b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a space in the address": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "an address without a slash": b"GET ready HTTP/1.1\r\nHost: x\r\n\r\n",
    "an address without a host": b"GET http:///x HTTP/1.1\r\nHost: x\r\n\r\n",
    "an address that is not ASCII": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown method": b"HACK / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "an answer": b"HTTP/1.1 200 OK\r\n\r\n",
    "an extension without CR": CHUNKED + b"1;a\nb\r\na\r\n0\r\n\r\n",
    "an extension with a CR": CHUNKED + b"1;a\rb\r\na\r\n0\r\n\r\n",
    "a chunk's size without CR": CHUNKED + b"1\na\r\n0\r\n\r\n",
    "a chunk without CR": CHUNKED + b"1\r\na\n0\r\n\r\n",
    "a chunk that is too long": CHUNKED + b"1\r\nab0\r\n\r\n",
    "a chunk's size beyond 64 bits": CHUNKED + b"10000000000000001\r\na",
    "a chunk's size with 0x": CHUNKED + b"0x1\r\na\r\n0\r\n\r\n",
    "a negative chunk": CHUNKED + b"-1\r\na\r\n0\r\n\r\n",
    "a chunk's size and a space": CHUNKED + b"1 \r\na\r\n0\r\n\r\n",
    "a chunk without a size": CHUNKED + b"\r\na\r\n0\r\n\r\n",
    "a length after chunks": CHUNKED + b"0\r\nContent-Length: 3\r\n\r\n",
}


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=list(MALFORMED))
def test_what_may_be_read_in_two_ways_is_refused(served: Served, request_: bytes) -> None:
    served.echo.seen.clear()
    stream = served.ask(request_ + GET)
    assert len(answers(stream)) == 1
    assert_refused(stream, 400, "bad_request")
    assert served.echo.seen == []


def test_what_is_wrong_is_told_beside_a_wish_for_another_protocol(served: Served) -> None:
    stream = served.ask(b"GET / HTTP/1.1\r\n" + UPGRADE + b"\r\n")
    assert_refused(stream, 400, "bad_request")
    assert b"there must be one Host header" in stream


@pytest.mark.parametrize(
    ("request_", "size"),
    [
        (CHUNKED + b"2;a=b\r\nab\r\n01\r\nc\r\n0\r\n\r\n", 3),
        (CHUNKED + b"3\r\nabc\r\n0\r\nTrailing: y\r\n\r\n", 3),
        (POST + b"transfer-encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 3),
        (LENGTH + b"\r\nabc", 3),
        (b"\r\n\r\n" + LENGTH + b"\r\nabc", 3),
        (b"POST /posted HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", 3),
        (b"POST http://x/posted HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 3),
        (LENGTH + b"X: \xe4\r\n\r\nabc", 3),
        (LENGTH + UPGRADE + b"\r\nabc", 3),
        (POST + UPGRADE + b"\r\n", 0),
        (b"POST /posted HTTP/1.0\r\nContent-Length: 3\r\n" + UPGRADE + b"\r\nabc", 3),
        (LENGTH + UPGRADE.replace(b"h2c", b"websocket") + b"\r\nabc", 3),
    ],
)
@pytest.mark.parametrize("cut", [0, -3, -1])
def test_what_can_be_read_in_one_way_is_served(
    served: Served, request_: bytes, size: int, cut: int
) -> None:
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    pieces = (request_[:cut], request_[cut:] + last)
    found = answers(served.ask(*pieces))
    once = b"HTTP/1.0" in request_  # which ends with its answer
    assert found == [(200, f"/posted {size}"), (200, "/first 0")][: 1 if once else 2]


def head(size: int) -> bytes:
    """A head whose target, names and values have as many bytes."""
    fixed = len(b"/" + b"Host" + b"x" + b"Connection" + b"close" + b"X")
    value = b"a" * (size - fixed)
    return b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + value + b"\r\n\r\n"


def target(size: int) -> bytes:
    path = b"/".ljust(size, b"a")
    return b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def headers(number: int) -> bytes:
    more = b"X: y\r\n" * (number - 2)
    return b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + more + b"\r\n"


@pytest.mark.parametrize(
    ("make", "most", "status", "code"),
    [
        (head, 32 * 1024, 431, "head_too_large"),
        (headers, 100, 431, "head_too_large"),
        (target, 8 * 1024, 414, "uri_too_long"),
    ],
)
def test_a_head_has_limits(
    served: Served, make: Callable[[int], bytes], most: int, status: int, code: str
) -> None:
    ((fine, _),) = answers(served.ask(make(most)))
    assert fine == 200
    stream = served.ask(make(most + 1))
    assert len(answers(stream)) == 1
    assert_refused(stream, status, code)


@pytest.mark.parametrize(
    ("begin", "fill", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"a", 431, "head_too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n", 431, "head_too_large"),
        (b"GET /", b"a", 414, "uri_too_long"),
        (b"", b"\r\n", 431, "head_too_large"),
        (CHUNKED + b"1;", b"a", 431, "head_too_large"),
        (CHUNKED, b"0" * 64, 431, "head_too_large"),
        (CHUNKED + b"0\r\nX: ", b"a", 431, "head_too_large"),
        (CHUNKED + b"0\r\n", b"X: y\r\n", 431, "head_too_large"),
    ],
    ids=["value", "headers", "address", "lines", "extension", "zeros", "trailer", "trailers"],
)
def test_a_megabyte_that_is_no_body_is_refused_before_its_end(
    served: Served, begin: bytes, fill: bytes, status: int, code: str
) -> None:
    served.echo.seen.clear()
    stream = served.ask(begin, fill * (2**20 // len(fill)))
    assert_refused(stream, status, code)
    assert served.echo.seen == []


def test_a_body_of_many_chunks_or_bytes_is_read(served: Served) -> None:
    chunks = b"".join(b"400\r\n%b\r\n" % bytes(1024) for _ in range(1024))
    long = POST + b"Content-Length: 1048576\r\n\r\n" + bytes(2**20)
    stream = served.ask(CHUNKED + chunks + b"0\r\n\r\n", long + head(100))
    assert answers(stream) == [(200, "/posted 1048576")] * 2 + [(200, "/ 0")]


def test_an_error_below_v2_is_told_as_its_protocol_does(served: Served) -> None:
    stream = served.ask(b"GET /v2/models HTTP/1.1\r\n\r\n")
    assert answers(stream) == [(400, '{"error":"there must be one Host header"}')]
    assert answers(served.ask(b"GET /v2?x=1 HTTP/1.1\r\n\r\n")) == answers(stream)


def test_requests_in_a_row_are_answered_in_their_order(served: Served) -> None:
    served.echo.go.clear()
    with served.connect() as client, served.connect() as other:
        client.sendall(GET.replace(b"first", b"held") + LENGTH + b"\r\nabc" + GET + b"nonsense")
        wait_until(lambda: served.echo.held == 1)
        other.sendall(GET.replace(b"first", b"go"))
        stream = read_all(client)
    assert answers(stream)[:-1] == [(200, "/held 0"), (200, "/posted 3"), (200, "/first 0")]
    assert_refused(stream, 400, "bad_request")
    served.echo.held = 0


def test_a_bad_body_behind_other_requests_waits_for_their_answers(served: Served) -> None:
    stream = served.ask(GET * 2 + CHUNKED + b"nonsense" + GET)
    assert answers(stream)[:-1] == [(200, "/first 0")] * 2
    assert_refused(stream, 400, "bad_request")


def test_a_bad_body_is_refused_in_place_of_an_answer(served: Served) -> None:
    stream = served.ask(CHUNKED.replace(b"posted", b"unread") + b"nonsense")
    assert len(answers(stream)) == 1
    assert_refused(stream, 400, "bad_request")


def test_a_bad_body_that_was_not_asked_for_gets_one_answer(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    expecting = CHUNKED.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    with caplog.at_level(logging.INFO):
        stream = served.ask(expecting + b"nonsense")
        wait_until(lambda: "request" in caplog.messages)
    assert len(answers(stream)) == 1
    assert_refused(stream, 400, "bad_request")
    assert {record.levelname for record in caplog.records} == {"INFO"}


def test_http_1_0_is_not_told_to_continue(served: Served) -> None:
    request = LENGTH.replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\n\r\nabc"
    assert answers(served.ask(request)) == [(200, "/posted 3")]


def test_an_answer_without_a_body_is_sent(served: Served) -> None:
    stream = served.ask(GET.replace(b"GET", b"HEAD") + head(100))
    first, _, rest = stream.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answers(rest) == [(200, "/ 0")]


def test_who_goes_is_missed_by_the_request_that_runs(served: Served) -> None:
    served.echo.left = 0
    with served.connect() as client:
        client.sendall(GET.replace(b"first", b"left") + GET)
        wait_until(lambda: served.echo.left == -1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: served.echo.left == 1)


def test_too_many_requests_in_a_row_are_refused(served: Served) -> None:
    stream = served.ask(GET * 10_000)
    assert len(answers(stream)) == 34
    assert_refused(stream, 503, "busy")
    assert b"\r\nretry-after: 1\r\n" in stream


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_how_bytes_are_cut_makes_no_difference(served: Served, cuts: list[int]) -> None:
    requests = GET + CHUNKED + b"2;x\r\nab\r\n1\r\nc\r\n0\r\nX: y\r\n\r\n" + LENGTH + UPGRADE
    requests += b"\r\nabc" + head(200) + GET
    edges = [0, *sorted(cuts), len(requests)]
    stream = served.ask(*(requests[a:b] for a, b in itertools.pairwise(edges)))
    posted = [(200, "/posted 3")] * 2
    assert answers(stream) == [(200, "/first 0"), *posted, (200, "/ 0")]


def test_a_head_that_does_not_come_in_time_is_refused(serve: Serve) -> None:
    served = serve(Patience(head=0.2, look=0.02))
    assert_refused(served.ask(b"GET / HTTP/1.1\r\nHost: x\r\n"), 408, "timeout")
    assert_refused(served.ask(b"G"), 408, "timeout")
    assert served.ask() == b""
    stream = served.ask(GET + b"GET")
    assert answers(stream)[0] == (200, "/first 0")
    assert_refused(stream, 408, "timeout")
    assert served.refused("timeout") == 3


def test_a_head_that_drips_is_refused(serve: Serve) -> None:
    served = serve(Patience(head=0.2, look=0.02))
    with served.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: ")
        drip(client, b"a")
        assert_refused(read_all(client), 408, "timeout")


def test_a_kept_connection_is_closed_when_no_request_comes(serve: Serve) -> None:
    served = serve(Patience(idle=0.1, look=0.02))
    assert answers(served.ask(GET)) == [(200, "/first 0")]
    assert served.ask(GET + GET).count(b"200 OK") == 2


@pytest.mark.parametrize("path", [b"/posted", b"/unread"])
def test_a_body_that_drips_is_refused_or_not_waited_for(serve: Serve, path: bytes) -> None:
    served = serve(Patience(body=0.1, rate=10_000, look=0.02))
    with served.connect() as client:
        client.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        drip(client, b"a")
        stream = read_all(client)
    if path == b"/unread":
        assert answers(stream) == [(200, "/unread 0")]
    else:
        assert_refused(stream, 408, "timeout")
    wait_until(lambda: served.open == 0)


def test_a_body_that_nobody_asks_for_ends_the_connection(serve: Serve) -> None:
    served = serve(Patience(body=1000))
    stream = served.ask(LENGTH.replace(b"posted", b"unread") + b"Expect: 100-continue\r\n\r\n")
    assert answers(stream) == [(200, "/unread 0")]


def test_a_body_may_be_slow_but_for_its_rate(serve: Serve) -> None:
    served = serve(Patience(body=0.2, rate=1, look=0.02))
    with served.connect() as client:
        client.sendall(POST + b"Content-Length: 20\r\n\r\n")
        for _ in range(20):  # 0.4 s
            client.sendall(b"a")
            time.sleep(0.02)
        client.sendall(head(100))
        assert answers(read_all(client)) == [(200, "/posted 20"), (200, "/ 0")]


def test_an_answer_that_is_not_taken_is_given_up(serve: Serve) -> None:
    served = serve(Patience(unread=0.2, look=0.02))
    with served.connect() as client:
        client.sendall(GET.replace(b"first", b"large"))
        wait_until(lambda: served.echo.seen != [] and served.open == 0)
    with served.connect() as client:
        client.sendall(head(100).replace(b"GET /", b"GET /large"))
        wait_until(lambda: len(served.echo.seen) == 2 and served.open == 0)


def test_an_answer_that_is_taken_slowly_is_sent_to_its_end(serve: Serve) -> None:
    served = serve(Patience(unread=0.2, look=0.02))
    with served.connect() as client:
        client.sendall(head(100).replace(b"GET /", b"GET /large"))
        size = 0
        while taken := client.recv(2**20):
            size += len(taken)
            time.sleep(0.01)  # 0.5 s and more in all
    assert size > 50 * 2**20


def test_who_waits_longest_for_a_request_goes_when_there_are_too_many(serve: Serve) -> None:
    served = serve(connections=4)
    with served.connect() as first:
        wait_until(lambda: served.open == 1)
        began = time.monotonic()
        wait_until(lambda: time.monotonic() > began + 0.01)  # the loop's time is in milliseconds
        with served.connect(), served.connect(), served.connect():
            wait_until(lambda: served.open == 4)
            assert ended([first]) == set()
            with served.connect():
                wait_until(lambda: ended([first]) == {first})


def test_who_sends_a_request_is_served_among_many_who_do_not(serve: Serve) -> None:
    served = serve(connections=4)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(served.connect()) for _ in range(8)]
        assert answers(served.ask(head(100))) == [(200, "/ 0")]
        wait_until(lambda: len(ended(held)) == 5)
        assert served.refused("busy") == 5
        for each in set(held) - ended(held):
            each.sendall(head(100))
            assert answers(read_all(each)) == [(200, "/ 0")]


def test_who_comes_when_all_work_is_refused(serve: Serve) -> None:
    served = serve(connections=2)
    with served.connect() as first, served.connect() as second:
        for each in (first, second):
            each.sendall(head(100).replace(b"GET /", b"GET /held"))
        wait_until(lambda: served.echo.held == 2)
        assert_refused(served.ask(), 503, "busy")
        assert_refused(served.ask(head(100)), 503, "busy")
    wait_until(lambda: served.open == 0)
    served.ask(head(100).replace(b"GET /", b"GET /go"))


def test_a_refusal_is_a_line_and_a_count(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    before = served.refused("bad_request")
    with caplog.at_level(logging.INFO):
        served.ask(POST + b"X: a\0b\r\n\r\n")
        served.ask(CHUNKED + b"nonsense")
        wait_until(lambda: len(caplog.records) == 2)
    first, second = (record.__dict__["fields"] for record in caplog.records)
    assert (first["status"], first["code"]) == (400, "bad_request")
    assert (second["path"], second["status"]) == ("/posted", 400)
    assert served.refused("bad_request") == before + 2


def test_a_server_that_stops_answers_what_was_begun(serve: Serve) -> None:
    served = serve()
    with contextlib.ExitStack() as stack:
        half, idle, body = (stack.enter_context(served.connect()) for _ in range(3))
        half.sendall(b"GET")
        idle.sendall(GET)
        body.sendall(LENGTH + b"\r\nab")
        wait_until(lambda: ("/first", 0) in served.echo.seen and served.open == 3)
        served.server.should_exit = True
        assert read_all(half) == b""
        assert answers(read_all(idle)) == [(200, "/first 0")]
        body.sendall(b"c")
        assert answers(read_all(body)) == [(200, "/posted 3")]
        served.stop()


def test_descriptors_are_left_for_all_else() -> None:
    assert 1 <= most_connections() <= 1_000


def drip(client: socket.socket, byte: bytes) -> None:
    """Send a byte at a time until there is an answer, or no one to send to."""
    deadline = time.monotonic() + SECONDS
    client.settimeout(0.01)
    while time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError):
            client.recv(1, socket.MSG_PEEK)
            break
        with contextlib.suppress(OSError):
            client.sendall(byte)
    client.settimeout(SECONDS)


def ended(clients: list[socket.socket]) -> set[socket.socket]:
    """Those that the server has closed, or sent something to."""
    return set(select.select(clients, [], [], 0)[0])
