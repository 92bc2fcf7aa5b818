"""Lets an answer reach a client that is still sending.

A connection that is closed while bytes of the request lie unread is reset, and a reset may
destroy an answer on its way (RFC 9112, section 9.6). So the rest of a body that was refused is
read and dropped before the answer ends, as far as that is bearable.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BYTES = 256 * 1024 * 1024
_SECONDS = 10.0


class Linger:
    """ASGI middleware; the outermost, so that what it waits for is nobody's time but its own."""

    def __init__(self, app: ASGIApp, most_bytes: int = _BYTES, seconds: float = _SECONDS) -> None:
        """Drop at most so many bytes of a body, for at most so long."""
        self._app = app
        self._bytes = most_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and hold the end of its answer back until its body has come."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange.of(scope, receive, send)
        await self._app(scope, exchange.receive, exchange.send)
        if exchange.held:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await exchange.drop(self._bytes)
            await send({"type": "http.response.body"})


@dataclass(slots=True)
class _Exchange:
    """A request and its answer.

    Attributes:
        coming: the client sends more, or will when it is asked to.
        asked: it was, or needs not be.
        held: the end of the answer, and nothing else, is still to be sent.
    """

    _receive: Receive
    _send: Send
    coming: bool
    asked: bool
    held: bool = False

    @classmethod
    def of(cls, scope: Scope, receive: Receive, send: Send) -> _Exchange:
        names = {name for name, _ in scope["headers"]}
        coming = b"content-length" in names or b"transfer-encoding" in names
        return cls(receive, send, coming=coming, asked=b"expect" not in names)

    async def receive(self) -> Message:
        self.asked = True
        message = await self._receive()
        self.coming = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        ends = message["type"] == "http.response.body" and not message.get("more_body", False)
        self.held = ends and self.coming and self.asked
        await self._send({**message, "more_body": True} if self.held else message)

    async def drop(self, most_bytes: int) -> None:
        while self.coming and most_bytes > 0:
            most_bytes -= len((await self.receive()).get("body", b""))
