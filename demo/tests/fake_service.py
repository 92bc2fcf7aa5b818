"""Stands in for a service: `fake_service.py ROLE …`, told by FAKE_<ROLE> how to behave.

Asked for a check it says nothing, and ends with FAKE_CHECK.

Each process tells about itself in one line of JSON on the output that it shares with all others,
so that the output's end is the end of them all. One that lives for too long says "left behind".
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 30
SETTINGS = "BACKEND_URL DATA_DIR HOST IMAGES_DIR LOG_FORMAT LOG_LEVEL MODEL_DIR MODEL_NAME PORT"
ANSWERS: dict[str, object] = {
    "/": "the page",
    "/api/ready": {"status": "ready"},
    "/api/models": {"current": 1},
    "/api/models/1": {"samples": [{"file": "a.png", "label": "7"}]},
    "/api/models/1/files/a.png": "pixels",
    "/api/predict": {
        "model": {"name": "digits", "version": 1},
        "predictions": [{"filename": "a.png", "top": [{"label": "7", "probability": 0.98}]}],
    },
}


def main(role: str, *arguments: str) -> int:
    if arguments == ("check",):
        return int(os.environ.get("FAKE_CHECK", "0"))
    signal.signal(signal.SIGALRM, leave)
    signal.alarm(SECONDS)
    behaviour = os.environ.get(f"FAKE_{role.upper()}", "").split()
    settings = {name: os.environ.get(name) for name in SETTINGS.split()}
    tell(role=role, pid=os.getpid(), arguments=arguments, settings=settings)
    if "parent" in behaviour:
        subprocess.Popen([sys.executable, __file__, "child"])
    for word in behaviour:
        if word.startswith("exit="):
            return int(word.removeprefix("exit="))
    if "stubborn" in behaviour:
        signal.signal(signal.SIGTERM, lambda *_: tell(role=role, ignores="SIGTERM"))
    if role == "page" and "deaf" not in behaviour:
        page_server(ANSWERS, int(os.environ["PORT"])).serve_forever()
    while role != "trainer" or "wait" in behaviour:
        signal.pause()
    return 0


def page_server(answers: Mapping[str, object], port: int = 0) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept, as browsers like them

        def do_GET(self) -> None:
            content = answers.get(self.path)
            body = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(503 if content is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def tell(**facts: Any) -> None:  # noqa: ANN401 - anything that JSON can hold
    os.write(1, f"{json.dumps(facts)}\n".encode())  # one write, so that lines are never mixed


def leave(*_: object) -> None:
    os.write(1, b"left behind\n")
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
