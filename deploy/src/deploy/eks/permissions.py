"""Who may do what: the statements of a template or a policy file, and calls held against them."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from deploy.eks.template import Resource

# What the recorded name of a call is called in policies, where the two differ: Amazon's Service
# Authorization Reference, against the names in which requests are signed.
SERVICES = {
    "amp": "aps",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tag",
    "service-quotas": "servicequotas",
    "tagging": "tag",
}
ACTIONS = {
    "budgets:CreateBudget": "budgets:ModifyBudget",
    "budgets:DeleteBudget": "budgets:ModifyBudget",
    "budgets:DescribeBudget": "budgets:ViewBudget",
    "budgets:DescribeBudgets": "budgets:ViewBudget",
    "elasticfilesystem:DescribeTags": "elasticfilesystem:ListTagsForResource",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
}
FREE = frozenset({"sts:GetCallerIdentity"})  # needs no permission


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of one policy.

    Attributes:
        holder: whose it is: a resource's logical id, or a file's name.
        policy: which of the holder's policies.
        effect: Allow or Deny.
        who: principals, in policies of resources and of trust.
        actions: patterns such as eks:Describe*; with `is_other`, all but these.
        on: patterns of ARNs.
        conditions: `Operator key = values` each.
    """

    holder: str
    policy: str
    effect: str
    who: tuple[str, ...]
    actions: tuple[str, ...]
    on: tuple[str, ...]
    conditions: tuple[str, ...]
    is_other: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """Calls against statements.

    Attributes:
        refused: actions that were called and are not granted.
        unused: granted patterns that no call needed.
    """

    refused: tuple[str, ...]
    unused: tuple[str, ...]


def of_resources(resources: Iterable[Resource]) -> tuple[Statement, ...]:
    """All statements of a template's resources: roles', keys', repositories', file systems'."""
    return tuple(
        statement
        for each in resources
        if each.is_made
        for path, document in _documents(each.properties, "")
        for statement in of_policy(each.name, path, document)
    )


def of_policy(holder: str, policy: str, document: Mapping[str, Any]) -> tuple[Statement, ...]:
    """The statements of a policy document."""
    return tuple(_statement(holder, policy, each) for each in _listed(document["Statement"]))


def managed(resources: Iterable[Resource]) -> dict[str, tuple[str, ...]]:
    """Amazon's own policies that roles have, by the role; what is in them is Amazon's to say."""
    roles = (each for each in resources if each.is_made)
    found = {each.name: tuple(each.properties.get("ManagedPolicyArns", ())) for each in roles}
    return {name: policies for name, policies in found.items() if policies}


def compare(called: Iterable[str], statements: Collection[Statement]) -> Comparison:
    """Holds calls against what is granted; which resource a call was on is not looked at.

    Args:
        called: `service:Action` each, with the service's name in policies, in botocore or in
            signatures.
        statements: of one role or policy.
    """
    needed = {action(each) for each in called} - FREE
    granted = [each for each in statements if each.effect == "Allow"]
    patterns = sorted({pattern for each in granted for pattern in each.actions})
    return Comparison(
        tuple(sorted(each for each in needed if not _is_allowed(each, statements))),
        tuple(each for each in patterns if not any(_matches(call, [each]) for call in needed)),
    )


def action(call: str) -> str:
    """The action that a policy has to grant for a call."""
    service, operation = call.split(":", 1)
    named = f"{SERVICES.get(service, service)}:{operation}"
    return ACTIONS.get(named, named)


def _is_allowed(call: str, statements: Collection[Statement]) -> bool:
    effects = {
        each.effect for each in statements if _matches(call, each.actions) is not each.is_other
    }
    return "Allow" in effects


def _matches(call: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(call.lower(), each.lower()) for each in patterns)


def _documents(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401
    """Policy documents anywhere in properties, by a name that tells where."""
    if isinstance(value, list):
        for each in value:
            yield from _documents(each, path)
    elif isinstance(value, dict):
        if "Statement" in value:
            yield path, value
            return
        named = value.get("PolicyName")
        for key, each in value.items():
            yield from _documents(each, named if isinstance(named, str) else key)


def _statement(holder: str, policy: str, text: Mapping[str, Any]) -> Statement:
    return Statement(
        holder,
        policy,
        text["Effect"],
        tuple(_principals(text.get("Principal", ()))),
        tuple(map(str, _listed(text.get("Action", text.get("NotAction", ()))))),
        tuple(map(str, _listed(text.get("Resource", ())))),
        tuple(_conditions(text.get("Condition", {}))),
        "NotAction" in text,
    )


def _principals(principal: Any) -> Iterator[str]:  # noqa: ANN401 - as JSON has it
    if isinstance(principal, dict):
        for each in principal.values():
            yield from map(str, _listed(each))
    else:
        yield from map(str, _listed(principal))


def _conditions(conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for operator, keys in conditions.items():
        for key, values in keys.items():
            yield f"{operator} {key} = {', '.join(map(str, _listed(values)))}"


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - as JSON has it
    return list(value) if isinstance(value, list | tuple) else [value]
