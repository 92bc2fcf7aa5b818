"""What descriptions of operations are made of: <https://spec.openapis.org/oas/v3.1.0>."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Part = dict[str, object]

#: A body as it is, of whatever its Content-Type says; section 4.8.14.1.
BYTES: Part = {}


def operations_of_get(operation: Part) -> Part:
    """A path that takes GET, and HEAD for the same without a body."""
    name, summary = operation["operationId"], operation["summary"]
    head = {"operationId": f"{name}_head", "summary": f"{summary}: the head only"}
    return {"get": operation, "head": {**operation, **head}}


def object_schema(
    properties: Mapping[str, object], optional: Mapping[str, object] | None = None
) -> Part:
    """An object that has all of the one, and may have the other."""
    return {
        "type": "object",
        "required": [*properties],
        "properties": {**properties, **(optional or {})},
    }


def array_schema(items: Part, **limits: int) -> Part:
    """A list, with `minItems` and `maxItems` if they are known."""
    return {"type": "array", "items": items, **limits}


def json_content(schema: Part) -> Part:
    """The content of a body that is JSON."""
    return {"application/json": {"schema": schema}}


def schema_named(name: str) -> Part:
    """A reference to one of the document's schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def response_named(name: str) -> Part:
    """A reference to one of the document's responses."""
    return {"$ref": f"#/components/responses/{name}"}


def header(description: str, schema: Part) -> Part:
    """A header that the response always has."""
    return {"description": description, "required": True, "schema": schema}


def parameter(name: str, place: str, schema: Part, example: object, description: str = "") -> Part:
    """A parameter in the path, which is required, or elsewhere."""
    told = {"description": description} if description else {}
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, **told, **required, "schema": schema, "example": example}
