from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from conftest import picture
from jsonschema import Draft202012Validator
from starlette.routing import Route

from inference.app import create_app
from inference.errors import RequestError
from inference.openapi import description
from inference.settings import Settings

if TYPE_CHECKING:
    from conftest import Shelf, Start

DOCUMENT: dict[str, Any] = description(Settings())
ERROR = {"$ref": "#/components/schemas/Error"}


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path, method): operation
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


def test_it_describes_the_routes_and_no_others() -> None:
    routes = [route for route in create_app(Settings()).routes if isinstance(route, Route)]
    served = {(route.path, method.lower()) for route in routes for method in route.methods or ()}
    assert set(operations()) == served


def test_every_reference_leads_somewhere_and_every_name_is_used_once() -> None:
    for reference in references(DOCUMENT):
        assert resolve(reference) is not None
    names = [operation["operationId"] for operation in operations().values()]
    assert len(names) == len(set(names))
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_error_is_described() -> None:
    described = DOCUMENT["components"]["schemas"]["Error"]["properties"]["error"]["properties"]
    kinds: list[type[RequestError]] = [RequestError, *RequestError.__subclasses__()]
    codes = {kind.code for kind in kinds}
    assert set(described["code"]["enum"]) == codes | {"method_not_allowed"}


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in references(value)]
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    return []


def resolve(reference: str) -> Any:  # noqa: ANN401 - any part of the document
    node: Any = DOCUMENT
    for key in reference.removeprefix("#/").split("/"):
        node = node[key]
    return node


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/ping", {}),
    ("GET", "/ready", {}),
    ("GET", "/models", {}),
    ("GET", "/models/1", {}),
    ("GET", "/models/9", {}),
    ("GET", "/models/1/files/model-card.md", {}),
    ("HEAD", "/models/1/files/model-card.md", {}),
    ("GET", "/models/1/files/none", {}),
    ("GET", "/training", {}),
    ("GET", "/metrics", {}),
    ("GET", "/openapi.json", {}),
    ("DELETE", "/models/1", {}),
    ("GET", "/predict", {}),
    ("POST", "/predict", {"files": {"file": ("a.png", picture())}}),
    ("POST", "/predict?top_k=0", {"files": {"file": ("a.png", picture())}}),
    ("POST", "/predict", {"files": {"file": ("a.png", b"x")}}),
    ("POST", "/predict", {"content": b"x" * 2000, "headers": {"content-type": "image/png"}}),
    ("POST", "/predict", {"content": b"x", "headers": {"content-type": "text/plain"}}),
]


@pytest.mark.parametrize("versions", [0, 2])
@pytest.mark.parametrize(("method", "path", "more"), REQUESTS)
def test_every_answer_is_as_described(  # noqa: PLR0913, PLR0917 - what is asked, and of whom
    method: str, path: str, more: dict[str, Any], versions: int, shelf: Shelf, start: Start
) -> None:
    if versions:
        shelf.publish(1)
        shelf.publish(2, lambda manifest: manifest.pop("labels"), point=False)
    answer = start(max_body_bytes=1500).client.request(method, path, **more)
    template = path.partition("?")[0].replace("/1", "/{version}").replace("/9", "/{version}")
    head, slash, _ = template.partition("/files/")
    template = f"{head}/files/{{name}}" if slash else template
    operation = operations().get((template, method.lower()))
    if operation is None:
        assert answer.status_code == 405
        schema = ERROR
    else:
        described = operation["responses"][str(answer.status_code)]
        described = resolve(described["$ref"]) if "$ref" in described else described
        kind = answer.headers["content-type"].partition(";")[0]
        content = described["content"]
        schema = content.get(kind, content.get("*/*"))["schema"]
        if kind != "application/json" or method == "HEAD":
            return
    Draft202012Validator(schema | {"components": DOCUMENT["components"]}).validate(answer.json())
    if answer.status_code == 503:
        assert int(answer.headers["retry-after"]) > 0
