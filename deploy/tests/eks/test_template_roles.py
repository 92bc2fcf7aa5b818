from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from stack_template import EVERYTHING, NAME, made

from deploy.eks.deployment import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

# A statement of a role that may name any resource, since its actions know none: all only look.
ANY_RESOURCE = {
    "NetworkRole/Look": "ec2:Describe*",
    "AutoscalerRole/Look": "*:Describe*",
    "BalancerRole/Look": "*:Describe*",
    "LogsRole/Look": "ec2:Describe*",
}


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every role's own policies, with the role's name and its own."""
    for name, role in made(**EVERYTHING).items():
        for policy in role.properties.get("Policies", []):
            for each in policy["PolicyDocument"]["Statement"]:
                yield f"{name}/{each.get('Sid', policy['PolicyName'])}", each


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - as IAM has it
    return value if isinstance(value, list) else [value]


STATEMENTS = dict(statements())


def test_each_role_is_for_one_service_account_of_this_cluster() -> None:
    for name, each in made(**EVERYTHING).items():
        if each.kind != "AWS::EKS::PodIdentityAssociation":
            continue
        role = made(**EVERYTHING)[
            each.properties["RoleArn"].removeprefix("${").removesuffix(".Arn}")
        ]
        (trust,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}, name
        assert trust["Condition"]["StringEquals"] == {
            "aws:RequestTag/eks-cluster-name": NAME,
            "aws:RequestTag/kubernetes-namespace": each.properties["Namespace"],
            "aws:RequestTag/kubernetes-service-account": each.properties["ServiceAccount"],
        }, name


@pytest.mark.parametrize(
    ("association", "chart", "path"),
    [
        ("BalancerIdentity", "aws-load-balancer-controller", "serviceAccount"),
        ("AutoscalerIdentity", "cluster-autoscaler", "rbac.serviceAccount"),
        ("MetricsIdentity", "kube-prometheus-stack", "prometheus.serviceAccount"),
    ],
)
def test_charts_have_the_service_accounts_that_have_roles(
    association: str, chart: str, path: str
) -> None:
    values = yaml.safe_load((ROOT / f"deploy/charts/{chart}.yaml").read_text())
    for key in path.split("."):
        values = values[key]
    assert made(**EVERYTHING)[association].properties["ServiceAccount"] == values["name"]


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_wildcard_where_the_service_needs_none(name: str) -> None:
    statement = STATEMENTS[name]
    actions = listed(statement["Action"])
    assert not any("*" in each for each in actions), actions
    if "*" not in listed(statement["Resource"]):
        for each in listed(statement["Resource"]):
            assert each.startswith(("arn:aws:", "${")), each
            whole = each.startswith("arn:aws:elasticloadbalancing") and each.endswith(":*")
            assert not whole or "Condition" in statement, "all load balancers of the account"
        return
    assert all(fnmatchcase(each, ANY_RESOURCE[name]) for each in actions), actions


def test_any_resource_is_allowed_to_nothing_else() -> None:
    assert {name for name, each in STATEMENTS.items() if each["Resource"] == "*"} == set(
        ANY_RESOURCE
    )


def test_what_changes_anything_of_others_is_held_by_a_condition() -> None:
    broad = {
        name
        for name, each in STATEMENTS.items()
        if any(re.search(r"[:/]\*(/\*)*$", arn) for arn in listed(each["Resource"]))
        and "Condition" not in each
    }
    assert broad == {
        "AutoscalerRole/LookAtNodes",  # of the cluster
        "BackupRole/Tag",  # a recovery point has no name before it is there
        "BalancerRole/Firewall",  # WAF asks for no tags of load balancers
        "BalancerRole/LookForFirewall",  # the one of a load balancer is not known before
        "LogsRole/Write",  # of the cluster
    }


def test_a_firewall_is_named_only_where_there_is_one() -> None:
    def named(**parameters: str) -> list[str]:
        policies = made(**parameters)["BalancerRole"].properties["Policies"]
        found = policies[0]["PolicyDocument"]["Statement"]
        return [each["Resource"] for each in found if each["Action"] == "wafv2:AssociateWebACL"]

    assert named() == []
    assert named(WebAclArn=EVERYTHING["WebAclArn"]) == [EVERYTHING["WebAclArn"]]


def test_the_controller_may_look_for_a_firewall_where_there_is_none() -> None:
    """WAF grants this by web ACL also when it then finds none: Service Authorization Reference."""
    look = STATEMENTS["BalancerRole/LookForFirewall"]
    assert {"wafv2:GetWebACL", "wafv2:GetWebACLForResource"} <= set(look["Action"])
    assert look["Resource"].endswith(":regional/webacl/*")
    assert "elasticloadbalancing:SetWebAcl" in STATEMENTS["BalancerRole/Firewall"]["Action"]
    assert "Condition" not in STATEMENTS["BalancerRole/Firewall"]
