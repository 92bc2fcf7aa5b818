"""What a stack is to come to: a template with the values of its parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.amazon import templates
from rehearsal.amazon.faulty import InvalidError
from rehearsal.amazon.schemas import find_schema
from rehearsal.amazon.templates import Later, Scope, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rehearsal.amazon.templates import Json


@dataclass(frozen=True, slots=True)
class Target:
    """A template, and all that decides what comes of it.

    Attributes:
        body: the template as it was sent.
        parameters: by name, as strings.
        tags: that every resource gets.
        values: the parameters as functions see them, with the pseudo parameters.
        conditions: what each comes to.
    """

    body: str
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    values: Mapping[str, Any]
    conditions: Mapping[str, bool]

    @property
    def resources(self) -> dict[str, Mapping[str, Any]]:
        """Those whose condition holds, in the template's order."""
        return {
            name: each
            for name, each in self.template["Resources"].items()
            if self.conditions.get(each.get("Condition", ""), True)
        }

    def scope(
        self,
        refer: Callable[[str], Json] = Later,
        attribute: Callable[[str, str], Json] | None = None,
    ) -> Scope:
        """For working functions out; what resources give is left open unless told."""
        open_attribute = attribute or (lambda name, part: Later(f"{name}.{part}"))
        mappings = self.template.get("Mappings", {})
        return Scope(self.values, mappings, self.conditions, refer, open_attribute)

    def properties(self, name: str, scope: Scope) -> dict[str, Any]:
        """A resource's properties, with the tags of the stack."""
        told = self.resources[name]
        schema = find_schema(told["Type"])
        resolved = resolve(told.get("Properties", {}), scope)
        system = {
            "aws:cloudformation:stack-name": self.values["AWS::StackName"],
            "aws:cloudformation:logical-id": name,
        }
        return schema.tagged(resolved, self.tags, system)

    def dependencies(self, name: str) -> tuple[str, ...]:
        """The resources that this one needs."""
        resources = self.resources
        told = resources[name]
        named = told.get("DependsOn", ())
        needed = {named} if isinstance(named, str) else set(named)
        needed |= set(templates.references(told.get("Properties", {}), self.scope()))
        return tuple(each for each in resources if each in needed and each != name)

    def order(self) -> list[str]:
        """All resources, each after those that it needs.

        Raises:
            InvalidError: they need one another.
        """
        placed: list[str] = []
        left = {name: set(self.dependencies(name)) for name in self.resources}
        while left:
            ready = [name for name, needed in left.items() if needed <= set(placed)]
            if not ready:
                raise InvalidError(
                    f"Circular dependency between resources: [{', '.join(sorted(left))}]"
                )
            placed += ready
            left = {name: needed for name, needed in left.items() if name not in ready}
        return placed

    def outputs(self, scope: Scope) -> list[dict[str, str]]:
        """What the stack tells."""
        return [
            {"OutputKey": name, "OutputValue": str(resolve(each["Value"], scope))}
            | ({"Description": each["Description"]} if "Description" in each else {})
            for name, each in self.template.get("Outputs", {}).items()
            if self.conditions.get(each.get("Condition", ""), True)
        ]


def aim(
    body: str, given: Mapping[str, str], tags: Mapping[str, str], pseudo: Mapping[str, str]
) -> Target:
    """A target.

    Args:
        body: the template.
        given: values of its parameters.
        tags: for every resource.
        pseudo: parameters such as AWS::Region.

    Raises:
        InvalidError: the template or a value is not valid.
    """
    template = templates.read(body)
    for each in template["Resources"].values():
        find_schema(each["Type"])
    declared = template.get("Parameters", {})
    _refuse(sorted(given.keys() - declared.keys()), "do not exist in the template")
    chosen = {name: given.get(name, each.get("Default")) for name, each in declared.items()}
    _refuse([name for name, value in chosen.items() if value is None], "must have values")
    parameters = {name: _text(value) for name, value in chosen.items()}
    for name, value in parameters.items():
        _check(name, value, declared[name])
    values = dict(pseudo) | {
        name: _listed(value) if _is_list(declared[name]) else value
        for name, value in parameters.items()
    }
    conditions = templates.conditions(template, values)
    target = Target(body, template, parameters, tags, values, conditions)
    target.order()
    return target


def _refuse(names: list[str], why: str) -> None:
    if names:
        raise InvalidError(f"Parameters: [{', '.join(names)}] {why}")


def _check(name: str, value: str, declared: Mapping[str, Any]) -> None:
    """Holds a value against what the template allows."""
    if _is_list(declared):
        return
    allowed = declared.get("AllowedValues")
    if allowed and value not in map(_text, allowed):
        told = ", ".join(map(_text, allowed))
        raise InvalidError(f"Parameter '{name}' must be one of AllowedValues [{told}]")
    if not re.fullmatch(declared.get("AllowedPattern", ".*"), value, re.DOTALL):
        told = declared.get("ConstraintDescription", declared["AllowedPattern"])
        raise InvalidError(f"Parameter '{name}' failed to satisfy constraint: {told}")
    if declared["Type"] == "Number":
        low, high = declared.get("MinValue", "-inf"), declared.get("MaxValue", "inf")
        if not float(low) <= float(value) <= float(high):
            raise InvalidError(f"Parameter '{name}' must be a number from {low} to {high}")


def _is_list(declared: Mapping[str, Any]) -> bool:
    return str(declared["Type"]).startswith(("CommaDelimitedList", "List<"))


def _listed(value: str) -> list[str]:
    return [each.strip() for each in value.split(",")]


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
