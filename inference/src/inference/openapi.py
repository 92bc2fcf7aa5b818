"""The description of the HTTP API, OpenAPI 3.1: <https://spec.openapis.org/oas/v3.1.0>."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference.settings import Settings

Document = dict[str, object]

_ERRORS = {
    "400": (
        "The request is malformed, or what was sent is no image.",
        ["bad_request", "not_an_image"],
    ),
    "404": ("There is nothing of that name.", ["not_found"]),
    "405": ("The route does not take this method.", ["method_not_allowed"]),
    "413": ("Too many bytes or pixels.", ["too_large"]),
    "415": ("The body is of a type that is not read, or compressed.", ["unsupported_type"]),
    "503": (
        "Not now: no model, one that fails on this image, too much to do, or too slow.",
        ["no_model", "model_fault", "busy", "timeout"],
    ),
}


def description(settings: Settings) -> Document:
    """The whole document, with the limits that the settings give."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "inference",
            "version": version("inference"),
            "description": "Classifies images with the model that was published last.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(settings),
        "components": {"schemas": _schemas(), "responses": _error_responses()},
    }


def _paths(settings: Settings) -> Document:
    version_of = _parameter("version", "path", {"type": "integer", "minimum": 1})
    name = _parameter("name", "path", {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"})
    return {
        "/ping": _get("ping", "The process lives", _json(_object(status={"const": "ok"}))),
        "/ready": _get("ready", "A model is loaded", _json(_ref("Ready")), "503"),
        "/predict": {"post": _predict(settings)},
        "/models": _get("models", "Published versions, newest first", _json(_ref("Models"))),
        "/models/{version}": _get(
            "model",
            "A version's manifest",
            _json({"type": "object"}),
            "404",
            parameters=[version_of],
        ),
        "/models/{version}/files/{name}": _get(
            "file",
            "A file that the version's manifest lists",
            {"*/*": {"schema": {"type": "string", "contentEncoding": "binary"}}},
            "404",
            "503",
            parameters=[version_of, name],
            not_modified=True,
        ),
        "/training": _get("training", "What the trainer does", _json({"type": "object"}), "404"),
        "/metrics": _get(
            "metrics", "For Prometheus", {"text/plain": {"schema": {"type": "string"}}}
        ),
        "/openapi.json": _get("openapi", "This document", _json({"type": "object"})),
    }


def _get(
    name: str,
    summary: str,
    content: Document,
    *errors: str,
    parameters: list[Document] | None = None,
    not_modified: bool = False,
) -> Document:
    responses: Document = {"200": {"description": summary, "content": content}}
    if not_modified:
        responses["304"] = {"description": "The client has it already"}
    responses |= {status: _response(status) for status in (*errors, "405")}
    operation: Document = {"operationId": name, "summary": summary, "responses": responses}
    if parameters:
        operation["parameters"] = parameters
    head = {**operation, "operationId": f"{name}_head", "summary": f"{summary}: the head only"}
    return {"get": operation, "head": head}


def _predict(settings: Settings) -> Document:
    binary: Document = {"schema": {"type": "string", "contentEncoding": "binary"}}
    files: Document = {
        "type": "array",
        "minItems": 1,
        "maxItems": settings.queue_size,
        "items": {"type": "string", "contentMediaType": "application/octet-stream"},
    }
    form = {"type": "object", "required": ["file"], "properties": {"file": files}}
    return {
        "operationId": "predict",
        "summary": "The most probable classes of one or more images",
        "description": (
            f"At most {settings.max_body_bytes} bytes a body and {settings.max_pixels} pixels an "
            "image. JPEG, PNG, WebP, GIF and BMP are read; of animations, the first frame. An "
            "image that is cut off is refused. One bad image refuses the request."
        ),
        "parameters": [
            _parameter("top_k", "query", {"type": "integer", "minimum": 1, "default": 5}),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "image/*": binary,
                "application/octet-stream": binary,
            },
        },
        "responses": {
            "200": {"description": "Classes by image", "content": _json(_ref("Predictions"))},
            **{status: _response(status) for status in ("400", "405", "413", "415", "503")},
        },
    }


def _schemas() -> Document:
    fraction = {"type": "number", "minimum": 0, "maximum": 1}
    model = _object(name={"type": "string"}, version={"type": "integer", "minimum": 1})
    top = _object(label={"type": "string"}, probability=fraction)
    prediction = _object(filename={"type": ["string", "null"]}, top=_array(top))
    entry = _object(
        version={"type": "integer", "minimum": 1},
        created={"type": ["string", "null"], "format": "date-time"},
        accuracy={"type": ["number", "null"], "minimum": 0, "maximum": 1},
        labels=_array({"type": "string"}),
        images={"type": ["integer", "null"], "minimum": 0},
        state={"enum": ["serving", "available", "failed"]},
    )
    reason = {"reason": {"type": "string", "description": "of a failure, in one line"}}
    models = _object(
        name={"type": "string"},
        current={"type": ["integer", "null"], "description": "the version that is served"},
        versions=_array(_with(entry, reason)),
    )
    codes = [code for _, known in _ERRORS.values() for code in known]
    return {
        "Ready": _object(status={"const": "ready"}, model=model),
        "Predictions": _object(
            model=model,
            predictions=_array(prediction),
            milliseconds={"type": "number", "minimum": 0},
        ),
        "Models": _with(models, reason),
        "Error": _object(error=_object(code={"enum": codes}, message={"type": "string"})),
    }


def _error_responses() -> Document:
    wait = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    return {
        f"Error{status}": {
            "description": f"{text} Codes: {', '.join(codes)}.",
            "content": _json(_ref("Error")),
            **({"headers": wait} if status == "503" else {}),
        }
        for status, (text, codes) in _ERRORS.items()
    }


def _object(**properties: object) -> Document:
    return {"type": "object", "required": [*properties], "properties": properties}


def _with(schema: Document, optional: Mapping[str, object]) -> Document:
    properties = schema["properties"]
    return {**schema, "properties": {**dict(properties), **optional}}  # type: ignore[call-overload]


def _array(items: Document) -> Document:
    return {"type": "array", "items": items}


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}


def _ref(schema: str) -> Document:
    return {"$ref": f"#/components/schemas/{schema}"}


def _response(status: str) -> Document:
    return {"$ref": f"#/components/responses/Error{status}"}


def _parameter(name: str, place: str, schema: Document) -> Document:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}
