"""The template of a deployment, and what a stack of it would have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.eks import template
from deploy.eks.deployment import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = (ROOT / "deploy/stack.yaml").read_text()
TEMPLATE: Mapping[str, Any] = template.read(TEXT)
RESOURCES: Mapping[str, Any] = TEMPLATE["Resources"]
NAME, REGION = "example", "us-west-2"
EVERYTHING = {
    "AdminCidrs": "192.0.2.0/24,198.51.100.7/32",
    "AdminArn": "arn:aws:iam::111122223333:role/admin",
    "DeployerArn": "arn:aws:iam::111122223333:role/deployer",
    "Zones": "us-west-2a,us-west-2b,us-west-2d",
    "NatGateways": "3",
    "InterfaceEndpoints": "true",
    "CertificateArn": "arn:aws:acm:us-west-2:111122223333:certificate/a",
    "WebAclArn": "arn:aws:wafv2:us-west-2:111122223333:regional/webacl/a/b",
    "ContainerLogs": "true",
    "MetricsWorkspace": "true",
    "MonthlyBudget": "300",
    "BudgetEmail": "me@example.com",
}
LEAST = {name: EVERYTHING[name] for name in ("AdminCidrs", "AdminArn", "Zones")}


def made(**parameters: str) -> dict[str, template.Resource]:
    """What a stack with these parameters has, by logical id."""
    found = template.resources(TEMPLATE, LEAST | parameters, NAME, REGION)
    return {each.name: each for each in found if each.is_made}


def of(kind: str, **parameters: str) -> list[Mapping[str, Any]]:
    return [each.properties for each in made(**parameters).values() if each.kind == kind]
