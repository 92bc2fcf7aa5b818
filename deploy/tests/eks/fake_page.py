"""A page with its API behind it, on a free port of this machine."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

PICTURE = b"\x89PNG a picture"
TOP = [{"label": "daisy", "probability": 0.98}]


@dataclass
class Page:
    """What is answered by path: a status, and HTML or a document.

    Attributes:
        refusals: statuses that are answered first, whatever is asked.
        posted: bodies that came.
    """

    url: str
    answers: dict[str, tuple[int, Any]]
    refusals: list[int] = field(default_factory=list)
    posted: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Page]:
    """A page whose model is version 3 and gets its sample right."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page.asked.append(self.path)
            status, content = page.answers.get(self.path, (404, {}))
            if page.refusals:
                status, content = page.refusals.pop(0), "from the load balancer"
            kind = "text/html" if isinstance(content, str) else "application/json"
            body = content if isinstance(content, bytes) else encoded(content)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            page.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        scheme = "https" if tls else "http"
        page = Page(f"{scheme}://127.0.0.1:{server.server_port}", answers())
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield page
        finally:
            server.shutdown()
            thread.join()


def answers() -> dict[str, tuple[int, Any]]:
    """What a page that is well answers."""
    served = {"version": 3, "state": "serving", "accuracy": 0.93, "images": 3000, "labels": ["a"]}
    older = {**served, "version": 2, "state": "available", "created": "2026-01-01T00:00:00Z"}
    models = {"name": "classifier", "current": 3, "versions": [{**served, "created": None}, older]}
    samples = [{"file": "sample-1.png", "label": "daisy"}]
    predicted = {"model": {"name": "classifier", "version": 3}, "predictions": [{"top": TOP}]}
    return {
        "/": (200, "<html>"),
        "/api/ping": (200, {"status": "ok"}),
        "/api/ready": (200, {"status": "ready", "model": {"version": 3}}),
        "/api/models": (200, models),
        "/api/models/3": (200, {"samples": samples}),
        "/api/models/3/files/sample-1.png": (200, PICTURE),
        "/api/predict": (200, predicted),
    }


def encoded(content: object) -> bytes:
    return content.encode() if isinstance(content, str) else json.dumps(content).encode()
