"""What an account may have at most, against what a deployment adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.eks.account import CONFIG, told_in_one_line
from deploy.eks.findings import Finding
from deploy.errors import DeployError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import InstanceTypeDef

    from deploy.eks.account import Account
    from deploy.eks.template import Resource

SIZES = {"medium": 1, "large": 2, "xlarge": 4}  # vCPUs; 2xlarge has 8, and so on
STANDARD = frozenset(
    "acdhimrtz"
)  # first letters of the families that the two quotas of vCPUs are of


@dataclass(frozen=True, slots=True)
class Need:
    """What a deployment adds to one quota.

    Attributes:
        what: is counted.
        service: in Service Quotas.
        code: in Service Quotas.
        adds: at once.
        at_most: when it has grown.
        used: tells what the account has of it.
    """

    what: str
    service: str
    code: str
    adds: int
    at_most: int
    used: Callable[[EC2Client], int]


def check(account: Account, resources: Sequence[Resource]) -> Iterator[Finding]:
    """Quotas that are too low; one that cannot be read is a note.

    Raises:
        UnreachableError: Amazon does not answer.
        UsageError: the credentials are not valid.
    """
    quotas = account.session.client("service-quotas", config=CONFIG)
    ec2 = account.session.client("ec2", config=CONFIG)
    for need in needs(resources):
        try:
            with told_in_one_line("GetServiceQuota"):
                found = quotas.get_service_quota(ServiceCode=need.service, QuotaCode=need.code)
                left = int(found["Quota"]["Value"]) - need.used(ec2)
        except (UnreachableError, UsageError):
            raise
        except DeployError as error:
            told = f"the quota of {need.what} cannot be read ({error}); {need.adds} are needed"
            yield Finding(told, is_fatal=False)
        else:
            yield from _compare(need, int(found["Quota"]["Value"]), left, account.region)


def needs(resources: Sequence[Resource]) -> tuple[Need, ...]:
    """What these resources add to quotas that are low by default."""
    made = [each for each in resources if each.is_made]
    kinds = [each.kind for each in made]
    addresses, networks = kinds.count("AWS::EC2::EIP"), kinds.count("AWS::EC2::VPC")
    serving, spot = _nodes(made, is_spot=False), _nodes(made, is_spot=True)
    demand = "vCPUs of running on-demand standard instances"
    return (
        Need("Elastic IP addresses", "ec2", "L-0263D0A3", addresses, addresses, _addresses),
        Need("VPCs in a region", "vpc", "L-F678F1CE", networks, networks, _networks),
        Need(demand, "ec2", "L-1216C47A", *serving, lambda ec2: _cpus(ec2, is_spot=False)),
        Need(
            "vCPUs of standard spot instances",
            "ec2",
            "L-34B43A08",
            *spot,
            lambda ec2: _cpus(ec2, is_spot=True),
        ),
    )


def cpus(instance_type: str) -> int:
    """How many vCPUs a type of instance has; 2 when its size says nothing."""
    size = instance_type.partition(".")[2]
    number = size.removesuffix("xlarge")
    return int(number) * SIZES["xlarge"] if number.isdecimal() else SIZES.get(size, 2)


def _compare(need: Need, quota: int, left: int, region: str) -> Iterator[Finding]:
    remedy = (
        f"ask for more: Service Quotas, {need.service}, {need.code}, in {region}, or delete what "
        "is not used"
    )
    told = f"{need.what}: {left} of {quota} are left"
    if left < need.adds:
        yield Finding(f"{told}, but {need.adds} are needed", remedy)
    elif left < need.at_most:
        told = f"{told}, enough to begin with, but all nodes take {need.at_most}"
        yield Finding(told, remedy, is_fatal=False)


def _nodes(made: Sequence[Resource], *, is_spot: bool) -> tuple[int, int]:
    """The vCPUs of the node groups of one kind: at first, and at most."""
    first = most = 0
    for each in made:
        spot = each.properties.get("CapacityType") == "SPOT"
        if each.kind == "AWS::EKS::Nodegroup" and spot == is_spot:
            size = max(map(cpus, each.properties["InstanceTypes"]))
            scaling = each.properties["ScalingConfig"]
            # The first training begins with the deployment, whatever the group starts with.
            first += size * max(int(scaling["DesiredSize"]), int(is_spot))
            most += size * int(scaling["MaxSize"])
    return first, most


def _addresses(ec2: EC2Client) -> int:
    return len(ec2.describe_addresses()["Addresses"])


def _networks(ec2: EC2Client) -> int:
    pages = ec2.get_paginator("describe_vpcs").paginate()
    return sum(len(page["Vpcs"]) for page in pages)


def _cpus(ec2: EC2Client, *, is_spot: bool) -> int:
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=running)  # type: ignore[arg-type]
    return sum(
        _cpus_of(instance)
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
        if (instance.get("InstanceLifecycle") == "spot") == is_spot
        and instance["InstanceType"][0] in STANDARD
    )


def _cpus_of(instance: InstanceTypeDef) -> int:
    options = instance.get("CpuOptions", {})
    counted = options.get("CoreCount", 0) * options.get("ThreadsPerCore", 0)
    return counted or cpus(instance["InstanceType"])
