"""A CloudFormation template as data: its short tags read, its functions worked out.

What only Amazon can tell, such as an ARN, stays as `${Name.Attribute}`.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import yaml

from deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NOTHING = object()  # what `AWS::NoValue` stands for
_LISTS = ("CommaDelimitedList", "List<")
# By this property `Ref` knows resources of these types; others get an id of Amazon's.
_NAMES = {
    "AWS::Backup::BackupVault": "BackupVaultName",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::EKS::Cluster": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
}
_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a template.

    Attributes:
        name: its logical id.
        kind: such as AWS::EC2::VPC.
        condition: on which it depends; empty for none.
        is_made: whether the condition holds.
        properties: worked out.
    """

    name: str
    kind: str
    condition: str
    is_made: bool
    properties: Mapping[str, Any]


class _Loader(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    """Reads `!Sub x` as `{"Fn::Sub": x}`, as CloudFormation does."""


def _read_tag(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    content: Any = None
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        content = text.split(".", 1) if tag == "GetAtt" else text
    elif isinstance(node, yaml.SequenceNode):
        content = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        content = loader.construct_mapping(node, deep=True)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": content}


_Loader.add_multi_constructor("!", _read_tag)


def read(text: str) -> Mapping[str, Any]:
    """The template, with every function by its long name.

    Raises:
        UsageError: it is no template.
    """
    try:
        template = yaml.load(text, _Loader)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        told = " ".join(str(error).split())
        raise UsageError(f"the template cannot be read: {told}") from error
    if not isinstance(template, dict) or "Resources" not in template:
        raise UsageError("the template has no Resources")
    return template


def defaults(template: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that have a default, with it."""
    parameters = template.get("Parameters", {}).items()
    return {name: str(each["Default"]) for name, each in parameters if "Default" in each}


def resources(
    template: Mapping[str, Any], parameters: Mapping[str, str], name: str, region: str
) -> tuple[Resource, ...]:
    """What a stack would have, in the template's order.

    Args:
        template: as `read` gives it.
        parameters: go before the defaults.
        name: the stack's.
        region: the stack's.
    """
    work = _begin(template, parameters, name, region)
    return tuple(_resource(work, each, body) for each, body in template["Resources"].items())


def outputs(
    template: Mapping[str, Any], parameters: Mapping[str, str], name: str, region: str
) -> dict[str, str]:
    """What a stack would tell; the arguments are those of `resources`."""
    work = _begin(template, parameters, name, region)
    found = template.get("Outputs", {}).items()
    made = ((key, each) for key, each in found if work.is_on(each))
    return {key: str(work.out(each["Value"])) for key, each in made}


def _begin(
    template: Mapping[str, Any], parameters: Mapping[str, str], name: str, region: str
) -> _Work:
    values = _values(template, parameters, name, region)
    work = _Work(template, values)
    for each, body in template["Resources"].items():
        key = _NAMES.get(body["Type"], "")
        if key in body.get("Properties", {}):
            values[each] = work.out(body["Properties"][key])
    return work


def _resource(work: _Work, name: str, body: Mapping[str, Any]) -> Resource:
    properties = work.out(body.get("Properties", {}))
    return Resource(name, body["Type"], body.get("Condition", ""), work.is_on(body), properties)


def _values(
    template: Mapping[str, Any], parameters: Mapping[str, str], name: str, region: str
) -> dict[str, Any]:
    arn = f"arn:{partition(region)}:cloudformation:{region}:${{AWS::AccountId}}:stack"
    values: dict[str, Any] = {
        "AWS::NoValue": _NOTHING,
        "AWS::Partition": partition(region),
        "AWS::Region": region,
        "AWS::StackId": f"{arn}/{name}/${{stack}}",
        "AWS::StackName": name,
        "AWS::URLSuffix": "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com",
    }
    for key, value in (defaults(template) | dict(parameters)).items():
        kind = template.get("Parameters", {}).get(key, {}).get("Type", "String")
        is_list = kind.startswith(_LISTS)
        values[key] = [each.strip() for each in value.split(",")] if is_list else value
    return values


def partition(region: str) -> str:
    """The part of Amazon's that a region is in, which ARNs begin with."""
    partitions = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
    return next((partitions[each] for each in partitions if region.startswith(f"{each}-")), "aws")


@dataclass(slots=True)
class _Work:
    """Works functions out, each condition once."""

    template: Mapping[str, Any]
    values: Mapping[str, Any]
    known: dict[str, bool] = field(default_factory=dict)

    def is_on(self, body: Mapping[str, Any]) -> bool:
        """Whether a resource or an output is there."""
        return "Condition" not in body or self.holds(body["Condition"])

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template does."""
        if condition not in self.known:
            self.known[condition] = self.test(self.template["Conditions"][condition])
        return self.known[condition]

    def test(self, rule: Mapping[str, Any]) -> bool:
        """Whether a rule, as conditions are made of, is true."""
        [(kind, parts)] = rule.items()
        if kind == "Condition":
            return self.holds(parts)
        if kind == "Fn::Equals":
            left, right = map(self.out, parts)
            return str(left) == str(right)
        if kind == "Fn::Not":
            return not self.test(parts[0])
        if kind in {"Fn::And", "Fn::Or"}:
            return (all if kind == "Fn::And" else any)(map(self.test, parts))
        raise UsageError(f"the template's condition has {kind}, which is not known")

    def out(self, value: Any) -> Any:  # noqa: ANN401 - as YAML has it
        """A value with its functions worked out."""
        if isinstance(value, list):
            return [each for each in map(self.out, value) if each is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(kind, content)] = value.items()
            if kind == "Ref" or kind.startswith("Fn::"):
                return self.function(kind, content)
        done = {key: self.out(each) for key, each in value.items()}
        return {key: each for key, each in done.items() if each is not _NOTHING}

    def function(self, kind: str, content: Any) -> Any:  # noqa: ANN401 - as YAML has it
        """What a function gives; of an unknown one, its name."""
        if kind == "Fn::If":
            condition, then, otherwise = content
            return self.out(then if self.holds(condition) else otherwise)
        if kind == "Fn::Sub":
            return self.text(content)
        content = self.out(content)
        if kind == "Ref":
            return self.values.get(content, f"${{{content}}}")
        if kind == "Fn::GetAtt":
            return f"${{{'.'.join(content)}}}"
        return _list_function(kind, content, self.template.get("Mappings", {}))

    def text(self, content: Any) -> str:  # noqa: ANN401 - as YAML has it
        """A text with its variables put in, as far as they are known."""
        pattern, extra = (content, {}) if isinstance(content, str) else content
        known = {**self.values, **{key: self.out(each) for key, each in extra.items()}}

        def put_in(found: re.Match[str]) -> str:
            literal, name = found.groups()
            return f"${{{name}}}" if literal else str(known.get(name, found[0]))

        return _VARIABLE.sub(put_in, pattern)


def _list_function(kind: str, content: Any, mappings: Mapping[str, Any]) -> Any:  # noqa: ANN401
    match kind, content:
        case "Fn::Join", [separator, [*parts]]:
            return separator.join(map(str, parts))
        case "Fn::Split", [separator, text]:
            return text.split(separator)
        case "Fn::Select", [index, [*parts]]:
            return parts[int(index)]
        case "Fn::FindInMap", [name, first, second]:
            return mappings[name][first][second]
        case "Fn::Cidr", [block, count, bits]:
            return _subnets(block, count, bits)
    return f"${{{kind}}}"


def _subnets(block: str, count: int | str, host_bits: int | str) -> Sequence[str]:
    """Blocks of 2 ** `host_bits` addresses each, from the first of a block on."""
    with suppress(ValueError):  # the block is too small, or only Amazon knows it
        subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - int(host_bits))
        found = list(islice(map(str, subnets), int(count)))
        if len(found) == int(count):
            return found
    return [f"${{{block} {number}}}" for number in range(1, int(count) + 1)]
