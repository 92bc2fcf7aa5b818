"""Requests that are begun and held back: the server has their head and waits for their body."""

from __future__ import annotations

import socket
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """A request to `/predict` whose body is still to be sent."""

    connection: socket.socket
    body: bytes

    def finish(self) -> int:
        """Send the body; the answer's status, or 0 where there is none."""
        try:
            self.connection.sendall(self.body)
            head = self.connection.recv(64)
        except OSError:
            return 0
        return int(head.split()[1]) if head.startswith(b"HTTP/1.1 ") else 0


@contextmanager
def held_requests(url: str, body: bytes, many: int) -> Iterator[list[HeldRequest]]:
    """So many requests at a time, each of which the server is known to work on.

    It says so by 100 Continue, which it sends when it begins to read a body
    (RFC 9110, section 10.1.1).
    """
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    head = (
        f"POST /predict HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: image/png\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with ExitStack() as opened:
        connections = [
            opened.enter_context(
                socket.create_connection((address.hostname, address.port), SECONDS)
            )
            for _ in range(many)
        ]
        for connection in connections:
            connection.sendall(head.encode())
        for connection in connections:
            assert connection.recv(64) == b"HTTP/1.1 100 Continue\r\n\r\n"
        yield [HeldRequest(connection, body) for connection in connections]
