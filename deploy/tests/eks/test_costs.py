from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from deploy.eks import costs, stacks, template
from deploy.eks.template import Resource

if TYPE_CHECKING:
    from deploy.eks.costs import Costs, Line

PRICES = costs.prices()
TEMPLATE = template.read(stacks.template())


def priced(region: str = "us-west-2", **parameters: str) -> Costs:
    resources = template.resources(TEMPLATE, parameters, "mine", region)
    return costs.estimate(resources, region, PRICES)


def line(found: Costs, what: str) -> Line:
    [one] = [each for each in found.lines if each.what.startswith(what)]
    return one


def test_the_sum_is_that_of_the_lines() -> None:
    found = priced()
    assert found.total == pytest.approx(
        sum(each.quantity * each.price for each in found.lines if each.price)
    )
    assert found.total > 300
    assert re.fullmatch(r"20\d\d-\d\d", found.date)


def test_what_is_there_once_is_paid_once() -> None:
    found = priced()
    assert line(found, "EKS control plane").month == pytest.approx(73.0)
    assert line(found, "3 serving nodes, m7i.large").month == pytest.approx(3 * 730 * 0.1008)
    assert line(found, "3 serving nodes' disks").quantity == 120
    assert line(found, "NAT gateways: 1").month == pytest.approx(32.85)
    assert line(found, "public IPv4 addresses: 4").quantity == 4 * 730
    assert not [each for each in found.lines if each.is_borrowed]


def test_what_is_asked_for_is_paid() -> None:
    more = {
        "NatGateways": "3",
        "InterfaceEndpoints": "true",
        "ContainerLogs": "true",
        "MetricsWorkspace": "true",
        "ServingDesired": "5",
        "Architecture": "arm64",
    }
    found = priced(**more)
    assert line(found, "5 serving nodes, m7g.large").quantity == 5 * 730
    assert line(found, "public IPv4 addresses: 6").month == pytest.approx(6 * 730 * 0.005)
    assert line(found, "interface endpoints").what.endswith("each in 3 zones")
    assert line(found, "logs of the containers").month > 0
    assert line(found, "metrics in Amazon Managed Prometheus").month > 0
    assert found.total > priced().total


def test_a_file_system_that_was_kept_costs_the_same() -> None:
    assert priced(FileSystemId="fs-1").total == priced().total


def test_a_deployment_is_priced_by_what_its_stack_tells() -> None:
    values = {"NatGateways": "3", "ClusterName": "an-output", "VpcId": "vpc-1"}
    assert costs.monthly(values, "us-west-2").total == priced(NatGateways="3").total


def test_another_region_s_prices_are_borrowed_and_that_is_told() -> None:
    assert priced("us-east-1").total == priced().total
    assert not any(each.is_borrowed for each in priced("us-east-1").lines)
    ireland = priced("eu-west-1")
    assert line(ireland, "3 serving nodes, m7i.large").price == 0.11235
    assert not line(ireland, "NAT gateways").is_borrowed
    assert line(ireland, "EFS, read").is_borrowed
    assert all(each.is_borrowed for each in priced("ap-south-2").lines)
    assert priced("ap-south-2").total == priced().total


def test_a_type_whose_price_is_not_known_is_not_in_the_sum() -> None:
    found = priced(ServingInstanceTypes="x9.large")
    unknown = line(found, "3 serving nodes, x9.large")
    assert (unknown.price, unknown.month, unknown.is_borrowed) == (None, 0.0, False)
    assert priced(ServingInstanceTypes="m7i.metal").total < priced().total


def test_spot_is_a_share_of_the_price_and_an_assumption() -> None:
    spot = line(priced(), "training on spot, m7i.xlarge")
    assert spot.price == pytest.approx(2 * 0.1008 * PRICES["spot-share"])
    assert "assumption" in spot.source


def test_a_node_without_a_template_has_the_disk_that_eks_gives() -> None:
    group: dict[str, Any] = {"InstanceTypes": ["m5.large"], "ScalingConfig": {"DesiredSize": 2}}
    nodes = Resource("Nodes", "AWS::EKS::Nodegroup", "", is_made=True, properties=group)
    found = costs.estimate([nodes], "us-west-2", PRICES)
    assert line(found, "2 serving nodes' disks").quantity == 2 * costs.DISK_GB


def test_every_type_that_the_template_takes_by_default_has_a_price() -> None:
    for architecture in ("amd64", "arm64"):
        made = template.resources(TEMPLATE, {"Architecture": architecture}, "mine", "us-west-2")
        for group in (each for each in made if each.kind == "AWS::EKS::Nodegroup"):
            for kind in group.properties["InstanceTypes"]:
                family, _, size = kind.partition(".")
                assert family in PRICES["instances"]["us-west-2"]
                assert size in costs.SIZES


def test_every_price_has_a_unit_a_source_and_one_in_the_base() -> None:
    base = PRICES["base"]
    for name, item in PRICES["prices"].items():
        assert item["unit"], name
        assert item["source"].endswith("Pricing"), name
        assert all(0 < item[key] < 2 for key in item.keys() - {"unit", "source"}), name
        assert base in item, name
    assert base in PRICES["instances"]
