"""The description of the Open Inference Protocol's routes, for the document of all routes.

What they have in common with the protocol's own description is told there:
<https://github.com/kserve/kserve/blob/master/docs/predict-api/v2/rest_predict_v2.yaml>.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference.files import OTHER_TYPE
from inference.model import INPUT, OUTPUT
from inference.oip import EXTENSIONS, JSON_LENGTH
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
from inference.settings import NAME

if TYPE_CHECKING:
    from inference.openapi_parts import Part
    from inference.settings import Settings

_MODEL = "/v2/models/{name}"
_VERSION = "/versions/{version}"

_ERRORS = {
    "400": "The request is malformed, or what was sent is no image.",
    "404": "There is no such model, or that version is not the one that is served.",
    "413": "Too many bytes, as they came or inflated, or too many pixels.",
    "415": "The body is compressed in a way that is not read.",
    "503": "Not now: no model, one that fails on this image, too much to do, or too slow.",
}
_ERROR_HEADERS: dict[str, Part] = {
    "503": {"Retry-After": header("seconds", {"type": "integer", "minimum": 1})},
}

_INFER = """\
The images are the only input, `{input}`, of up to {images} at a time, and {bytes} bytes in all:

- `UINT8` or `FP32`, shape `[N, height, width, 3]` as the model's metadata says: red, green and
  blue, whole numbers from 0 to 255. Others are refused, not rounded. As JSON, flat or nested.
- `BYTES`, shape `[N]` or `[N, 1]`: encoded images, JPEG, PNG, WebP, GIF or BMP, decoded as
  `POST /predict` does. As JSON they are strings in base64.

The only output, `{output}`, is `FP32`, `[N, classes]`; with the parameter `classification`, the
best so many as `BYTES`, each `probability:index:label`. Binary tensors follow the JSON, whose
length the header Inference-Header-Content-Length tells; with the length 0, the body is one `UINT8`
image. The body may be compressed by gzip or deflate, and so is the answer, if the client accepts
that and it is long enough to gain by it. A slash at the end of the path makes no difference.
"""

# One black pixel, so that the example can be tried.
_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
_EXAMPLE: Part = {
    "id": "1",
    "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [1], "data": [_PIXEL]}],
    "outputs": [{"name": OUTPUT, "parameters": {"classification": 1}}],
}

_TEXT: Part = {"type": "string"}
_SHAPE = array_schema({"type": "integer"}, minItems=1)
_PARAMETERS: Part = {"type": "object", "description": "others than those described are passed over"}


def paths(settings: Settings) -> Part:
    """The protocol's paths, each of which also takes a slash at its end."""
    name = parameter(
        "name", "path", {"type": "string", "pattern": f"^{NAME.pattern}$"}, settings.model_name
    )
    version = parameter("version", "path", {"type": "string", "pattern": "^[1-9][0-9]*$"}, "1")
    return {
        "/v2": _get("v2", "The server, and what it can", "V2Server", []),
        "/v2/health/live": _get("v2_live", "The process lives", "V2Live", []),
        "/v2/health/ready": _get("v2_ready", "A model is loaded", "V2Ready", [], "503"),
        **_of_model("", [name], settings),
        **_of_model(_VERSION, [name, version], settings),
    }


def schemas() -> Part:
    """What the operations' schemas refer to, by name."""
    return {
        "V2Server": object_schema(
            {
                "name": {"const": "inference"},
                "version": _TEXT,
                "extensions": array_schema({"enum": [*EXTENSIONS]}),
            }
        ),
        "V2Live": object_schema({"live": {"const": True}}),
        "V2Ready": object_schema({"ready": {"const": True}}),
        "V2ModelReady": object_schema({"name": _TEXT, "ready": {"const": True}}),
        "V2Model": _model(),
        "V2Request": _request(),
        "V2Response": _response(),
        "V2Error": object_schema({"error": _TEXT}),
    }


def error_responses() -> Part:
    """The protocol's refusals, by name: `V2Error` and the status."""
    return {
        f"V2Error{status}": {
            "description": description,
            "content": json_content(schema_named("V2Error")),
            **({"headers": _ERROR_HEADERS[status]} if status in _ERROR_HEADERS else {}),
        }
        for status, description in _ERRORS.items()
    }


def _of_model(below: str, parameters: list[Part], settings: Settings) -> Part:
    suffix = "_version" if below else ""
    path = f"{_MODEL}{below}"
    return {
        path: _get(
            f"v2_model{suffix}",
            "What the model takes and gives",
            "V2Model",
            parameters,
            "404",
            "503",
        ),
        f"{path}/ready": _get(
            f"v2_model{suffix}_ready", "It is loaded", "V2ModelReady", parameters, "404", "503"
        ),
        f"{path}/infer": {"post": _infer(f"v2_infer{suffix}", parameters, settings)},
    }


def _get(name: str, summary: str, schema: str, parameters: list[Part], *errors: str) -> Part:
    found = {"description": summary, "content": json_content(schema_named(schema))}
    operation: Part = {
        "operationId": name,
        "summary": summary,
        "responses": {"200": found, **_refusals(*errors)},
    }
    return operations_of_get({**operation, "parameters": parameters} if parameters else operation)


def _infer(name: str, parameters: list[Part], settings: Settings) -> Part:
    length: Part = {
        "name": "Inference-Header-Content-Length",
        "in": "header",
        "description": "bytes of JSON, where a tensor's bytes follow it",
        "schema": {"type": "integer", "minimum": 0},
    }
    request: Part = {"schema": schema_named("V2Request"), "example": _EXAMPLE}
    answer: Part = {
        "description": "The probabilities of each class for each image, or the best classes",
        "headers": {
            JSON_LENGTH: {"description": length["description"], "schema": {"type": "integer"}}
        },
        "content": {**json_content(schema_named("V2Response")), OTHER_TYPE: BYTES},
    }
    return {
        "operationId": name,
        "summary": "The probabilities of each class for each image",
        "description": _INFER.format(
            input=INPUT, output=OUTPUT, images=settings.queue_size, bytes=settings.max_body_bytes
        ),
        "parameters": [*parameters, length],
        "requestBody": {
            "required": True,
            "content": {"application/json": request, OTHER_TYPE: BYTES},
        },
        "responses": {
            "200": answer,
            **_refusals("400", "404", "413", "415", "503"),
        },
    }


def _model() -> Part:
    tensor = object_schema({"name": _TEXT, "datatype": _TEXT, "shape": _SHAPE})
    faults: Part = {
        "type": "object",
        "additionalProperties": _TEXT,
        "description": "versions that cannot be served and why; `repository` for all of it",
    }
    return object_schema(
        {
            "name": _TEXT,
            "versions": array_schema(_TEXT, minItems=1, maxItems=1),
            "platform": {"const": "onnxruntime_onnx"},
            "inputs": array_schema(tensor, minItems=1, maxItems=1),
            "outputs": array_schema(tensor, minItems=1, maxItems=1),
        },
        {"parameters": object_schema({"faults": faults})},
    )


def _request() -> Part:
    tensor = object_schema(
        {
            "name": {"const": INPUT},
            "datatype": {"enum": ["UINT8", "FP32", "BYTES"]},
            "shape": array_schema({"type": "integer", "minimum": 1}, minItems=1, maxItems=4),
        },
        {
            "data": _or_null({"type": "array", "minItems": 1}),
            "parameters": _parameters(binary_data_size={"type": "integer", "minimum": 0}),
        },
    )
    output = object_schema(
        {"name": {"const": OUTPUT}},
        {
            "parameters": _parameters(
                classification={"type": "integer", "minimum": 1}, binary_data={"type": "boolean"}
            )
        },
    )
    return object_schema(
        {"inputs": array_schema(tensor, minItems=1, maxItems=1)},
        {
            "id": _or_null(_TEXT),
            "outputs": _or_null(array_schema(output, maxItems=1)),
            "parameters": _parameters(binary_data_output={"type": "boolean"}),
        },
    )


def _response() -> Part:
    tensor = object_schema(
        {"name": {"const": OUTPUT}, "datatype": {"enum": ["FP32", "BYTES"]}, "shape": _SHAPE},
        {
            "data": {"type": "array", "items": {"type": ["number", "string"]}},
            "parameters": object_schema({"binary_data_size": {"type": "integer"}}),
        },
    )
    return object_schema(
        {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "outputs": array_schema(tensor, minItems=1, maxItems=1),
        },
        {"id": _TEXT},
    )


def _parameters(**known: Part) -> Part:
    properties = {name: _or_null(schema) for name, schema in known.items()}
    return _or_null({**_PARAMETERS, "properties": properties})


def _or_null(schema: Part) -> Part:
    """A member that may be missing, or null, as some clients write that."""
    return {**schema, "type": [schema["type"], "null"]}


def _refusals(*statuses: str) -> Part:
    return {status: response_named(f"V2Error{status}") for status in statuses}
