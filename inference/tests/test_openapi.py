from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from api_requests import EMPTY, FAILING, MOST_BYTES, requests
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
    from api_requests import Asked
    from conftest import Shelf, Start

ASKED = requests()
DOCUMENTS: dict[bool, dict[str, Any]] = {
    hosted: description(Settings(max_body_bytes=MOST_BYTES), hosted=hosted)
    for hosted in (False, True)
}
DOCUMENT = DOCUMENTS[False]
#: A head is answered before the file is opened, so no fault of the volume shows.
UNSEEN = {("HEAD", "/models/{version}/files/{name}", 503)}


def operations(document: dict[str, Any] = DOCUMENT) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize("hosted", [False, True])
def test_it_describes_the_routes_and_no_others(*, hosted: bool) -> None:
    app = create_app(Settings(), hosted=hosted)
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert len(routes) == len(app.routes)
    served = {(method, route.path) for route in routes for method in route.methods or ()}
    assert set(operations(DOCUMENTS[hosted])) == served


@pytest.mark.parametrize("hosted", [False, True])
def test_it_is_an_openapi_document(*, hosted: bool) -> None:
    document = DOCUMENTS[hosted]
    schemathesis.openapi.from_dict(document).validate()  # against the specification's own schema
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere_and_every_part_is_used() -> None:
    used = set(references(DOCUMENT))
    for reference in used:
        assert resolve(reference) is not None
    used |= {f"#/components/responses/Error{status}" for status in COMMON_ERRORS}
    for kind, parts in DOCUMENT["components"].items():
        assert {f"#/components/{kind}/{name}" for name in parts} <= used


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
    for hosted, document in DOCUMENTS.items():
        described = {
            (method, path, int(status))
            for (method, path), operation in operations(document).items()
            for status in operation["responses"]
            if not hosted or path in {"/ping", "/invocations"}
        }
        asked = {each.answer for each in ASKED if each.hosted == hosted}
        assert described - asked <= UNSEEN
        assert asked <= described


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_every_answer_is_as_described(
    asked: Asked, shelf: Shelf, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    if asked.state != EMPTY:
        shelf.publish(1)
        shelf.publish(2, lambda manifest: manifest.pop("labels"), point=False)
        shelf.replace("training.json", b'{"format": 1, "state": "training"}')
    client = start(hosted=asked.hosted, max_body_bytes=MOST_BYTES).client
    if asked.state == FAILING:
        monkeypatch.setattr(Repository, "open", fail)
    answer = client.request(asked.method, asked.path, **asked.more)
    assert answer.status_code == asked.status
    operation = operations(DOCUMENTS[asked.hosted])[asked.method, asked.template]
    assert_described(answer, resolved(operation["responses"][str(asked.status)]))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/models/1", 405),
        ("GET", "/predict", 405),
        ("GET", "/none", 404),
        ("GET", "/v2/models/golden/infer", 405),
        ("GET", "/v2/none", 404),
    ],
)
def test_what_is_no_operation_is_refused_alike(
    method: str, path: str, status: int, start: Start
) -> None:
    answer = start().client.request(method, path)
    assert answer.status_code == status
    described: dict[str, Any] = resolve(f"#/components/responses/Error{status}")
    if path.startswith("/v2"):
        described |= {"content": resolve("#/components/responses/V2Error404")["content"]}
    assert_described(answer, described)


def fail(*_arguments: object) -> None:
    raise OSError("stale file handle")


def assert_described(answer: httpx2.Response, response: dict[str, Any]) -> None:
    for name, header in response.get("headers", {}).items():
        assert name in answer.headers or not header.get("required")
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
