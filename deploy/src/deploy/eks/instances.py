"""The types of instances that nodes are of: whether Amazon offers them, and whether they fit."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.eks.account import CONFIG, told_in_one_line
from deploy.eks.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import InstanceTypeInfoTypeDef

    from deploy.eks.account import Account
    from deploy.eks.template import Resource

PROCESSORS = {"amd64": "x86_64", "arm64": "arm64"}  # as Amazon EC2 calls them
LISTED = "`aws ec2 describe-instance-type-offerings --location-type availability-zone` lists them"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of nodes.

    Attributes:
        resource: its logical id.
        flag: of the option that names its types.
        parameter: of the stack that does.
        cpus: the vCPUs that a node needs at least.
    """

    resource: str
    flag: str
    parameter: str
    cpus: int


GROUPS = (
    Group("ServingNodes", "--serving-instance-types", "ServingInstanceTypes", 2),
    Group("TrainingNodes", "--training-instance-types", "TrainingInstanceTypes", 4),
)


def types(resources: Sequence[Resource]) -> dict[str, Sequence[str]]:
    """The types that each group of nodes is of, by the stack's parameters that name them.

    Args:
        resources: of the stack; those types are in it which are taken when none is given.
    """
    made = {each.name: each.properties for each in resources if each.is_made}
    return {each.parameter: made[each.resource]["InstanceTypes"] for each in GROUPS}


def check(
    account: Account, resources: Sequence[Resource], architecture: str, zones: Sequence[str]
) -> Iterator[Finding]:
    """The types that cannot be had in each of the zones, or do not do.

    Args:
        account: in whose region the nodes are to be.
        resources: of the stack.
        architecture: of the images, amd64 or arm64.
        zones: by name, at least one.

    Raises:
        UnreachableError: Amazon does not answer.
        NotAllowedError: the credentials do not allow to ask.
    """
    ec2 = account.session.client("ec2", config=CONFIG)
    wanted = types(resources)
    every = sorted({kind for kinds in wanted.values() for kind in kinds})
    known, offered = _known(ec2, every), _offered(ec2, every)
    for group in GROUPS:
        faults: dict[str, str] = {}
        for kind in wanted[group.parameter]:
            if kind not in known:
                faults[kind] = f"there is no such type in {account.region}"
            elif missing := sorted(set(zones) - offered[kind]):
                faults[kind] = f"it is not offered in {', '.join(missing)}"
            elif unfit := _unfit(known[kind], architecture, group.cpus):
                faults[kind] = unfit
        fit = [each for each in wanted[group.parameter] if each not in faults]
        remedy = f"give {group.flag} {','.join(fit)}" if fit else f"give others; {LISTED}"
        for kind, fault in faults.items():
            yield Finding(f"{group.flag} {kind}: {fault}", remedy)


def _unfit(kind: InstanceTypeInfoTypeDef, architecture: str, cpus: int) -> str:
    """Why a type does not do; empty when it does."""
    processors, has = kind["ProcessorInfo"]["SupportedArchitectures"], kind["VCpuInfo"]
    if PROCESSORS[architecture] not in processors:
        return f"it is {' and '.join(processors)}, and --architecture is {architecture}"
    if has["DefaultVCpus"] < cpus:
        return f"it has {has['DefaultVCpus']} vCPU, but {cpus} are needed"
    return ""


def _known(ec2: EC2Client, kinds: Sequence[str]) -> Mapping[str, InstanceTypeInfoTypeDef]:
    """By a filter, since a name that is none would be refused, and nothing told of the others."""
    with told_in_one_line("DescribeInstanceTypes"):
        pages = ec2.get_paginator("describe_instance_types").paginate(
            Filters=[{"Name": "instance-type", "Values": kinds}]
        )
        return {each["InstanceType"]: each for page in pages for each in page["InstanceTypes"]}


def _offered(ec2: EC2Client, kinds: Sequence[str]) -> Mapping[str, set[str]]:
    """The zones of each type."""
    zones: defaultdict[str, set[str]] = defaultdict(set)
    with told_in_one_line("DescribeInstanceTypeOfferings"):
        pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": kinds}]
        )
        for page in pages:
            for each in page["InstanceTypeOfferings"]:
                zones[each["InstanceType"]].add(each["Location"])
    return zones
