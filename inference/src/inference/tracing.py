"""Traces of requests, sent to an OpenTelemetry collector by OTLP over HTTP: the extra `otel`.

A request is one server span, by <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>, and
goes on with the trace that its `traceparent` names (<https://www.w3.org/TR/trace-context/>). All
else is for OpenTelemetry's own variables to say: where to, which share of the traces, and so on.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.middleware import Middleware

from inference.requests import refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: `error.type` of a request whose client was gone before its answer was begun.
DISCONNECTED = "client_disconnected"
#: The event that the request's body has come; before it, the client was waited for.
RECEIVED = "body received"

_FLUSH_SECONDS = 3.0  # with the time for requests in flight, less than any orchestrator gives
_LONGEST = 500  # letters; what a client may say at length is not to fill the queue's memory
_OTHER = "_OTHER"
_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
_PROBES = frozenset({"/ping", "/ready", "/metrics", "/v2/health/live", "/v2/health/ready"})
_PROPAGATOR = TraceContextTextMapPropagator()


@contextlib.contextmanager
def exporting() -> Iterator[Sequence[Middleware]]:
    """Send traces while this lasts, from a thread of its own, and in the end what is left.

    Yields:
        What is to go around each request; the log must have been configured before.
    """
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # what is tried again is no news
    exporter = OTLPSpanExporter()
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    handlers = logging.getLogger().handlers
    for handler in handlers:
        handler.addFilter(_name_trace)
    try:
        yield [Middleware(Traces, tracer=provider.get_tracer("inference", version("inference")))]
    finally:
        for handler in handlers:
            handler.removeFilter(_name_trace)
        _close(provider, exporter)


class Traces:
    """ASGI middleware; around the request's log line, so that this can name the trace."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on in a span of its own; probes and scrapes in none."""
        if scope["type"] != "http" or scope["path"].rstrip("/") in _PROBES:
            await self._app(scope, receive, send)
            return
        with self._tracer.start_as_current_span(
            _name(scope), _parent(scope), SpanKind.SERVER, _attributes(scope)
        ) as span:
            exchange = _Exchange(span, receive, send)
            try:
                await self._app(scope, exchange.receive, exchange.send)
            finally:
                _complete(span, scope, refused(scope) or exchange.status)


@dataclass(slots=True)
class _Exchange:
    """Passes a request and its answer on, and notes when and how.

    Attributes:
        status: of the answer; `None` while none was begun.
    """

    _span: Span
    _receive: Receive
    _send: Send
    status: int | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._span.add_event(RECEIVED)  # what comes now is this service's time
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _resource() -> Resource:
    """Who sends the traces, as far as the environment does not say otherwise."""
    own = Resource({"service.name": "inference", "service.version": version("inference")})
    return Resource.create(own.merge(OTELResourceDetector().detect()).attributes)


def _parent(scope: Scope) -> Context:
    """The trace that the client names, if any."""
    carrier: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        if name in {b"traceparent", b"tracestate"}:
            carrier.setdefault(name.decode(), []).append(value.decode("latin-1"))
    return _PROPAGATOR.extract(carrier)


def _attributes(scope: Scope) -> dict[str, str | int]:
    """What is known at the start; queries are left out, as in the log."""
    attributes: dict[str, str | int] = {
        "http.request.method": _method(scope),
        "url.path": scope["path"][:_LONGEST],
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
    }
    if _method(scope) == _OTHER:
        attributes["http.request.method_original"] = scope["method"][:_LONGEST]
    if client := scope.get("client"):
        attributes["client.address"] = attributes["network.peer.address"] = client[0]
        attributes["network.peer.port"] = client[1]
    agents = [value for name, value in scope["headers"] if name == b"user-agent"]
    if agents:
        attributes["user_agent.original"] = agents[0].decode("latin-1")[:_LONGEST]
    return attributes


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else _OTHER


def _name(scope: Scope) -> str:
    """Method and route, as far as there are any that are known."""
    method = _method(scope)
    route = getattr(scope.get("route"), "path", "")
    return f"{'HTTP' if method == _OTHER else method} {route}".rstrip()


def _complete(span: Span, scope: Scope, status: int | None) -> None:
    """Add what was not known at the start: the route, and what became of the request."""
    if route := scope.get("route"):
        span.update_name(_name(scope))
        span.set_attribute("http.route", route.path)
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.set_attribute("error.type", DISCONNECTED if status is None else str(status))
        span.set_status(StatusCode.ERROR)


def _name_trace(record: logging.LogRecord) -> bool:
    """Add the trace's id to what is logged of a request; a filter that lets all pass."""
    context = get_current_span().get_span_context()
    if context.is_valid:
        named = {"trace_id": format_trace_id(context.trace_id)}
        record.__dict__["fields"] = {**getattr(record, "fields", {}), **named}
    return True


def _close(provider: TracerProvider, exporter: OTLPSpanExporter) -> None:
    """Send what is left, but do not wait for a collector that does not answer."""
    closing = threading.Thread(target=provider.shutdown, name="traces", daemon=True)
    closing.start()
    closing.join(_FLUSH_SECONDS)
    if closing.is_alive():
        exporter.shutdown()  # type: ignore[no-untyped-call] # and try no more
