"""What a deployment costs a month: its resources, times list prices that are written down."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources as files
from typing import TYPE_CHECKING, Any

from deploy.eks import stacks, template, zones

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deploy.eks.template import Resource

HOURS = 730  # a month has, as Amazon's calculator counts
DISK_GB = 20  # of a node whose disk is not told; Amazon EKS's own default
SIZES = {"large": 1, "xlarge": 2, "2xlarge": 4, "3xlarge": 6, "4xlarge": 8, "8xlarge": 16}
# What a small deployment uses a month: assumptions, which the table shows as quantities.
NAT_GB, READ_GB, WRITTEN_GB, STORED_GB = 20, 20, 10, 10
CAPACITY_UNITS = 0.2  # of the load balancer, on average; 1 is 25 new connections a second
IMAGES_GB = 10  # several versions of the three
CLUSTER_LOGS_GB, CONTAINER_LOGS_GB = 3, 5
TRAINING_HOURS = 20
SAMPLES_10M = 22  # 5,000 series, one sample of each a minute


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table.

    Attributes:
        what: is paid for.
        quantity: of the unit, a month.
        unit: such as hour or GB.
        price: US dollars for one; None when it is not known.
        source: the pricing page of Amazon's.
        is_borrowed: whether the price is another region's.
    """

    what: str
    quantity: float
    unit: str
    price: float | None
    source: str
    is_borrowed: bool

    @property
    def month(self) -> float:
        """US dollars a month; 0 when the price is not known."""
        return self.quantity * (self.price or 0.0)


@dataclass(frozen=True, slots=True)
class Costs:
    """The table.

    Attributes:
        date: year and month of the prices.
        base: the region whose prices stand in for those that are not known.
    """

    lines: Sequence[Line]
    date: str
    base: str

    @property
    def total(self) -> float:
        """US dollars a month."""
        return sum(each.month for each in self.lines)

    @property
    def how(self) -> str:
        """What to say before the total: some prices may not be known."""
        return "at least" if any(each.price is None for each in self.lines) else "about"


def monthly(values: Mapping[str, str], region: str) -> Costs:
    """What a deployment with these parameters costs, with the template as it is here.

    Args:
        values: the stack's parameters; those that are not given have their defaults.
        region: of Amazon's.
    """
    read = template.read(stacks.template())
    parameters = {name: values[name] for name in read["Parameters"] if name in values}
    return estimate(template.resources(read, parameters, "ml-pipeline", region), region, prices())


def prices() -> Mapping[str, Any]:
    """The price list that is written down."""
    return tomllib.loads(files.files("deploy.eks").joinpath("prices.toml").read_text("utf-8"))


def estimate(resources: Sequence[Resource], region: str, listed: Mapping[str, Any]) -> Costs:
    """What these resources cost, and what the cluster makes beside them.

    Args:
        resources: of the stack.
        region: whose prices are taken, as far as they are known.
        listed: the price list.
    """
    made = [each for each in resources if each.is_made]
    region = listed["base"] if region in listed["same"] else region
    bill = _Bill(region, listed)
    lines = [*_compute(made, bill), *_network(made, bill), *_storage(made, bill)]
    return Costs([*lines, *_watching(made, bill)], listed["date"], listed["base"])


@dataclass(frozen=True, slots=True)
class _Bill:
    """Prices of a region, or of the base."""

    region: str
    listed: Mapping[str, Any]

    def line(self, what: str, item: str, quantity: float) -> Line:
        """A line for an item of the price list."""
        found = self.listed["prices"][item]
        price = found.get(self.region, found[self.listed["base"]])
        borrowed = self.region not in found
        return Line(what, quantity, found["unit"], price, found["source"], borrowed)

    def instance(self, what: str, kind: str, quantity: float, share: float = 1.0) -> Line:
        """A line for hours of a type of instance, at a share of the on-demand price."""
        found, base = self.listed["instances"], self.listed["base"]
        family, _, size = kind.partition(".")
        own = found.get(self.region, {}).get(family)
        large = own if own is not None else found[base].get(family)
        factor = SIZES.get(size)
        price = None if large is None or factor is None else large * factor * share
        source = found["source"] if share == 1 else "an assumption: spot prices change all the time"
        return Line(what, quantity, "hour", price, source, own is None and price is not None)


def _of(made: Sequence[Resource], kind: str) -> list[Resource]:
    return [each for each in made if each.kind == kind]


def _compute(made: Sequence[Resource], bill: _Bill) -> Iterator[Line]:
    clusters = len(_of(made, "AWS::EKS::Cluster"))
    yield bill.line("EKS control plane, standard support", "cluster", clusters * HOURS)
    for group in _of(made, "AWS::EKS::Nodegroup"):
        kind = str(group.properties["InstanceTypes"][0])
        if group.properties.get("CapacityType") == "SPOT":
            share = bill.listed["spot-share"]
            what = f"training on spot, {kind}, varies"
            yield bill.instance(what, kind, TRAINING_HOURS, share)
            continue
        nodes = int(group.properties["ScalingConfig"]["DesiredSize"])
        yield bill.instance(f"{nodes} serving nodes, {kind}", kind, nodes * HOURS)
        yield bill.line(f"{nodes} serving nodes' disks", "disk", nodes * _disk(group, made))


def _disk(group: Resource, made: Sequence[Resource]) -> int:
    """GB of a node's disk, by its launch template."""
    reference = group.properties.get("LaunchTemplate", {}).get("Id", "")
    for each in _of(made, "AWS::EC2::LaunchTemplate"):
        if reference == f"${{{each.name}}}":
            for disk in each.properties["LaunchTemplateData"].get("BlockDeviceMappings", []):
                return int(disk["Ebs"]["VolumeSize"])
    return int(group.properties.get("DiskSize", DISK_GB))


def _network(made: Sequence[Resource], bill: _Bill) -> Iterator[Line]:
    gateways = len(_of(made, "AWS::EC2::NatGateway"))
    addresses = len(_of(made, "AWS::EC2::EIP")) + zones.COUNT
    yield bill.line(f"NAT gateways: {gateways}", "nat", gateways * HOURS)
    yield bill.line("data through NAT", "nat-data", NAT_GB)
    yield bill.line("load balancer", "balancer", HOURS)
    yield bill.line("load balancer, capacity", "balancer-capacity", CAPACITY_UNITS * HOURS)
    yield bill.line(f"public IPv4 addresses: {addresses}", "address", addresses * HOURS)
    endpoints = [
        len(each.properties.get("SubnetIds", []))
        for each in _of(made, "AWS::EC2::VPCEndpoint")
        if each.properties.get("VpcEndpointType") == "Interface"
    ]
    if endpoints:
        what = f"interface endpoints: {len(endpoints)}, each in {max(endpoints)} zones"
        yield bill.line(what, "endpoint", sum(endpoints) * HOURS)


def _storage(made: Sequence[Resource], bill: _Bill) -> Iterator[Line]:
    yield bill.line("EFS, stored", "files", STORED_GB)
    yield bill.line("EFS, read", "files-read", READ_GB)
    yield bill.line("EFS, written", "files-written", WRITTEN_GB)
    if _of(made, "AWS::Backup::BackupPlan"):
        yield bill.line("backups of EFS", "backup", STORED_GB)
    yield bill.line("images in ECR", "images", IMAGES_GB)


def _watching(made: Sequence[Resource], bill: _Bill) -> Iterator[Line]:
    keys = len(_of(made, "AWS::KMS::Key"))
    if keys:
        yield bill.line(f"KMS keys: {keys}", "key", keys)
    yield bill.line("logs of the control plane", "logs", CLUSTER_LOGS_GB)
    addons = {each.properties.get("AddonName") for each in _of(made, "AWS::EKS::Addon")}
    if "amazon-cloudwatch-observability" in addons:
        yield bill.line("logs of the containers", "logs", CONTAINER_LOGS_GB)
    if _of(made, "AWS::APS::Workspace"):
        yield bill.line("metrics in Amazon Managed Prometheus", "samples", SAMPLES_10M)
