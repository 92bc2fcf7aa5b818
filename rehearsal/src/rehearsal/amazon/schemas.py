"""What CloudFormation's registry tells of a type: cfn-lint brings the schemas along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from rehearsal.amazon.faulty import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.amazon.templates import Json

REGION = "us-west-2"  # whose schemas are taken; those of other regions hardly differ


@dataclass(frozen=True, slots=True)
class Schema:
    """A resource type.

    Attributes:
        told: the schema as CloudFormation publishes it.
    """

    told: Mapping[str, Any]

    @property
    def fixed(self) -> tuple[tuple[str, ...], ...]:
        """Paths of properties that no update changes: another value is another resource."""
        paths = self.told.get("createOnlyProperties") or ()
        return tuple(tuple(each.split("/")[2:]) for each in paths)

    def actions(self, does: str) -> tuple[str, ...]:
        """What CloudFormation calls with its caller's permissions to create, update or delete."""
        handler = (self.told.get("handlers") or {}).get(does, {})
        return tuple(handler.get("permissions", ()))

    def tagged(
        self, properties: Mapping[str, Any], tags: Mapping[str, str], system: Mapping[str, str]
    ) -> dict[str, Any]:
        """The properties, with a stack's tags added to the resource's own.

        Args:
            properties: as the template has them.
            tags: the stack's.
            system: those that CloudFormation adds where the type allows it.
        """
        tagging = self.told.get("tagging") or {}
        if not tagging.get("taggable"):
            return dict(properties)
        if tagging.get("cloudFormationSystemTags"):
            tags = {**tags, **system}
        name = tagging["tagProperty"].rpartition("/")[2]
        own = properties.get(name, {})
        if self._resolved(self.told["properties"][name]).get("type") == "object":
            return {**properties, name: {**tags, **own}}
        merged = dict(tags) | {each["Key"]: each["Value"] for each in own}
        return {**properties, name: [{"Key": k, "Value": v} for k, v in merged.items()]}

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            found: Any = self.told
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema


def find_schema(name: str) -> Schema:
    """The schema of a type, such as AWS::EKS::Cluster.

    Raises:
        InvalidError: there is no such type.
    """
    try:
        return Schema(PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema)
    except ResourceNotFoundError as error:
        raise InvalidError(
            f"Template format error: Unrecognized resource types: [{name}]"
        ) from error


def replaces(schema: Schema, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether new properties ask for another resource."""
    return any(_at(old, path) != _at(new, path) for path in schema.fixed)


def _at(properties: Json, path: tuple[str, ...]) -> Json:
    for part in path:
        if not isinstance(properties, dict):
            return None
        properties = properties.get(part)
    return properties
