"""What the API's answers look like, in JSON Schema 2020-12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference.manifest import FORMAT
from inference.openapi_parts import array_schema, header, json_content, object_schema, schema_named

if TYPE_CHECKING:
    from inference.openapi_parts import Part
    from inference.settings import Settings

_ERRORS = {
    "400": (
        "The request is malformed, or what was sent is no image.",
        ["bad_request", "not_an_image"],
    ),
    "404": ("There is nothing of that name.", ["not_found"]),
    "413": ("Too many bytes or pixels.", ["too_large"]),
    "415": ("The body is of a type that is not read, or compressed.", ["unsupported_type"]),
    "503": (
        "Not now: no model, one that fails on this image, too much to do, or too slow.",
        ["no_model", "model_fault", "busy", "timeout"],
    ),
}
#: What any request may get, so that no operation lists it; the earlier ones, before it is routed.
COMMON_ERRORS = {
    "408": ("The request itself did not come in time.", ["timeout"]),
    "414": ("The request's target is too long.", ["uri_too_long"]),
    "431": ("The request's head has too many bytes or headers.", ["head_too_large"]),
    "405": ("The path takes other methods: those of the header Allow.", ["method_not_allowed"]),
    "500": ("A defect of the service, which its log tells.", ["internal"]),
}

_ERROR_HEADERS: dict[str, Part] = {
    "405": {"Allow": header("methods", {"type": "string"})},
    "503": {"Retry-After": header("seconds", {"type": "integer", "minimum": 1})},
}

_TEXT: Part = {"type": "string"}
_LABEL: Part = {"type": "string", "minLength": 1}
_NUMBER: Part = {"type": "integer", "minimum": 1}
_FRACTION: Part = {"type": "number", "minimum": 0, "maximum": 1}
_MODEL = object_schema({"name": _TEXT, "version": _NUMBER})


def schemas(settings: Settings) -> Part:
    """What the operations' schemas refer to, by name."""
    known = [*_ERRORS.values(), *COMMON_ERRORS.values()]
    codes = list(dict.fromkeys(code for _, codes in known for code in codes))
    return {
        "Ready": object_schema({"status": {"const": "ready"}, "model": _MODEL}),
        "Predictions": _predictions(settings),
        "Models": _models(),
        "Manifest": _manifest(),
        "Training": object_schema({"format": {"const": FORMAT}}),
        "Error": object_schema(
            {"error": object_schema({"code": {"enum": codes}, "message": _TEXT})}
        ),
    }


def _predictions(settings: Settings) -> Part:
    top = object_schema({"label": _LABEL, "probability": _FRACTION})
    filename = {
        "type": ["string", "null"],
        "maxLength": 255,
        "description": "as the form told it, or cut to this length",
    }
    prediction = object_schema({"filename": filename, "top": array_schema(top, minItems=1)})
    return object_schema(
        {
            "model": _MODEL,
            "predictions": array_schema(prediction, minItems=1, maxItems=settings.queue_size),
            "milliseconds": {"type": "number", "minimum": 0, "description": "without the transfer"},
        }
    )


def _models() -> Part:
    reason = {"reason": {"type": "string", "description": "of a failure, in one line"}}
    entry = object_schema(
        {
            "version": _NUMBER,
            "created": {"type": ["string", "null"], "format": "date-time"},
            "accuracy": {**_FRACTION, "type": ["number", "null"]},
            "labels": array_schema(_LABEL),
            "images": {"type": ["integer", "null"], "minimum": 0},
            "state": {"enum": ["serving", "available", "failed"]},
        },
        reason,
    )
    current = {"type": ["integer", "null"], "description": "the version that is served"}
    return object_schema(
        {"name": _TEXT, "current": current, "versions": array_schema(entry)}, reason
    )


def _manifest() -> Part:
    some: Part = {"type": "object"}
    file = object_schema({"bytes": {"type": "integer", "minimum": 0}, "sha256": _TEXT})
    return object_schema(
        {
            "format": {"const": FORMAT},
            "name": _TEXT,
            "version": _NUMBER,
            "created": {"type": "string", "format": "date-time"},
            "input": some,
            "labels": array_schema(_LABEL, minItems=2),
            "metrics": some,
            "dataset": some,
            "files": {**some, "additionalProperties": file},
        }
    )


def error_responses() -> Part:
    """All refusals, by name: `Error` and the status."""
    errors = _ERRORS | COMMON_ERRORS
    return {f"Error{status}": _error(status, *error) for status, error in errors.items()}


def _error(status: str, description: str, codes: list[str]) -> Part:
    narrowed = {"properties": {"code": {"enum": codes}}}
    schema = {**schema_named("Error"), "properties": {"error": narrowed}}
    headers = {"headers": _ERROR_HEADERS[status]} if status in _ERROR_HEADERS else {}
    return {"description": description, "content": json_content(schema), **headers}
