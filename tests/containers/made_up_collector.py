"""Stands in for an OpenTelemetry collector: writes each span that comes as a line of JSON."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Of the image that runs this, which has the extra `otel`.
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # type: ignore[import-not-found]
    ExportTraceServiceRequest,
)

PORT = 4318


class Handler(BaseHTTPRequestHandler):
    """Takes traces by OTLP over HTTP."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = ExportTraceServiceRequest.FromString(body)
        scopes = (scope for each in request.resource_spans for scope in each.scope_spans)
        for span in (span for scope in scopes for span in scope.spans):
            told = {"name": span.name, "trace": span.trace_id.hex()}
            sys.stderr.write(json.dumps(told | {"parent": span.parent_span_id.hex()}) + "\n")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing, so that all lines are spans."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()
