from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from scenarios import OVERLAY

from deploy import addresses
from deploy.errors import UsageError

POLICY = Path(__file__).parents[2] / "k8s/base/ml-training-networkpolicy.yaml"


def rule() -> dict[str, Any]:
    """What the policy says of the internet."""
    policy = yaml.safe_load(POLICY.read_bytes())
    (found,) = [each for each in policy["spec"]["egress"] if "ipBlock" in each["to"][0]]
    return dict(found)


def test_the_ports_are_the_policy_s() -> None:
    assert tuple(each["port"] for each in rule()["ports"]) == addresses.PORTS


@pytest.mark.parametrize("network", rule()["to"][0]["ipBlock"]["except"])
def test_what_the_policy_keeps_off_is_refused(network: str) -> None:
    with pytest.raises(UsageError, match="cannot reach"):
        addresses.check_reachable(f"http://{ip_network(network)[7]}/x.zip")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/x.zip",
        "http://example.com:80/x.zip",
        "http://8.8.8.8:443/x.zip",
        "http://[malformed",
        "http://example.com:port",
    ],
)
def test_what_may_be_reached_or_is_no_url_is_the_trainer_s(url: str) -> None:
    addresses.check_reachable(url)


def test_only_what_has_the_policy_is_held_by_it() -> None:
    manifests = list(yaml.safe_load_all((OVERLAY / "rendered.yaml").read_text()))
    assert addresses.is_fenced(manifests)
    assert not addresses.is_fenced(manifests[:2])
