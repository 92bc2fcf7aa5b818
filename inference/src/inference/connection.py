"""An HTTP connection that cannot be held for nothing.

A head must come within a time, a body at a rate, and an answer must be taken; else the connection
ends, and where an answer is possible it is an error like any other. No request sets a timer: one
that belongs to nobody looks at all connections now and then.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from inference.corking import Corked
from inference.errors import BadRequestError, BusyError, RequestError, SlowRequestError
from inference.heads import HEAD_BYTES, check_head, too_large
from inference.logs import fields
from inference.responses import refusal

if TYPE_CHECKING:
    import asyncio

    from uvicorn._types import ASGI3Application
    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from uvicorn.server import ServerState

    from inference.protection import Guard

log = logging.getLogger(__name__)

PIPELINED = 32

#: What a connection waits for; `turn` is to send a refusal, after the answers to what came before,
#: and `drop` the end of a body whose request has been answered.
_Phase = Literal["request", "head", "body", "drop", "answer", "turn", "close"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client is waited for; seconds, except for the rate.

    Attributes:
        head: for a connection's first byte, and for a whole head from its first byte on.
        body: for more of a body than its rate asks for (the rule and the rate are those of
            Apache's mod_reqtimeout).
        rate: bytes a second that a body must come at in the long run.
        idle: for another request.
        unread: for an answer that is not taken.
        close: for the client to take a refusal and close the connection.
        look: between two looks at all connections.
    """

    head: float = 10.0
    body: float = 20.0
    rate: float = 500.0
    idle: float = 5.0
    unread: float = 20.0
    close: float = 2.0
    look: float = 1.0


class Connection(HttpToolsProtocol):
    """A connection; `deadline` is when what it waits for must have come, in the loop's time."""

    def __init__(
        self,
        guard: Guard,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.deadline = math.inf
        self.url = b""
        self._guard = guard
        self._patience = guard.patience
        self._phase: _Phase = "request"
        self._running: RequestResponseCycle | None = None
        self._loose = 0  # bytes since the head began or its end, or data of the body, was seen
        self._refusal = b""
        self._unsent = 0
        self._taken = 0.0  # when the client took some of what is sent

    @property
    def may_go(self) -> bool:
        """Whether nothing is lost for a client that sends what it has to send."""
        return self._phase in {"request", "head", "drop", "close"}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._taken = self.loop.time()
        self._wait("request", self._patience.head)
        self._guard.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application; uvicorn tells only what came last, which may still be waiting."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come; it may end in the middle of anything."""
        if self._phase in {"turn", "close"}:
            return
        self._loose += len(data)
        if self._phase in {"body", "drop"}:
            latest = self.loop.time() + self._patience.body
            self.deadline = min(self.deadline + len(data) / self._patience.rate, latest)
        try:
            self._feed(data)
            if self._loose > HEAD_BYTES:
                raise too_large(self.url)
        except RequestError as error:
            self.refuse(error)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, RequestError):
                raise error.__context__ from None
            raise BadRequestError("the address cannot be read") from error
        except httptools.HttpParserError as error:
            raise BadRequestError(f"the request is not valid HTTP: {error}") from error
        else:
            return
        # Out of the `except`, which would take the place of what a callback raises.
        self._feed(self._without_upgrade() + rest)

    def _without_upgrade(self) -> bytes:
        """The head again, but without the wish for another protocol, which hides the body.

        A server may ignore the wish (RFC 9110, section 7.8), but httptools takes all that follows
        for the other protocol, and uvicorn would then take the body for another request.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise BadRequestError("there is no way through here")
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        """A request's first byte is here."""
        super().on_message_begin()
        self._loose = 0
        self._wait("head", self._patience.head)

    def on_headers_complete(self) -> None:
        """The head is here; whatever else it asks for, it is a request."""
        if self.parser.should_upgrade():
            return
        version = self.parser.get_http_version()
        check_head(self.url, version, self.headers)
        if len(self.pipeline) >= PIPELINED:
            raise BusyError("too many requests were sent without waiting for an answer")
        if version == "1.0":
            self.expect_100_continue = False  # RFC 9110, section 10.1.1
        super().on_headers_complete()
        if self.scope["method"] != "HEAD":  # whose head is all that is sent
            self.cycle.transport = Corked(self.transport)  # type: ignore[assignment]
        self.headers = []  # for the headers after a chunked body, which nobody reads
        self._loose = 0
        self._wait("body", self._patience.body)

    def on_body(self, body: bytes) -> None:
        """Some of the body is here."""
        super().on_body(body)
        self._loose = 0

    def on_message_complete(self) -> None:
        """The request is here as a whole."""
        if not self.parser.should_upgrade():
            super().on_message_complete()
            self._loose = 0
            self._wait("answer", math.inf)

    def on_response_complete(self) -> None:
        """Turn to what comes next: as uvicorn does it, but without a timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._phase == "turn":
            self._send_refusal()
        elif self._phase == "body":
            self.transport.close()  # where a body goes on that nobody wants
        elif self._phase == "answer":
            self._wait("request", self._patience.idle)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def resume_writing(self) -> None:
        """The client has taken most of what was sent."""
        super().resume_writing()
        self._taken = self.loop.time()

    def refuse(self, error: RequestError) -> None:
        """Answer with an error what is being received, and end the connection."""
        if self.transport.is_closing():
            return
        if self._phase == "drop":
            self.transport.close()
            return
        if self._phase == "body" and not self.pipeline:
            self._overrule(error)
            return
        if self._phase == "body":
            self.pipeline.popleft()
        self._tell(error)
        self._prepare(error)
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]
            self._send_refusal()

    def _overrule(self, error: RequestError) -> None:
        """Answer in place of the application, which has the request already and will log it."""
        if self.cycle.response_started:
            self.transport.close()
            return
        self.scope["state"]["refused"] = error.status
        self.cycle.waiting_for_100_continue = False  # it would come behind the refusal
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        self._prepare(error)
        self._send_refusal()

    def _tell(self, error: RequestError) -> None:
        client = self.client[0] if self.client else None
        known = fields(status=error.status, code=error.code, error=str(error), client=client)
        log.info("refused", extra=known)

    def _prepare(self, error: RequestError) -> None:
        closing = (b"connection", b"close")
        self._refusal = self._answer(error, *self.server_state.default_headers, closing)
        self._wait("turn", math.inf)

    def _answer(self, error: RequestError, *headers: tuple[bytes, bytes]) -> bytes:
        """A whole answer, which is counted as a refusal."""
        self._guard.refused(error.code)
        answer = refusal(error, self.url.partition(b"?")[0].decode("latin-1"))
        lines = [b"%s: %s\r\n" % header for header in (*headers, *answer.raw_headers)]
        return b"".join([STATUS_LINE[error.status], *lines, b"\r\n", bytes(answer.body)])

    def _send_refusal(self) -> None:
        """Send it, and drop what still comes: a reset may destroy it (RFC 9112, section 9.6)."""
        self.flow.resume_reading()
        self.transport.write(self._refusal)
        self.transport.write_eof()
        self._wait("close", self._patience.close)

    def give_way(self) -> None:
        """Close the connection for the sake of others."""
        if self._phase != "close":
            self._guard.refused(BusyError.code)
        self.transport.abort()

    def look(self, now: float) -> None:
        """End what takes too long."""
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent < self._unsent:
            self._taken = now
        self._unsent = unsent
        if now - self._taken > self._patience.unread:
            self.transport.abort()
        elif now >= self.deadline and not self.transport.is_closing():
            self._time_out(now)

    def _time_out(self, now: float) -> None:
        patience = self._patience
        if self._phase == "request":
            self.transport.close()
        elif self._phase == "close":
            self.transport.abort()
        elif self.flow.read_paused:  # so it is not the client that is slow
            self.deadline = now + patience.body
        elif self._phase == "head":
            self.refuse(SlowRequestError(f"the head did not come in {patience.head:g} s"))
        else:
            rate = f"{patience.rate:g} bytes a second, after {patience.body:g} s"
            self.refuse(SlowRequestError(f"the body came with less than {rate}"))

    def _wait(self, phase: _Phase, seconds: float) -> None:
        self._phase = phase
        self.deadline = self.loop.time() + seconds
