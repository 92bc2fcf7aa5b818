"""Connections that cost their client nearly nothing, and are to cost the server no more."""

from __future__ import annotations

import asyncio
import functools
import time
from dataclasses import dataclass, field

from wire import JPEG, head

BEGINNINGS = {
    "says nothing": b"",
    "half a line": b"POST /predict HT",
    "no end of the head": head("POST", "/predict")[:-2],
    "no body": head("POST", "/predict", **{"content-type": JPEG, "content-length": "9999"}),
    "no chunks": head("POST", "/predict", **{"content-type": JPEG, "transfer-encoding": "chunked"}),
}
PAUSE_SECONDS = 1.0


@dataclass(slots=True)
class SlowClient(asyncio.Protocol):
    """Sends a beginning, then perhaps a byte a second, and waits.

    Attributes:
        kind: a key of `BEGINNINGS`.
        trickles: whether it sends on.
        ended: its connection is closed.
        seconds: for which it was open.
    """

    kind: str
    trickles: bool
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    seconds: float = 0.0
    _began: float = 0.0
    _transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._began, self._transport = time.monotonic(), transport
        transport.write(BEGINNINGS[self.kind])
        if self.trickles:
            self._send_on()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        self.seconds = time.monotonic() - self._began
        self.ended.set()

    def close(self) -> None:
        assert self._transport
        self._transport.close()

    def _send_on(self) -> None:
        assert self._transport
        if not self._transport.is_closing():
            self._transport.write(b"x")
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._send_on)


async def connect_slowly(port: int, many: int) -> list[SlowClient]:
    """So many of all kinds, half of which send on."""
    loop = asyncio.get_running_loop()
    kinds = list(BEGINNINGS)
    clients = []
    for number in range(many):
        client = SlowClient(kinds[number % len(kinds)], number // len(kinds) % 2 == 0)
        clients.append(client)
        await loop.create_connection(functools.partial(_same, client), "127.0.0.1", port)
    return clients


def _same(client: SlowClient) -> SlowClient:
    return client
