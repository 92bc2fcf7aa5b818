from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from conftest import picture
from jsonschema import Draft202012Validator
from starlette.routing import Route

from inference.app import create_app
from inference.errors import RequestError
from inference.openapi import description
from inference.openapi_schemas import COMMON_ERRORS
from inference.repository import Repository
from inference.settings import Settings

if TYPE_CHECKING:
    import httpx2
    from conftest import Shelf, Start

MOST_BYTES = 1500
DOCUMENT: dict[str, Any] = description(Settings(max_body_bytes=MOST_BYTES))

#: By state of the service: method, path template, status, path, and what else is asked with.
ASKED: dict[str, list[tuple[str, str, int, str, dict[str, Any]]]] = {
    "empty": [
        ("GET", "/ping", 200, "/ping", {}),
        ("GET", "/ready", 503, "/ready", {}),
        ("GET", "/models", 200, "/models", {}),
        ("GET", "/models/{version}", 404, "/models/1", {}),
        ("GET", "/models/{version}/files/{name}", 404, "/models/1/files/model.onnx", {}),
        ("GET", "/training", 404, "/training", {}),
        ("GET", "/metrics", 200, "/metrics", {}),
        ("GET", "/openapi.json", 200, "/openapi.json", {}),
        ("POST", "/predict", 503, "/predict", {"files": {"file": picture()}}),
    ],
    "serving": [
        ("GET", "/ready", 200, "/ready", {}),
        ("GET", "/models", 200, "/models", {}),
        ("GET", "/models/{version}", 200, "/models/1", {}),
        ("GET", "/models/{version}", 404, "/models/2", {}),
        ("GET", "/models/{version}", 404, "/models/9", {}),
        ("GET", "/models/{version}/files/{name}", 200, "/models/1/files/model-card.md", {}),
        ("GET", "/models/{version}/files/{name}", 200, "/models/1/files/sample-red.png", {}),
        ("GET", "/models/{version}/files/{name}", 404, "/models/1/files/none", {}),
        (
            *("GET", "/models/{version}/files/{name}", 304, "/models/1/files/model-card.md"),
            {"headers": {"if-none-match": "*"}},
        ),
        ("GET", "/training", 200, "/training", {}),
        ("POST", "/predict", 200, "/predict", {"files": [("file", picture())] * 2}),
        (
            *("POST", "/predict", 200, "/predict?top_k=1"),
            {"content": picture(), "headers": {"content-type": "image/png"}},
        ),
        ("POST", "/predict", 400, "/predict?top_k=0", {"files": {"file": picture()}}),
        ("POST", "/predict", 400, "/predict?top_k=1000000000", {"files": {"file": picture()}}),
        ("POST", "/predict", 400, "/predict", {"files": {"file": b"x"}}),
        (
            *("POST", "/predict", 413, "/predict"),
            {"content": b"x" * (MOST_BYTES + 1), "headers": {"content-type": "image/png"}},
        ),
        (
            *("POST", "/predict", 415, "/predict"),
            {"content": b"x", "headers": {"content-type": "text/plain"}},
        ),
    ],
    "without its volume": [
        ("GET", "/models/{version}/files/{name}", 503, "/models/1/files/model-card.md", {}),
        ("POST", "/predict", 200, "/predict", {"files": {"file": picture()}}),
    ],
}
#: A head is answered before the file is opened, so no fault of the volume shows.
UNSEEN = {("HEAD", "/models/{version}/files/{name}", 503)}
CASES = [
    (state, method, *case)
    for state, cases in ASKED.items()
    for get, *case in cases
    for method in (("GET", "HEAD") if get == "GET" else (get,))
    if (method, case[0], case[1]) not in UNSEEN
]


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


def test_it_describes_the_routes_and_no_others() -> None:
    routes = [route for route in create_app(Settings()).routes if isinstance(route, Route)]
    served = {(method, route.path) for route in routes for method in route.methods or ()}
    assert set(operations()) == served


def test_it_is_an_openapi_document() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()  # against the specification's own schema
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere_and_every_part_is_used() -> None:
    used = set(references(DOCUMENT))
    for reference in used:
        assert resolve(reference) is not None
    used |= {f"#/components/responses/Error{status}" for status in COMMON_ERRORS}
    for kind, parts in DOCUMENT["components"].items():
        assert {f"#/components/{kind}/{name}" for name in parts} <= used
    names = [operation["operationId"] for operation in operations().values()]
    assert len(names) == len(set(names))


def test_every_error_is_described() -> None:
    described = DOCUMENT["components"]["schemas"]["Error"]["properties"]["error"]["properties"]
    kinds: list[type[RequestError]] = [RequestError, *RequestError.__subclasses__()]
    codes = {kind.code for kind in kinds}
    assert set(described["code"]["enum"]) == codes | {"method_not_allowed", "internal"}
    for kind in kinds:
        response = DOCUMENT["components"]["responses"][f"Error{kind.status}"]
        narrowed = response["content"]["application/json"]["schema"]["properties"]["error"]
        assert kind.code in narrowed["properties"]["code"]["enum"]
        assert (kind.retry_after is not None) == ("Retry-After" in response.get("headers", {}))


def test_what_any_request_may_get_is_told_once() -> None:
    listed = {status for operation in operations().values() for status in operation["responses"]}
    assert set(COMMON_ERRORS).isdisjoint(listed)
    for status in COMMON_ERRORS:
        assert f"\n- {status}: " in DOCUMENT["info"]["description"]


def test_every_described_answer_is_asked_for() -> None:
    described = {
        (method, path, int(status))
        for (method, path), operation in operations().items()
        for status in operation["responses"]
    }
    assert {(method, path, status) for _, method, path, status, *_ in CASES} == described - UNSEEN


@pytest.mark.parametrize(("state", "method", "template", "status", "path", "more"), CASES)
def test_every_answer_is_as_described(  # noqa: PLR0913, PLR0917 - what is asked, and of whom
    state: str,
    method: str,
    template: str,
    status: int,
    path: str,
    more: dict[str, Any],
    shelf: Shelf,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if state != "empty":
        shelf.publish(1)
        shelf.publish(2, lambda manifest: manifest.pop("labels"), point=False)
        shelf.replace("training.json", b'{"format": 1, "state": "training"}')
    client = start(max_body_bytes=MOST_BYTES).client
    if state == "without its volume":
        monkeypatch.setattr(Repository, "open", fail)
    answer = client.request(method, path, **more)
    assert answer.status_code == status
    assert_described(answer, resolved(operations()[method, template]["responses"][str(status)]))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("DELETE", "/models/1", 405), ("GET", "/predict", 405), ("GET", "/none", 404)],
)
def test_what_is_no_operation_is_refused_alike(
    method: str, path: str, status: int, start: Start
) -> None:
    answer = start().client.request(method, path)
    assert answer.status_code == status
    assert_described(answer, DOCUMENT["components"]["responses"][f"Error{status}"])


def fail(*_arguments: object) -> None:
    raise OSError("stale file handle")


def assert_described(answer: httpx2.Response, response: dict[str, Any]) -> None:
    for name, header in response.get("headers", {}).items():
        assert name in answer.headers or not header["required"]
    if "content" not in response:
        assert answer.content == b""
        return
    kind = answer.headers["content-type"].partition(";")[0]
    schema = response["content"][kind].get("schema")
    if schema and kind == "application/json" and answer.request.method != "HEAD":
        components = closed(DOCUMENT["components"])
        Draft202012Validator(schema | {"components": components}).validate(answer.json())


def closed(node: Any) -> Any:  # noqa: ANN401 - any part of the document
    """The same, but what the service makes itself has no more than what is described."""
    if isinstance(node, list):
        return [closed(value) for value in node]
    if not isinstance(node, dict):
        return node
    made_here = node.get("type") == "object" and "format" not in node.get("properties", {})
    limit = {"additionalProperties": False} if made_here and "required" in node else {}
    return {key: closed(value) for key, value in node.items()} | limit


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in references(value)]
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    return []


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = resolve(part["$ref"]) if "$ref" in part else part
    return found


def resolve(reference: str) -> Any:  # noqa: ANN401 - any part of the document
    node: Any = DOCUMENT
    for key in reference.removeprefix("#/").split("/"):
        node = node[key]
    return node
