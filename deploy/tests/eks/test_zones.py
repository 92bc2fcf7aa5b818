from __future__ import annotations

from typing import TYPE_CHECKING

import fake_amazon
import pytest
from moto.ec2.models import availability_zones_and_regions as moto_zones

from deploy.eks import zones
from deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_amazon import Amazon


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    with fake_amazon.answering(monkeypatch) as found:
        yield found


def has(monkeypatch: pytest.MonkeyPatch, *found: moto_zones.Zone) -> None:
    """Has the region these zones."""
    monkeypatch.setitem(moto_zones.RegionsAndZonesBackend.zones, fake_amazon.REGION, list(found))


def zone(letter: str, number: str, kind: str = "availability-zone") -> moto_zones.Zone:
    return moto_zones.Zone(f"us-west-2{letter}", fake_amazon.REGION, number, kind)


@pytest.mark.parametrize("refused", ["use1-az3", "usw1-az2", "cac1-az3"])
def test_zones_that_eks_refuses_are_told_by_their_ids(
    amazon: Amazon, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    has(monkeypatch, zone("d", "4"), zone("a", refused), zone("b", "1"), zone("c", "2"))
    assert zones.usable(amazon.account) == ["us-west-2b", "us-west-2c", "us-west-2d"]


def test_what_is_no_zone_or_is_down_does_not_count(
    amazon: Amazon, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = zone("a", "1")
    down.state = "unavailable"
    local = zone("-lax-1a", "usw2-lax1-az1", "local-zone")
    has(monkeypatch, down, local, zone("b", "2"), zone("c", "3"))
    assert zones.usable(amazon.account) == ["us-west-2b", "us-west-2c"]
    with pytest.raises(UsageError, match=r"us-west-2: it has 2 zones .* but 3 are needed"):
        zones.first(amazon.account)


def test_a_new_deployment_is_in_the_first_three(amazon: Amazon) -> None:
    assert zones.first(amazon.account) == "us-west-2a,us-west-2b,us-west-2c"
