"""Requests that no client's library sends, as bytes."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back until the server closed the connection; status 0 for nothing."""

    status: int
    head: str
    body: bytes

    @property
    def code(self) -> str:
        """The error's code."""
        return str(json.loads(self.body)["error"]["code"])


def ask(base_url: str, request: bytes) -> RawAnswer:
    """Send bytes, or what the server takes of them, and read until it closes the connection.

    Raises:
        TimeoutError: it does not.
    """
    page = urlsplit(base_url)
    address = (page.hostname or "", page.port or 80)
    received = b""
    with socket.create_connection(address, SECONDS) as client:
        with contextlib.suppress(ConnectionError):  # once the server has refused it
            client.sendall(request)
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(2**16):
                received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return RawAnswer(int(head.split()[1]) if head else 0, head.decode("latin-1"), body)
