"""Asks a real server whatever its description allows and forbids, and holds it to its word."""

from __future__ import annotations

import contextlib
import json
import re
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
from jsonschema import Draft202012Validator
from test_main import COMMAND, environment

from inference.oip import JSON_LENGTH
from inference.openapi import description
from inference.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUE = 3
ANSWERED = ["2xx", "3xx", "4xx", "503"]  # so the service says that it has no model
CONFIG = {
    "generation": {"deterministic": True, "max-examples": 30, "database": "none"},
    "checks": {"not_a_server_error": {"expected-statuses": ANSWERED}},
    "operations": [
        # Only the model tells which shapes it takes, and only all of a body how long its JSON is.
        {
            "include-path-regex": "/infer$",
            "checks": {"positive_data_acceptance": {"expected-statuses": ANSWERED}},
        }
    ],
}
SETTINGS = Settings("golden", queue_size=QUEUE)


def schema_of(document: dict[str, Any]) -> schemathesis.BaseSchema:
    config = schemathesis.Config.from_dict(CONFIG)
    return schemathesis.openapi.from_dict(document, config=config)


def hosted_only() -> dict[str, Any]:
    """The description as SageMaker's server has it, of the paths that others have not."""
    document: dict[str, Any] = description(SETTINGS, hosted=True)
    paths = {path: document["paths"][path] for path in ("/ping", "/invocations")}
    return {**document, "paths": paths}


DOCUMENT: dict[str, Any] = description(SETTINGS)
SCHEMA = schema_of(DOCUMENT)
HOSTED = schema_of(hosted_only())
#: What without a model is refused, and with one is not always.
DEEP = re.compile("predict|infer|GET .*file")
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
    """One server for all operations, with and without a model."""
    shelf = Shelf(tmp_path_factory.mktemp("shelf") / "model")
    if request.param:
        shelf.publish(1)
        shelf.replace("training.json", b'{"format": 1, "state": "training"}')
    with serving(model_name="golden", model_dir=shelf.root, port=0) as (url, session):
        yield ready(Server(url, session, has_model=request.param))


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server as SageMaker starts it."""
    base = tmp_path_factory.mktemp("base")
    Shelf(base / "model").publish(1)
    with serving("serve", sagemaker_base_dir=base, host="127.0.0.1", port=0) as (url, session):
        yield ready(Server(url, session, has_model=True))


@contextlib.contextmanager
def serving(*arguments: str, **settings: object) -> Iterator[tuple[str, requests.Session]]:
    """A server's address; whatever it was asked, it must not have logged a fault."""
    environ = environment(log_format="json", queue_size=QUEUE, **settings)
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen([*COMMAND, *arguments], env=environ, stderr=subprocess.PIPE, text=True)
        )
        stack.callback(process.kill)
        assert process.stderr is not None
        port = next(event["port"] for event in map(json.loads, process.stderr) if "port" in event)
        faults = stack.enter_context(ThreadPoolExecutor(1)).submit(read_faults, process.stderr)
        yield f"http://127.0.0.1:{port}", stack.enter_context(requests.Session())
        process.terminate()
        assert faults.result(60) == []


def read_faults(log: IO[str]) -> list[str]:
    """Read a log to its end, so that the server is never held up by it."""
    return [line for line in log if json.loads(line)["level"] not in {"debug", "info", "warning"}]


def ready(server: Server) -> Server:
    deadline = time.monotonic() + 30
    while server.has_model and not server.session.get(f"{server.url}/ready", timeout=30).ok:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return server


@SCHEMA.parametrize()
def test_what_is_described_holds(case: schemathesis.Case[Any], server: Server) -> None:
    keep_length(case)
    assert_held(case, server)


@HOSTED.parametrize()
def test_what_is_described_of_sagemaker_holds(case: schemathesis.Case[Any], hosted: Server) -> None:
    assert_held(case, hosted)


@pytest.mark.parametrize("path", ["/ping", "/v2"])
@pytest.mark.parametrize(
    ("status", "path_bytes", "header_bytes"), [(414, 20_000, 0), (431, 0, 40_000), (404, 100, 0)]
)
def test_what_any_request_may_get_is_as_described(
    status: int, path_bytes: int, header_bytes: int, path: str, server: Server
) -> None:
    url = f"{server.url}{path}/{'x' * path_bytes}".rstrip("/")
    answer = requests.get(url, headers={"x-long": "x" * header_bytes}, timeout=30)
    assert answer.status_code == status
    name = f"{'V2' if path == '/v2' else ''}Error{status if path != '/v2' else 404}"
    schema = DOCUMENT["components"]["responses"][name]["content"]["application/json"]["schema"]
    Draft202012Validator(schema | {"components": DOCUMENT["components"]}).validate(answer.json())


def test_it_came_to_more_than_refusals(server: Server) -> None:
    deep = {operation for operation in server.seen if DEEP.search(operation)}
    assert all((200 in server.seen[operation]) == server.has_model for operation in deep)
    assert all(not {400, 404, 503}.isdisjoint(server.seen[operation]) for operation in deep)


def assert_held(case: schemathesis.Case[Any], server: Server) -> None:
    answer = case.call_and_validate(base_url=server.url, session=server.session, timeout=30)
    server.seen[case.operation.label].add(answer.status_code)
    assert answer.status_code < 500 or not server.has_model


def keep_length(case: schemathesis.Case[Any]) -> None:
    """Leave the length of JSON out where it is right only by chance.

    No schema says what it must be, and with 0 any body is a tensor's bytes, valid JSON or not.
    """
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    if positive or str(case.headers.get(JSON_LENGTH)) == "0":
        case.headers.pop(JSON_LENGTH, None)
