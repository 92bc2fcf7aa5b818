from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from serving_load import Head, parse_head, percentile, run_load

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 0.2


class Handler(BaseHTTPRequestHandler):
    """Answers at once; `protocol_version` HTTP/1.0 closes after each answer."""

    status = 200
    with_length = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        if self.with_length:
            self.send_header("content-LENGTH", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def server(**attributes: object) -> Iterator[int]:
    kind = type("Kind", (Handler,), attributes)
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield found.server_port
        finally:
            found.shutdown()
            thread.join()


REQUESTS = [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"protocol_version": "HTTP/1.1"},
        {"protocol_version": "HTTP/1.0"},
        {"protocol_version": "HTTP/1.0", "with_length": False},
    ],
    ids=["kept", "closed", "ended by the connection"],
)
def test_every_answer_counts_once_whether_the_connection_is_kept_or_not(
    attributes: dict[str, object],
) -> None:
    with server(**attributes) as port:
        load = run_load(port, REQUESTS, clients=3, seconds=SECONDS)
    assert load.failed == 0
    assert load.answers >= 3
    assert load.seconds >= SECONDS
    assert 0 < load.p50 <= load.p99 < load.seconds
    assert load.rate == load.answers / load.seconds


def test_answers_of_another_status_are_failures() -> None:
    with server(status=503, protocol_version="HTTP/1.1") as port:
        load = run_load(port, REQUESTS, clients=2, seconds=SECONDS)
    assert load.answers == 0
    assert load.failed >= 2
    assert math.isnan(load.p99)


def test_connections_that_are_refused_are_failures() -> None:
    with server() as port:
        pass
    load = run_load(port, REQUESTS, clients=2, seconds=SECONDS)
    assert load.answers == 0
    assert load.failed >= 2


def test_a_connection_that_is_cut_in_the_middle_is_a_failure() -> None:
    class Cut(Handler):
        def do_POST(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
            self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Cut) as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        load = run_load(found.server_port, REQUESTS, clients=1, seconds=SECONDS)
        found.shutdown()
        thread.join()
    assert load.answers == 0
    assert load.failed >= 1


@pytest.mark.parametrize(
    ("text", "head"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12", Head(200, 12, kept=True)),
        (b"HTTP/1.1 503 No\r\ncontent-length:7\r\nConnection: close", Head(503, 7, kept=False)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0", Head(200, 0, kept=False)),
        (b"HTTP/1.1 200 OK\r\nX-Content-Length: 3", Head(200, None, kept=False)),
    ],
)
def test_heads(text: bytes, head: Head) -> None:
    assert parse_head(text) == head


def test_what_is_no_head_is_refused() -> None:
    with pytest.raises(ValueError, match="no answer in HTTP/1"):
        parse_head(b"SSH-2.0-x")


@pytest.mark.parametrize(
    ("count", "share", "value"),
    [(1, 0.99, 1), (100, 0.99, 99), (101, 0.99, 100), (4, 0.5, 2), (5, 0.5, 3), (1000, 0.99, 990)],
)
def test_percentiles_are_of_the_nearest_rank(count: int, share: float, value: float) -> None:
    assert percentile([float(n) for n in range(count, 0, -1)], share) == value
