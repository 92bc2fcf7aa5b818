"""Asks a real server whatever its description allows and forbids, and holds it to its word."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from conftest import Shelf, picture
from hypothesis import strategies as st
from test_main import COMMAND, environment

from inference.openapi import description
from inference.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUE = 3
CONFIG = {
    "generation": {"deterministic": True, "max-examples": 50, "database": "none"},
    # So the service says that it has no model; where it has one, the test refuses these itself.
    "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503"]}},
}
SCHEMA = schemathesis.openapi.from_dict(
    description(Settings(queue_size=QUEUE)), config=schemathesis.Config.from_dict(CONFIG)
)
PICTURES = {
    kind: st.sampled_from([picture("red", kind), picture("blue", kind)])
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP")
}
for name, pictures in PICTURES.items():
    schemathesis.openapi.media_type(f"image/{name.lower()}", pictures)
schemathesis.openapi.media_type("application/octet-stream", st.one_of(*PICTURES.values()))


@dataclass(frozen=True)
class Server:
    """A service in a process of its own, and the statuses that it gave by operation."""

    url: str
    session: requests.Session
    has_model: bool
    seen: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))


@pytest.fixture(scope="module", params=[True, False], ids=["model", "none"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server for all operations; whatever it was asked, it must not have logged a fault."""
    shelf = Shelf(tmp_path_factory.mktemp("shelf") / "model")
    if request.param:
        shelf.publish(1)
        shelf.replace("training.json", b'{"format": 1, "state": "training"}')
    settings = {"model_name": "golden", "model_dir": shelf.root, "port": 0, "queue_size": QUEUE}
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                COMMAND,
                env=environment(log_format="json", **settings),
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(process.kill)
        assert process.stderr is not None
        port = next(event["port"] for event in map(json.loads, process.stderr) if "port" in event)
        faults = stack.enter_context(ThreadPoolExecutor(1)).submit(read_faults, process.stderr)
        session = stack.enter_context(requests.Session())
        running = Server(f"http://127.0.0.1:{port}", session, request.param)
        wait_for_model(running)
        yield running
        process.terminate()
        assert faults.result(60) == []


def read_faults(log: IO[str]) -> list[str]:
    """Read a log to its end, so that the server is never held up by it."""
    return [line for line in log if json.loads(line)["level"] not in {"debug", "info", "warning"}]


def wait_for_model(server: Server) -> None:
    deadline = time.monotonic() + 30
    while server.has_model and not server.session.get(f"{server.url}/ready", timeout=30).ok:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@SCHEMA.parametrize()
def test_what_is_described_holds(case: schemathesis.Case[Any], server: Server) -> None:
    answer = case.call_and_validate(base_url=server.url, session=server.session, timeout=30)
    server.seen[case.operation.label].add(answer.status_code)
    assert answer.status_code < 500 or not server.has_model


def test_it_came_to_more_than_refusals(server: Server) -> None:
    predict, file = server.seen["POST /predict"], "GET /models/{version}/files/{name}"
    assert predict >= ({200, 400} if server.has_model else {503})
    assert server.seen[file] >= ({200, 404} if server.has_model else {404})
