from __future__ import annotations

import asyncio
import http.server
import json
import logging
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import picture
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient
from test_main import serve

from inference.app import create_app
from inference.tracing import DISCONNECTED, RECEIVED, Traces, exporting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Shelf
    from starlette.types import Message, Receive, Scope, Send
    from test_main import Serve

__all__ = ["serve"]  # the fixture

PROJECT = Path(__file__).parents[1]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
Values = dict[str, str | int]


@dataclass(frozen=True)
class Collector:
    """What has come by OTLP over HTTP, on a port of its own."""

    url: str
    requests: list[ExportTraceServiceRequest]

    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def resource(self) -> Values:
        return values(self.requests[0].resource_spans[0].resource)


def values(owner: object) -> Values:
    """The attributes of a span, or of a resource."""
    pairs = {each.key: each.value for each in owner.attributes}  # type: ignore[attr-defined]
    return {key: getattr(value, value.WhichOneof("value")) for key, value in pairs.items()}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A server that takes what exporters send, and does not forget it."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            assert self.headers["content-type"] == "application/x-protobuf"
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.05]).start()
        yield Collector(f"http://127.0.0.1:{server.server_port}", received)
        server.shutdown()


Ask = Callable[[TestClient], object]
Trace = Callable[[Ask], list[Span]]


@pytest.fixture
def trace(shelf: Shelf, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Trace:
    """Ask a traced application something, and see the spans that come of it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)

    def run(ask: Ask) -> list[Span]:
        with exporting() as around:
            app = create_app(shelf.settings(), around=around)
            with TestClient(app, raise_server_exceptions=False) as client:
                assert app.state.service.watcher.looked.wait(30)
                ask(client)
        return collector.spans()

    return run


def test_a_request_is_a_server_span_by_the_conventions(shelf: Shelf, trace: Trace) -> None:
    shelf.publish(1)
    (span,) = trace(lambda client: client.get("/models/1?secret=x", headers={"user-agent": "me"}))
    assert (span.name, span.kind) == ("GET /models/{version}", Span.SPAN_KIND_SERVER)
    assert values(span) == {
        "http.request.method": "GET",
        "http.route": "/models/{version}",
        "http.response.status_code": 200,
        "url.path": "/models/1",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "client.address": "testclient",
        "network.peer.address": "testclient",
        "network.peer.port": 50000,
        "user_agent.original": "me",
    }
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert span.parent_span_id == b""
    assert 0 < span.start_time_unix_nano < span.end_time_unix_nano


def test_a_trace_goes_on(trace: Trace) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=1"}
    (span,) = trace(lambda client: client.get("/models", headers=headers))
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.trace_state == "a=1"


@pytest.mark.parametrize("broken", ["", "00-0-0-01", f"ff-{TRACE}-{PARENT}-01", "\xff" * 60])
def test_a_broken_trace_begins_anew(broken: str, trace: Trace) -> None:
    headers = {b"traceparent": broken.encode("latin-1")}
    (span,) = trace(lambda client: client.get("/models", headers=headers))
    assert len(span.trace_id) == 16
    assert (span.trace_id.hex() != TRACE, span.parent_span_id) == (True, b"")


def test_what_the_client_does_not_sample_is_not_sent(trace: Trace) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
    assert trace(lambda client: client.get("/models", headers=headers)) == []


def test_probes_and_scrapes_are_not_traced(trace: Trace) -> None:
    def probe(client: TestClient) -> None:
        for path in ("/ping", "/ready", "/metrics", "/v2/health/live/", "/v2/health/ready"):
            client.get(path)

    assert trace(probe) == []


def test_a_refusal_for_want_of_a_model_is_an_error(trace: Trace) -> None:
    (span,) = trace(lambda client: client.post("/predict", content=picture()))
    assert (span.name, span.status.code) == ("POST /predict", Status.STATUS_CODE_ERROR)
    assert values(span)["error.type"] == "503"
    assert values(span)["http.response.status_code"] == 503


def test_when_the_body_has_come_is_told(shelf: Shelf, trace: Trace) -> None:
    shelf.publish(1)
    (span,) = trace(lambda client: client.post("/predict", files={"file": picture()}))
    (event,) = span.events
    assert event.name == RECEIVED
    assert span.start_time_unix_nano < event.time_unix_nano < span.end_time_unix_nano


def test_a_clients_mistake_is_none(trace: Trace) -> None:
    (span,) = trace(lambda client: client.get("/nowhere"))
    assert (span.name, span.status.code) == ("GET", Status.STATUS_CODE_UNSET)
    assert values(span)["http.response.status_code"] == 404
    assert not {"http.route", "error.type"} & values(span).keys()


def test_a_method_that_is_not_known_names_nothing(trace: Trace) -> None:
    (span,) = trace(lambda client: client.request("BREW", "/" + "x" * 9000))
    assert span.name == "HTTP"
    assert values(span)["http.request.method"] == "_OTHER"
    assert values(span)["http.request.method_original"] == "BREW"
    assert values(span)["url.path"] == "/" + "x" * 499


def test_a_client_that_went_is_an_error() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        pass

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_message: Message) -> None:
        pass

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    scope = {"type": "http", "method": "GET", "path": "/x", "scheme": "http", "headers": []}
    traces = Traces(app, provider.get_tracer("test"))
    asyncio.run(traces({**scope, "http_version": "1.1"}, receive, send))
    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["error.type"] == DISCONNECTED
    assert "http.response.status_code" not in span.attributes


def test_the_log_names_the_trace(trace: Trace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "inference")
    (span,) = trace(lambda client: client.get("/models"))
    told = {each.getMessage(): each.__dict__.get("fields", {}) for each in caplog.records}
    assert told["request"]["trace_id"] == span.trace_id.hex()
    assert told["request"]["path"] == "/models"
    assert [message for message, fields in told.items() if "trace_id" in fields] == ["request"]


def test_who_sends_is_named(
    trace: Trace, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace(lambda client: client.get("/models"))
    assert collector.resource()["service.name"] == "inference"
    assert collector.resource()["service.version"]
    assert collector.resource()["telemetry.sdk.language"] == "python"
    collector.requests.clear()
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=flowers,team=a")
    trace(lambda client: client.get("/models"))
    assert collector.resource()["service.name"] == "flowers"
    assert collector.resource()["team"] == "a"


def test_a_server_sends_what_is_left_when_it_stops(
    shelf: Shelf, serve: Serve, collector: Collector
) -> None:
    shelf.publish(1)
    # Only the stop can send them: the thread's own time comes in an hour.
    server = serve(otel_exporter_otlp_endpoint=collector.url, otel_bsp_schedule_delay=3_600_000)
    server.event("serving")
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    answer = server.ask("POST", "/predict", files={"file": picture()}, headers=headers)
    assert answer.status_code == 200
    assert server.event("request")["trace_id"] == TRACE
    server.process.terminate()
    assert server.process.wait(30) == 0
    (span,) = collector.spans()
    assert (span.name, span.trace_id.hex()) == ("POST /predict", TRACE)


def test_what_the_connection_refuses_meanwhile_is_told_as_it_was(
    shelf: Shelf, serve: Serve, collector: Collector
) -> None:
    shelf.publish(1)
    server = serve(otel_exporter_otlp_endpoint=collector.url, otel_bsp_schedule_delay=3_600_000)
    server.event("serving")
    with server.connect() as client:
        client.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
        )
        client.sendall(b"no chunk\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert server.event("request")["status"] == 400
    server.process.terminate()
    assert server.process.wait(30) == 0
    (span,) = collector.spans()
    assert values(span)["http.response.status_code"] == 400
    assert "error.type" not in values(span)
    assert span.status.code == Status.STATUS_CODE_UNSET


def test_a_server_sends_while_it_runs(serve: Serve, collector: Collector) -> None:
    server = serve(otel_exporter_otlp_endpoint=collector.url, otel_bsp_schedule_delay=10)
    for _ in range(1000):  # each takes a while
        server.ask("GET", "/models")
        if collector.requests:
            break
    assert collector.spans()


@pytest.mark.parametrize("silent", [False, True], ids=["down", "silent"])
def test_a_collector_that_is_away_fails_and_delays_nobody(serve: Serve, *, silent: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if not silent:
            listener.close()
        server = serve(
            otel_exporter_otlp_endpoint=url,
            otel_exporter_otlp_timeout=600,
            otel_bsp_schedule_delay=10,
        )
        for _ in range(20):
            assert server.ask("GET", "/models").status_code == 200
        server.process.terminate()
        assert server.process.wait(30) == 0
        rest = server.log.read()
    assert [json.loads(line)["message"] for line in rest.splitlines()].count("request") == 20
    assert "Traceback" not in rest


def test_the_locks_agree() -> None:
    """So the image with the extra serves with what the other serves with."""
    pins, traced = (
        set(re.findall(r"^[a-z0-9-]+==[^ ]+", (PROJECT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-otel.lock")
    )
    assert pins - traced == set()
    assert {line.partition("==")[0] for line in traced - pins} >= {"opentelemetry-sdk"}
