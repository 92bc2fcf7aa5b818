"""HTTP/1.1 byte by byte, for requests that no client library would send."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from dataclasses import dataclass
from typing import Any

SECONDS = 60.0
JPEG = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        status: 0 where the connection ended without an answer.
        head: its lines, in lower case, without the status.
        body: up to the end of the connection, or of its length.
        seconds: from the first byte sent to the last one read.
    """

    status: int
    head: dict[str, str]
    body: bytes
    seconds: float

    @property
    def document(self) -> Any:  # noqa: ANN401 - any JSON
        return json.loads(self.body)


def post(path: str, kind: str, body: bytes, **headers: str) -> bytes:
    """A request; underscores in the names of headers stand for dashes."""
    more = {"content-type": kind, "content-length": str(len(body))}
    more |= {name.replace("_", "-"): value for name, value in headers.items()}
    return head("POST", path, **more) + body


def head(method: str, path: str, **headers: str) -> bytes:
    """A request's head, with the end of it."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def send(port: int, request: bytes) -> Reply:
    """The answer to a request, on a connection of its own.

    A server may answer, and close, before it has read the request: then the rest is not sent.
    """
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        received = _receive(connection)
    seconds = time.monotonic() - began
    top, _, body = received.partition(b"\r\n\r\n")
    if not top.startswith(b"HTTP/1.1 "):
        return Reply(0, {}, received, seconds)
    status, *lines = top.decode("latin-1").split("\r\n")
    fields = [line.partition(":") for line in lines]
    names = {name.lower(): value.strip() for name, _, value in fields}
    return Reply(int(status.split(" ")[1]), names, body, seconds)


def _receive(connection: socket.socket) -> bytes:
    received = b""
    while not _is_whole(received):
        try:
            chunk = connection.recv(65536)
        except ConnectionResetError:
            break
        if not chunk:
            break
        received += chunk
    return received


def _is_whole(received: bytes) -> bool:
    top, end, body = received.partition(b"\r\n\r\n")
    length = top.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    return bool(end) and bool(length) and len(body) >= int(length)
