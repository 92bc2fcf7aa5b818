"""Around every request: one line in the log, the metrics, and no traceback for the client."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from inference.errors import BrokenOffError
from inference.logs import fields
from inference.responses import error_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from inference.metrics import Metrics

log = logging.getLogger(__name__)

#: Logged for a client that was gone before its answer; nginx's number, which none is ever sent.
GONE = 499

#: In place of a route, where none was found or looked for.
UNROUTED = "none"
_PROBED = frozenset({"/ping", "/ready", "/metrics", "/v2/health/live", "/v2/health/ready"})
_EXPECTED = frozenset({HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE})  # the latter of /ready


class RequestLog:
    """ASGI middleware; outside it, answers are only held back, never made."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answer = _Answer(send)
        fault: Exception | None = None
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = GONE
        except Exception as error:  # noqa: BLE001 - the last place where a fault can be told
            fault = error
            await _apologise(answer, scope, receive)
        finally:
            self._tell(scope, answer.status, time.perf_counter() - began, fault)

    def _tell(self, scope: Scope, status: int, seconds: float, fault: Exception | None) -> None:
        route = getattr(scope.get("route"), "path", UNROUTED)
        status = refused(scope) or status
        self._metrics.request(scope["method"], route, status, seconds)
        client = scope.get("client")
        why = {"error": str(fault)} if isinstance(fault, BrokenOffError) else {}
        log.log(
            _level(route, status, fault),
            "request",
            exc_info=None if why else fault,
            extra=fields(
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=round(seconds * 1000, 1),
                client=client[0] if client else None,
                **why,
            ),
        )


def refused(scope: Scope) -> int | None:
    """The status by which the connection has meanwhile answered in the application's place."""
    status: int | None = scope.get("state", {}).get("refused")
    return status


def _level(route: str, status: int, fault: Exception | None) -> int:
    if fault:
        return logging.ERROR
    # Probes and scrapes come every few seconds, and would hide all else.
    probe = route in _PROBED and status in _EXPECTED
    return logging.DEBUG if probe else logging.INFO


@dataclass(slots=True)
class _Answer:
    """Passes an answer on and notes its status; 499 while none was begun."""

    _send: Send
    status: int = GONE

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


async def _apologise(answer: _Answer, scope: Scope, receive: Receive) -> None:
    if answer.status == GONE:
        response = error_response(
            scope["path"], 500, "internal", "the service failed: its log tells why"
        )
        await response(scope, receive, answer.send)
