"""A real HTTP server on 127.0.0.1 whose answers a test writes."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = Callable[["Handler"], None]


@dataclass
class Server:
    """Routes by path, and the requests that came."""

    port: int
    routes: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def add(self, path: str, answer: Answer | bytes | int) -> str:
        if isinstance(answer, bytes):
            self.routes[path] = sent(answer)
        elif isinstance(answer, int):
            self.routes[path] = lambda handler: handler.send(answer, b"")
        else:
            self.routes[path] = answer
        return self.url(path)


class Handler(BaseHTTPRequestHandler):
    """Answers by the server's routes."""

    protocol_version = "HTTP/1.1"
    tested: Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.tested.requests.append((path, dict(self.headers.items())))
        answer = self.tested.routes.get(path)
        try:
            if answer is None:
                self.send(404, b"")
            else:
                answer(self)
        except OSError:  # the client has left
            self.close_connection = True

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.start(status, **{"Content-Length": str(len(body)), **headers})
        self.wfile.write(body)

    def start(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass


def sent(body: bytes, **headers: str) -> Answer:
    """The whole body."""
    return lambda handler: handler.send(200, body, **headers)


def cut_once(body: bytes, after: int, **headers: str) -> Answer:
    """A body cut off the first time; later requests may ask for the rest of it."""
    cuts = iter([True])

    def answer(handler: Handler) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        if next(cuts, False):
            handler.start(200, Content_Length=str(len(body)), **headers)
            handler.wfile.write(body[:after])
            handler.close_connection = True
        elif asked and handler.headers.get("If-Range") == headers.get("ETag"):
            start = int(asked[1])
            place = f"bytes {start}-{len(body) - 1}/{len(body)}"
            handler.send(206, body[start:], Content_Range=place, **headers)
        else:
            handler.send(200, body, **headers)

    return answer


@contextmanager
def run_server() -> Iterator[Server]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        server = Server(listener.server_address[1])
        listener.RequestHandlerClass = type("Bound", (Handler,), {"tested": server})
        thread = Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
