"""Stands in for the model server: answers with what it was asked, as the query tells it to.

Of the query it takes: status, wait (seconds), more (bytes behind the answer), early (whether to
answer before the body is read), drop (whether not to answer at all), and headers by their names.
"""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

PORT = 5000
PIECE = 65536
HEADERS = ("Content-Security-Policy", "Cache-Control", "X-Accel-Redirect")
TRACE = ("traceparent", "tracestate")


class Handler(BaseHTTPRequestHandler):
    """Answers any path.

    Attributes:
        sent: bytes of large answers, of all connections.
    """

    protocol_version = "HTTP/1.1"
    sent: ClassVar[int] = 0

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        time.sleep(float(query.get("wait", 0)))
        if "drop" in query:
            self.close_connection = True
            return
        early = "early" in query
        self.answer(query, 0 if early else self.drain())
        if early:
            self.wfile.flush()
            self.drain()

    do_POST = do_GET  # noqa: N815 - as above

    def answer(self, query: dict[str, str], received: int) -> None:
        said = {"seen": self.path, "host": self.headers["host"], "names": self.headers.keys()}
        said["trace"] = {name: self.headers[name] for name in TRACE if name in self.headers}
        content = json.dumps(said | {"received": received, "sent": Handler.sent}).encode()
        more = int(query.get("more", 0))
        self.send_response(int(query.get("status", 200)))
        for name in query.keys() & set(HEADERS):
            self.send_header(name, query[name])
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Retry-After", "7")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content) + more))
        self.end_headers()
        self.wfile.write(content)
        for _ in range(more // PIECE):
            self.wfile.write(bytes(PIECE))
            Handler.sent += PIECE
        self.wfile.write(bytes(more % PIECE))

    def drain(self) -> int:
        """How many bytes the body has, once it is read."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return self.drain_chunks()
        length = int(self.headers.get("Content-Length", 0))
        return sum(len(self.rfile.read(min(PIECE, length - at))) for at in range(0, length, PIECE))

    def drain_chunks(self) -> int:
        received = 0
        while size := int(self.rfile.readline(), 16):
            received += len(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return received


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()
