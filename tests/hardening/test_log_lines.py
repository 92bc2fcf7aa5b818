"""Requests that want to write the log: each is one line, and a line of its own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from bombs import form, part
from inference_process import running_inference, wait_for
from wire import head, post, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inference_process import Inference

FORGED = '{"time": "now", "level": "info", "message": "request", "status": 200}'
HOSTILE = {
    "a new line": f"\r\n{FORGED}\r\n",
    "a line feed": f"\n{FORGED}",
    "an escape sequence": "\x1b[2J\x1b[1;1H\x1b]0;title\x07",
    "a backspace": "\b" * 80,
    "a tabulator": "\t\v\f",
    "a zero": "\0",
    "C1 controls": "\x85\x9b2J",
    "Unicode's line ends": "\u2028\u2029\u0085",
    "bidirectional text": "\u202e\u2066",
    "a quote": '", "status": 200, "x": "',
    "a format": "%s %(message)s %d {} ${jndi:ldap://127.0.0.1}",
    "bytes that are no UTF-8": "\udcff\udcfe",
    "a letter of four bytes": "\U0001f4a9",
}
FORMATS = ("json", "text")
FORM = "multipart/form-data; boundary=b"


@pytest.fixture(scope="module", params=FORMATS)
def logging_inference(
    proc: None,  # noqa: ARG001 - nothing starts without it
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Inference]:
    folder = tmp_path_factory.mktemp("logging")
    with running_inference(folder, LOG_FORMAT=request.param) as inference:
        yield inference


def requests(text: str) -> list[bytes]:
    """One of each place where a client may put a text, as its bytes and in its escapes."""
    raw = text.encode("utf-8", "surrogateescape")
    told = raw.decode("latin-1")
    escaped = quote(raw, safe="")
    bare = told.replace("\r", "").replace("\n", "")  # a line's end would end the head's line
    image = ("image/png", b"no image")
    return [
        head("GET", f"/{escaped}"),
        head("GET", f"/models/{escaped}"),
        head("GET", f"/models/1/files/{escaped}"),
        head("GET", "/models/1/files/" + escaped.lower().replace("%", "%25")),
        post(f"/predict?top_k={escaped}", *image),
        post("/predict", *image, user_agent=bare, x_forwarded_for=bare, traceparent=bare),
        post("/predict", bare, b"x"),
        post("/predict", FORM, form([part(b"no image", told)])),
        post("/predict", FORM, form([part(b"no image", more=f'; filename="{told}"')])),
        head("GET", f"/{bare}"),
        head(bare or "GET", "/ping"),
        head("GET", "/x", host=bare),
    ]


def test_one_request_is_one_line(
    logging_inference: Inference, report: Callable[[str, str, str], None]
) -> None:
    """A request that is refused before its head is read may have none, and never has two."""
    inference = logging_inference
    sent = 0
    for text in HOSTILE.values():
        for request in requests(text):
            before = len(inference.lines())
            reply = send(inference.port, request)
            assert 400 <= reply.status < 500 or reply.status in {0, 200}, (request, reply)
            # A request after it, whose line tells that those before are written.
            assert send(inference.port, head("GET", "/marker")).status == 404
            wait_for("the marker's line", 10, lambda: "/marker" in inference.lines()[-1])
            new = inference.lines()[before:]
            assert len(new) <= 2, (request, new)
            sent += 1
    lines = inference.lines()
    report(
        f"hostile texts in the log, as {'JSON' if is_json(lines[-1]) else 'text'}",
        f"{sent} requests, none with more than one line of {len(lines)}",
        "one request, one line",
    )
    assert [line for line in lines if not (line.isprintable() and line)] == []


def test_every_line_is_one_of_the_server_s_own(logging_inference: Inference) -> None:
    lines = logging_inference.lines()
    if is_json(lines[0]):
        events = [json.loads(line) for line in lines]
        assert all(event["time"].startswith("20") for event in events)
        assert {event["logger"].partition(".")[0] for event in events} == {"inference"}
    else:
        assert [line for line in lines if not re.match(r"\d\d:\d\d:\d\d \w+ ", line)] == []


def is_json(line: str) -> bool:
    return line.startswith("{")
