"""The description of the HTTP API, OpenAPI 3.1: <https://spec.openapis.org/oas/v3.1.0>."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from inference import openapi_v2
from inference.files import OTHER_TYPE, TYPES
from inference.manifest import FILE_NAME
from inference.openapi_parts import (
    BYTES,
    array_schema,
    header,
    json_content,
    object_schema,
    operations_of_get,
    parameter,
    response_named,
    schema_named,
)
from inference.openapi_schemas import COMMON_ERRORS, error_responses, schemas
from inference.prediction import DEFAULT_TOP_K
from inference.responses import json_response
from inference.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from inference.openapi_parts import Part
    from inference.settings import Settings

_ABOUT = """\
Classifies images with the model that was published last.

Errors are `{"error": {"code", "message"}}`, and `{"error": message}` below `/v2`. Besides what the
operations list, any request may get 400 or 503, if it is no HTTP or too many connections are open,
404, where there is no such path, and:

"""

_ETAG = f'"{"0123456789abcdef" * 4}"'
_LARGEST_TOP_K = 999_999_999
_FORM_TYPES = ", ".join(
    (*(f"image/{kind}" for kind in ("jpeg", "png", "webp", "gif", "bmp")), OTHER_TYPE)
)


def route(settings: Settings, *, hosted: bool) -> Route:
    """`GET /openapi.json`: the description of all routes, this one included."""
    document = description(settings, hosted=hosted)

    async def openapi(_request: Request) -> Response:
        return json_response(document)

    return Route("/openapi.json", openapi)


def description(settings: Settings, *, hosted: bool = False) -> Part:
    """The whole document.

    Args:
        settings: that give the limits.
        hosted: whether it is by SageMaker, whose routes go before the others.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "inference",
            "version": version("inference"),
            "description": _about(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            **_paths(settings),
            **openapi_v2.paths(settings),
            **(_hosted(settings) if hosted else {}),
        },
        "components": {
            "schemas": {**schemas(settings), **openapi_v2.schemas()},
            "responses": {**error_responses(), **openapi_v2.error_responses()},
        },
    }


def _about() -> str:
    lines = [f"- {status}: {text}" for status, (text, _) in sorted(COMMON_ERRORS.items())]
    return _ABOUT + "\n".join(lines) + "\n"


def _paths(settings: Settings) -> Part:
    return {
        "/ping": _get(
            "ping", "The process lives", json_content(object_schema({"status": {"const": "ok"}}))
        ),
        "/ready": _get("ready", "A model is loaded", json_content(schema_named("Ready")), "503"),
        "/predict": {"post": _predict(settings)},
        "/models": _get(
            "models", "Published versions, newest first", json_content(schema_named("Models"))
        ),
        "/models/{version}": _get(
            "model",
            "A version's manifest, as it was published",
            json_content(schema_named("Manifest")),
            "404",
            parameters=[_version()],
        ),
        "/models/{version}/files/{name}": _file(),
        "/training": _get(
            "training",
            "What the trainer does, as it wrote it",
            json_content(schema_named("Training")),
            "404",
            headers={"Cache-Control": header("never kept", {"const": "no-store"})},
        ),
        "/metrics": _get(
            "metrics", "For Prometheus", {"text/plain": {"schema": {"type": "string"}}}
        ),
        "/openapi.json": _get(
            "openapi", "This document", json_content({"type": "object", "required": ["openapi"]})
        ),
    }


def _get(
    name: str,
    summary: str,
    content: Part,
    *errors: str,
    headers: Part | None = None,
    parameters: list[Part] | None = None,
) -> Part:
    found: Part = {"description": summary, "content": content}
    if headers:
        found["headers"] = headers
    operation: Part = {
        "operationId": name,
        "summary": summary,
        "responses": {"200": found, **_refusals(*errors)},
    }
    if parameters:
        operation["parameters"] = parameters
    return operations_of_get(operation)


def _file() -> Part:
    name: Part = {"type": "string", "pattern": f"^{FILE_NAME.pattern}$"}
    kept: Part = {
        "ETag": header("the file's SHA-256, in hex", {"type": "string"}),
        "Cache-Control": header("it never changes", {"type": "string"}),
    }
    kinds = sorted({kind.partition(";")[0] for kind in (*TYPES.values(), OTHER_TYPE)})
    operation: Part = {
        "operationId": "file",
        "summary": "A file that the version's manifest lists",
        "parameters": [
            _version(),
            parameter("name", "path", name, "model.onnx"),
            parameter(
                "If-None-Match",
                "header",
                {"type": "string"},
                _ETAG,
                "an ETag of before, to be sent the file only if it is another",
            ),
        ],
        "responses": {
            "200": {
                "description": "The file",
                "headers": kept,
                "content": dict.fromkeys(kinds, BYTES),
            },
            "304": {"description": "The client has it already", "headers": kept},
            **_refusals("404", "503"),
        },
    }
    return operations_of_get(operation)


def _version() -> Part:
    return parameter("version", "path", {"type": "integer", "minimum": 1}, 1)


def _predict(settings: Settings) -> Part:
    top_k = {"type": "integer", "minimum": 1, "maximum": _LARGEST_TOP_K, "default": DEFAULT_TOP_K}
    told = "classes an image, if there are as many"
    return {
        "operationId": "predict",
        "summary": "The most probable classes of one or more images",
        "parameters": [parameter("top_k", "query", top_k, DEFAULT_TOP_K, told)],
        **_classification(settings),
    }


def _hosted(settings: Settings) -> Part:
    """The paths of SageMaker's contract: <https://docs.aws.amazon.com/sagemaker/>."""
    told = "`name=value` pairs, divided by commas, of which `top_k` is read as by `/predict`"
    text: Part = {"type": "string"}
    attributes = "X-Amzn-SageMaker-Custom-Attributes"
    ping = _get("ping", "A model is loaded", json_content(schema_named("Ready")), "503")
    invocations: Part = {
        "operationId": "invocations",
        "summary": "The same as `/predict`",
        "parameters": [parameter(attributes, "header", text, f"top_k={DEFAULT_TOP_K}", told)],
        **_classification(settings),
    }
    return {"/ping": ping, "/invocations": {"post": invocations}}


def _classification(settings: Settings) -> Part:
    binary: Part = {"type": "string", "contentMediaType": OTHER_TYPE}
    files = array_schema(binary, minItems=1, maxItems=settings.queue_size)
    form = {
        "schema": object_schema({"file": files}),
        "encoding": {"file": {"contentType": _FORM_TYPES}},
    }
    return {
        "description": (
            f"At most {settings.max_body_bytes} bytes a body and {settings.max_pixels} pixels an "
            "image. JPEG, PNG, WebP, GIF and BMP are read, whatever type they are said to be; of "
            "animations, the first frame. An image that is cut off is refused. One bad image "
            "refuses the request."
        ),
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": form, "image/*": BYTES, OTHER_TYPE: BYTES},
        },
        "responses": {
            "200": {
                "description": "Classes by image, in the order of the images",
                "content": json_content(schema_named("Predictions")),
            },
            **_refusals("400", "413", "415", "503"),
        },
    }


def _refusals(*statuses: str) -> Part:
    return {status: response_named(f"Error{status}") for status in statuses}
