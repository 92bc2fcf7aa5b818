from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fake_amazon
import pytest
from moto.ec2.models import instance_types as moto_types
from stack_template import LEAST, NAME, REGION, TEMPLATE

from deploy.eks import instances, template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_amazon import Amazon

ZONES = LEAST["Zones"].split(",")


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    with fake_amazon.answering(monkeypatch) as found:
        yield found


def told(amazon: Amazon, **parameters: str) -> list[str]:
    resources = template.resources(TEMPLATE, LEAST | parameters, NAME, REGION)
    architecture = parameters.get("Architecture", "amd64")
    found = list(instances.check(amazon.account, resources, architecture, ZONES))
    assert all(each.is_fatal for each in found)
    return [f"{each.what}; {each.remedy}" for each in found]


def lacks(monkeypatch: pytest.MonkeyPatch, kind: str, zone: str) -> None:
    """Has a zone offer one type less."""
    offerings: dict[str, Any] = moto_types.INSTANCE_TYPE_OFFERINGS["availability-zone"]
    left = [
        each
        for each in offerings[REGION]
        if (each["InstanceType"], each["Location"]) != (kind, zone)
    ]
    monkeypatch.setitem(offerings, REGION, left)


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_the_types_that_are_taken_when_none_is_given_do(amazon: Amazon, architecture: str) -> None:
    assert told(amazon, Architecture=architecture) == []


def test_a_type_that_one_of_the_zones_lacks(
    amazon: Amazon, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks(monkeypatch, "m7a.xlarge", ZONES[1])
    lacks(monkeypatch, "m6i.xlarge", "us-west-2c")  # which is none of them
    left = "m7i.xlarge,m6i.xlarge,m6a.xlarge,m5.xlarge"
    what = f"--training-instance-types m7a.xlarge: it is not offered in {ZONES[1]}"
    assert told(amazon) == [f"{what}; give --training-instance-types {left}"]


def test_the_only_type_that_a_zone_lacks(amazon: Amazon, monkeypatch: pytest.MonkeyPatch) -> None:
    lacks(monkeypatch, "m7i.large", ZONES[0])
    [fault] = told(amazon)
    assert f"--serving-instance-types m7i.large: it is not offered in {ZONES[0]}" in fault
    assert "give others" in fault


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("m99.xlarge", f"there is no such type in {REGION}"),
        ("m7g.xlarge", "it is arm64, and --architecture is amd64"),
        ("m7i.large", "it has 2 vCPU, but 4 are needed"),
    ],
)
def test_a_type_that_does_not_do(amazon: Amazon, kind: str, reason: str) -> None:
    assert told(amazon, TrainingInstanceTypes=f"{kind},m5.2xlarge") == [
        f"--training-instance-types {kind}: {reason}; give --training-instance-types m5.2xlarge"
    ]


def test_a_node_that_serves_has_two_processors(amazon: Amazon) -> None:
    [fault] = told(amazon, Architecture="arm64", ServingInstanceTypes="m6g.medium")
    assert "--serving-instance-types m6g.medium: it has 1 vCPU, but 2 are needed" in fault
