from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.balancer import open_balancers
from rehearsal.load_balancers import LoadBalancers
from rehearsal.pages import Page, Stack
from rehearsal.security_groups import Groups
from rehearsal.wanted import Listener, WantedError, read

if TYPE_CHECKING:
    from cluster_fixtures import Amazon

    from rehearsal.wanted import Wanted

pytest_plugins = ["cluster_fixtures"]

PAGE = Page(Stack("ml-pipeline", "ml-frontend"), "ml-frontend", "http", 3000)
ALB = "alb.ingress.kubernetes.io"


@pytest.fixture
def wanted() -> Wanted:
    return read(
        {
            f"{ALB}/scheme": "internet-facing",
            f"{ALB}/target-type": "ip",
            f"{ALB}/tags": "team=flowers",
            f"{ALB}/inbound-cidrs": "198.51.100.0/24",
            f"{ALB}/load-balancer-attributes": "idle_timeout.timeout_seconds=55",
            f"{ALB}/target-group-attributes": "deregistration_delay.timeout_seconds=30",
            f"{ALB}/wafv2-acl-arn": "none",
        }
    )


@pytest.fixture
def balancers(amazon: Amazon) -> LoadBalancers:
    vpc, _ = amazon.make_vpc()
    group = amazon.ec2.create_security_group(GroupName="nodes", Description="nodes", VpcId=vpc)
    tag = "kubernetes.io/cluster/flowers"
    amazon.ec2.create_tags(Resources=[group["GroupId"]], Tags=[{"Key": tag, "Value": "owned"}])
    groups = Groups(amazon.ec2, "flowers", vpc, {"ml-pipeline:deployment": "flowers"})
    return LoadBalancers(amazon.elb, amazon.waf, groups)


def groups(balancers: LoadBalancers) -> dict[str, Any]:
    found = balancers.groups.client.describe_security_groups()["SecurityGroups"]
    return {each["GroupName"]: each for each in found if each["VpcId"] == balancers.groups.vpc}


def tags(balancers: LoadBalancers, arn: str) -> dict[str, str]:
    (described,) = balancers.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    return {each["Key"]: each["Value"] for each in described["Tags"]}


def test_it_is_made_as_it_is_wanted(balancers: LoadBalancers, wanted: Wanted) -> None:
    hostname, targets = balancers.ensure(PAGE, wanted)
    (made,) = balancers.elb.describe_load_balancers()["LoadBalancers"]
    assert made["DNSName"] == hostname
    assert made["LoadBalancerName"].startswith("k8s-mlpipeli-mlfronte-")
    assert len(made["AvailabilityZones"]) == 2
    assert tags(balancers, made["LoadBalancerArn"]) == {
        "team": "flowers",
        "ml-pipeline:deployment": "flowers",
        "elbv2.k8s.aws/cluster": "flowers",
        "ingress.k8s.aws/stack": "ml-pipeline/ml-frontend",
        "ingress.k8s.aws/resource": "LoadBalancer",
    }
    told = tags(balancers, targets)
    assert told["ingress.k8s.aws/resource"] == "ml-pipeline/ml-frontend-ml-frontend:http"
    (listener,) = balancers.elb.describe_listeners(LoadBalancerArn=made["LoadBalancerArn"])[
        "Listeners"
    ]
    rules = balancers.elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    forwarded = [each for each in rules if each["Actions"][0]["Type"] == "forward"]
    assert [each["Actions"][0]["TargetGroupArn"] for each in forwarded] == [targets]


def test_its_security_groups_let_clients_and_it_in(
    balancers: LoadBalancers, wanted: Wanted
) -> None:
    balancers.ensure(PAGE, wanted)
    found = groups(balancers)
    (front,) = (each for name, each in found.items() if name.startswith("k8s-mlpipeli"))
    (back,) = (each for name, each in found.items() if name.startswith("k8s-traffic-flowers-"))
    (rule,) = front["IpPermissions"]
    assert (rule["FromPort"], rule["IpRanges"][0]["CidrIp"]) == (80, "198.51.100.0/24")
    (rule,) = found["nodes"]["IpPermissions"]
    assert rule["UserIdGroupPairs"][0]["GroupId"] == back["GroupId"]
    balancers.ensure(PAGE, replace(wanted, cidrs=("0.0.0.0/0",)))
    (rule,) = groups(balancers)[front["GroupName"]]["IpPermissions"]
    assert [each["CidrIp"] for each in rule["IpRanges"]] == ["0.0.0.0/0"]


def test_the_same_again_changes_nothing(balancers: LoadBalancers, wanted: Wanted) -> None:
    first = balancers.ensure(PAGE, wanted)
    (made,) = balancers.elb.describe_load_balancers()["LoadBalancers"]
    arn = made["LoadBalancerArn"]
    listeners = balancers.elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    assert balancers.ensure(PAGE, wanted) == first
    assert balancers.elb.describe_load_balancers()["LoadBalancers"] == [made]
    assert balancers.elb.describe_listeners(LoadBalancerArn=arn)["Listeners"] == listeners


def test_a_certificate_that_comes_later_is_used(
    amazon: Amazon, balancers: LoadBalancers, wanted: Wanted
) -> None:
    certificate = amazon.acm.request_certificate(DomainName="example.org")["CertificateArn"]
    hostname, _ = balancers.ensure(PAGE, wanted)
    encrypted = replace(
        wanted,
        listeners=(Listener(80, "HTTP"), Listener(443, "HTTPS")),
        redirect=443,
        certificates=(certificate,),
    )
    assert balancers.ensure(PAGE, encrypted)[0] == hostname
    (made,) = balancers.elb.describe_load_balancers()["LoadBalancers"]
    found = balancers.elb.describe_listeners(LoadBalancerArn=made["LoadBalancerArn"])["Listeners"]
    assert {each["Port"]: each["DefaultActions"][0]["Type"] for each in found} == {
        80: "redirect",
        443: "fixed-response",
    }


def test_pods_are_registered_and_deregistered(balancers: LoadBalancers, wanted: Wanted) -> None:
    _, targets = balancers.ensure(PAGE, wanted)
    for addresses in ({"10.0.0.5", "10.0.1.6"}, {"10.0.1.6"}, set[str]()):
        balancers.register(targets, frozenset(addresses), 3000)
        health = balancers.elb.describe_target_health(TargetGroupArn=targets)
        found = {each["Target"]["Id"] for each in health["TargetHealthDescriptions"]}
        assert found == addresses


def test_nothing_stays_behind(balancers: LoadBalancers, wanted: Wanted) -> None:
    balancers.ensure(PAGE, wanted)
    for _ in range(2):
        balancers.remove(PAGE.stack)
        assert balancers.elb.describe_load_balancers()["LoadBalancers"] == []
        assert balancers.elb.describe_target_groups()["TargetGroups"] == []
        assert {*groups(balancers)} == {"default", "nodes"}
        assert groups(balancers)["nodes"]["IpPermissions"] == []


def test_it_needs_subnets_of_two_zones(balancers: LoadBalancers, wanted: Wanted) -> None:
    with pytest.raises(WantedError, match="couldn't auto-discover subnets"):
        balancers.ensure(PAGE, replace(wanted, scheme="internal"))
    with pytest.raises(WantedError, match="0 of at least 2 zones"):
        balancers.ensure(PAGE, replace(wanted, subnets=("subnet-12345678",)))
    assert balancers.elb.describe_load_balancers()["LoadBalancers"] == []


@pytest.mark.parametrize("name", ["clusterName", "region", "vpcId"])
def test_a_controller_that_lacks_a_value_does_not_start(name: str) -> None:
    values = {"clusterName": "flowers", "region": "us-west-2", "vpcId": "vpc-12345678", name: ""}
    assert open_balancers(values, "http://127.0.0.1:9") is None
