"""Templates of CloudFormation: read, and their functions worked out."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from rehearsal.amazon.faulty import InvalidError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Json = Any  # what JSON holds
ZONES = "abc"
NOTHING = object()  # AWS::NoValue
_VARIABLE = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")


class Later(str):
    """What is known once a resource is there, in a comparison of templates."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a template's functions refer to.

    Attributes:
        values: of parameters and pseudo parameters.
        mappings: the template's.
        conditions: what each comes to.
        refer: what Ref gives for a resource.
        attribute: what Fn::GetAtt gives.
    """

    values: Mapping[str, Any]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, bool]
    refer: Callable[[str], Any]
    attribute: Callable[[str, str], Any]

    def ref(self, name: str) -> Json:
        """What Ref gives, for a parameter or a resource."""
        return self.values[name] if name in self.values else self.refer(name)


class _Loader(yaml.SafeLoader):
    """YAML with the short forms of functions, and with dates as they are written."""


def _function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _function)
_Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(body: str) -> dict[str, Any]:
    """A template, of YAML or JSON.

    Raises:
        InvalidError: it is neither, or has no resources.
    """
    try:
        template = yaml.load(body, Loader=_Loader)  # noqa: S506 -- a SafeLoader
    except yaml.YAMLError as error:
        raise InvalidError(f"Template format error: {error}") from error
    if not isinstance(template, dict) or not template.get("Resources"):
        raise InvalidError("Template format error: At least one Resources member must be defined.")
    return template


def conditions(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, bool]:
    """What each of a template's conditions comes to."""
    known: dict[str, bool] = {}
    told = template.get("Conditions", {})
    scope = Scope(values, template.get("Mappings", {}), known, _no_resource, _no_resource)

    def holds(condition: Json) -> bool:
        if "Condition" in condition:
            return named(condition["Condition"])
        ((function, given),) = condition.items()
        if function == "Fn::Equals":
            first, second = resolve(given, scope)
            return str(first) == str(second)
        if function == "Fn::Not":
            return not holds(given[0])
        return (all if function == "Fn::And" else any)([holds(each) for each in given])

    def named(name: str) -> bool:
        if name not in known:
            known[name] = holds(told[name])
        return known[name]

    for name in told:
        named(name)
    return known


def resolve(value: Json, scope: Scope) -> Json:
    """A value with every function worked out.

    Raises:
        InvalidError: it refers to what is not there.
    """
    if isinstance(value, list):
        items = [resolve(each, scope) for each in value]
        return [each for each in items if each is not NOTHING]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, given),) = value.items()
        if name == "Ref":
            return NOTHING if given == "AWS::NoValue" else scope.ref(given)
        if name.startswith("Fn::"):
            return _called(name.removeprefix("Fn::"), given, scope)
    items_by_name = {key: resolve(each, scope) for key, each in value.items()}
    return {key: each for key, each in items_by_name.items() if each is not NOTHING}


def references(value: Json, scope: Scope) -> Iterator[str]:
    """The names that a value refers to; of `Fn::If`, the branch that is taken."""
    if isinstance(value, list):
        for each in value:
            yield from references(each, scope)
    elif isinstance(value, dict):
        for key, given in value.items():
            if key == "Ref":
                yield given
            elif key == "Fn::GetAtt":
                yield given[0]
            elif key == "Fn::If":
                yield from references(given[1 if scope.conditions[given[0]] else 2], scope)
            else:
                if key == "Fn::Sub":
                    text = given if isinstance(given, str) else given[0]
                    yield from (each.split(".")[0] for each in _VARIABLE.findall(text))
                yield from references(given, scope)


def _called(function: str, given: Json, scope: Scope) -> Json:  # noqa: C901, PLR0911 -- one case a function
    match function:
        case "If":
            condition, yes, no = given
            return resolve(yes if scope.conditions[condition] else no, scope)
        case "Sub":
            return _substituted(given, scope)
        case "GetAtt":
            return scope.attribute(given[0], resolve(given[1], scope))
    arguments = resolve(given, scope)
    match function:
        case "FindInMap":
            found: Any = scope.mappings[arguments[0]]
            return found[arguments[1]][arguments[2]]
        case "Join":
            return arguments[0].join(map(str, arguments[1]))
        case "Split":
            text = arguments[1]
            return text if isinstance(text, Later) else text.split(arguments[0])
        case "Select":
            index, items = int(arguments[0]), arguments[1]
            return Later(f"{items}[{index}]") if isinstance(items, Later) else items[index]
        case "GetAZs":
            return [f"{arguments or scope.values['AWS::Region']}{zone}" for zone in ZONES]
        case "Cidr":
            return _networks(*arguments)
        case "Base64":
            return base64.b64encode(arguments.encode()).decode("ascii")
        case "ToJsonString":
            return json.dumps(arguments)
        case "Length":
            return len(arguments)
    raise InvalidError(f"Template error: the rehearsal does not know Fn::{function}")


def _substituted(given: Json, scope: Scope) -> str:
    text, own = (given, {}) if isinstance(given, str) else given
    variables = resolve(own, scope)

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name in variables:
            return str(variables[name])
        logical, _, attribute = name.partition(".")
        return str(scope.attribute(logical, attribute) if attribute else scope.ref(name))

    return _VARIABLE.sub(value, text).replace("${!", "${")


def _networks(block: str, count: str | int, bits: str | int = 8) -> list[str] | Later:
    if isinstance(block, Later):
        return Later(f"Cidr({block})")
    parent = ipaddress.ip_network(block)
    prefix = parent.max_prefixlen - int(bits)
    try:
        parts = parent.subnets(new_prefix=prefix)
        return [str(next(parts)) for _ in range(int(count))]
    except (StopIteration, ValueError) as error:
        raise InvalidError(
            f"Template error: Fn::Cidr cannot make {count} networks of /{prefix} in {block}"
        ) from error


def _no_resource(*names: str) -> Json:
    raise InvalidError(f"Template error: unresolved reference to {'.'.join(names)}")
