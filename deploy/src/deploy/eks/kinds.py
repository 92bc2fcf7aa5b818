"""What a kind of resources is, and what can be told of one without asking any service."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from deploy.eks.deployment import TAG

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK = "aws:cloudformation:stack-name"
CLUSTER = "aws:eks:cluster-name"  # on a cluster's own security groups
CONTROLLER = "elbv2.k8s.aws/cluster"  # on what aws-load-balancer-controller makes


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call of a service.

    Attributes:
        operation: as boto3 names it.
        arguments: its arguments; {id}, {within}, {name}, {account}, {region} and {partition} stand
            for what is asked about, {keys} for the keys of the tags that tell an owner.
        pick: JMESPath that gives a list of {id, tags}.
    """

    operation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    pick: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """How one kind of resources is found, told from what is gone, and removed.

    Attributes:
        name: as a user reads it.
        service: boto3's name of it.
        arn: a pattern of `service:resource` in its ARNs; its group is the id, else the ARN is.
        one: describes what has an id; gives nothing when that is gone.
        remove: deletes what has an id.
        every: list all that may be a deployment's; none where the tag API alone finds them.
        tags: asks for the tags of an id, where `every` does not give them.
        names: patterns of names that tell an owner where there are no tags.
        is_closed: whether the tags of what belongs to others may be refused.
        within: the kind of what holds it, where a service does not find it without.
    """

    name: str
    service: str
    arn: str
    one: Call
    remove: Call
    every: tuple[Call, ...] = ()
    tags: Call | None = None
    names: tuple[str, ...] = ()
    is_closed: bool = False
    within: Kind | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A resource.

    Attributes:
        kind: None when nothing but its ARN is known.
        tags: as far as they were told.
        within: the id of what holds it, where its kind has that.
    """

    kind: Kind | None
    id: str
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)
    within: str = field(default="", compare=False)


def owners(name: str) -> dict[str, str]:
    """The tags that tell that a resource is a deployment's, by key.

    They are the stack's, and those of what makes resources on its own: Kubernetes, the load
    balancer controller, the network add-on, EKS, CloudFormation. A network that a cluster only
    uses is marked `shared`, and is not its own.
    """
    return {
        TAG: name,
        f"kubernetes.io/cluster/{name}": "owned",
        CONTROLLER: name,
        "cluster.k8s.amazonaws.com/name": name,
        CLUSTER: name,
        "eks:cluster-name": name,
        STACK: name,
    }


def is_owned(kind: Kind, resource: str, tags: Mapping[str, str], name: str) -> bool:
    """Whether a resource is the deployment's of this name."""
    by_name = any(fnmatchcase(resource, each.format(name=name)) for each in kind.names)
    return by_name or any(tags.get(key) == value for key, value in owners(name).items())


def tags_of(told: object) -> dict[str, str]:
    """Tags, in whichever of the four forms a service tells them, by key."""
    if isinstance(told, dict):
        return {str(key): str(value) for key, value in told.items()}
    pairs = [
        {key.removeprefix("Tag").lower(): value for key, value in each.items()}
        for each in (told if isinstance(told, list) else [])
    ]
    return {str(pair["key"]): str(pair.get("value", "")) for pair in pairs}


def put_in(pick: str, words: Mapping[str, str]) -> str:
    """A pick with its words put in; other braces are JMESPath's."""
    return pick.replace("{id}", words["id"]).replace("{name}", words["name"])


def identify(arn: str, kinds: tuple[Kind, ...]) -> Found:
    """The kind and the id that an ARN tells."""
    for kind in kinds:
        service, _, resource = kind.arn.partition(":")
        if match := re.fullmatch(f"arn:[^:]*:{service}:[^:]*:[^:]*:{resource}", arn):
            return Found(kind, match[match.lastindex or 0])
    return Found(None, arn)


def filled(arguments: object, words: Mapping[str, str]) -> Any:  # noqa: ANN401 - as boto3 takes it
    """Arguments of a call with their words put in."""
    if isinstance(arguments, dict):
        return {key: filled(value, words) for key, value in arguments.items()}
    if isinstance(arguments, list):
        return [filled(value, words) for value in arguments]
    if arguments == "{keys}":
        return list(owners(words["name"]))
    return arguments.format(**words) if isinstance(arguments, str) else arguments


def shown(kind: Kind, words: Mapping[str, str], region: str) -> str:
    """The removal of a resource as a command of AWS's command line."""
    parts = ["aws", kind.service, kind.remove.operation.replace("_", "-")]
    for key, value in filled(kind.remove.arguments, words).items():
        parts.append(f"--{xform_name(key, '-')}")
        values = value if isinstance(value, list) else [value]
        parts += [str(each) for each in values if each is not True]
    return " ".join([*parts, "--region", region])
