"""What the user gives: a deployment, and settings of it, each a parameter of its stack."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from deploy.eks.syntax import cidrs, like, network, one_of, region, whole
from deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from deploy.eks.deployment import Deployment

NAME = "ml-pipeline"
EXAMPLE_REGION = "us-west-2"
# CloudWatch Logs keeps for these numbers of days: the reference of PutRetentionPolicy.
_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557)


@dataclass(frozen=True, slots=True)
class Options:
    """A command's options, checked as far as that needs no account.

    Attributes:
        parameters: of the stack, those that were given.
        data: what to train on; None for the bundled digits, or what was trained on before.
        yes: nobody is asked.
        chart_mirror: a folder with the charts' archives, in place of their repositories.
        plan: only tell what would be done.
        is_example_region: whether no region was told, so that a plan is for one all the same.
    """

    deployment: Deployment
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    data: str | None = None
    yes: bool = False
    chart_mirror: Path | None = None
    plan: bool = False
    is_example_region: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """An option that is a parameter of the stack.

    Attributes:
        flag: as it is typed.
        parameter: its name in deploy/stack.yaml.
        parse: checks a text, and gives the parameter's value; None for a switch.
        shown: stands for the value in the help.
        text: the help.
    """

    flag: str
    parameter: str
    parse: Callable[[str], str] | None
    shown: str
    text: str


_TYPES = like(r"[a-z0-9-]+\.[a-z0-9-]+(,[a-z0-9-]+\.[a-z0-9-]+)*", "m7i.large,m7a.large")
_PRINCIPAL = r"arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+"
_ROLE = "arn:aws:iam::111122223333:role/admin"
SETTINGS = (
    Setting("--vpc-cidr", "VpcCidr", network, "CIDR", "of the network, at first (10.0.0.0/16)"),
    Setting(
        "--zones",
        "Zones",
        like(r"[a-z0-9-]+(,[a-z0-9-]+){2}", "us-west-2a,us-west-2b,us-west-2c", optional=False),
        "ZONE,ZONE,ZONE",
        "of the network, at first (the first three that Amazon EKS takes)",
    ),
    Setting(
        "--nat-gateways",
        "NatGateways",
        one_of(1, 3),
        "1|3",
        "one for all zones, or one in each (1)",
    ),
    Setting(
        "--interface-endpoints",
        "InterfaceEndpoints",
        None,
        "",
        "reach Amazon's services by endpoints of the network's own (no)",
    ),
    Setting(
        "--kubernetes-version",
        "KubernetesVersion",
        like(r"1\.[1-9][0-9]", "1.35", optional=False),
        "VERSION",
        "one step up at a time (1.35)",
    ),
    Setting(
        "--admin-cidrs",
        "AdminCidrs",
        cidrs,
        "CIDR,…",
        "whence the cluster's API is reached (the address of this machine)",
    ),
    Setting(
        "--admin-arn",
        "AdminArn",
        like(_PRINCIPAL, _ROLE, optional=False),
        "ARN",
        "the role or user that administers the cluster (the one that deploys first)",
    ),
    Setting(
        "--deployer-arn",
        "DeployerArn",
        like(_PRINCIPAL, _ROLE),
        "ARN",
        "a second one, such as that of GitHub's runs",
    ),
    Setting(
        "--architecture",
        "Architecture",
        one_of("amd64", "arm64"),
        "amd64|arm64",
        "of nodes and images (amd64)",
    ),
    Setting(
        "--serving-instance-types",
        "ServingInstanceTypes",
        _TYPES,
        "TYPE,…",
        "of the nodes that serve, on demand (m7i.large or m7g.large)",
    ),
    Setting("--serving-min", "ServingMin", whole(1, 100), "N", "such nodes at least (2)"),
    Setting("--serving-max", "ServingMax", whole(1, 100), "N", "such nodes at most (6)"),
    Setting("--serving-desired", "ServingDesired", whole(1, 100), "N", "at first (3)"),
    Setting(
        "--training-instance-types",
        "TrainingInstanceTypes",
        _TYPES,
        "TYPE,…",
        "of the nodes that train, on spot: several, each of 4 or more vCPU",
    ),
    Setting("--training-max", "TrainingMax", whole(1, 20), "N", "such nodes at most (2)"),
    Setting(
        "--certificate-arn",
        "CertificateArn",
        like(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+", "arn:aws:acm:…"),
        "ARN",
        "of ACM, for HTTPS; without one the page is served in clear text",
    ),
    Setting(
        "--client-cidrs",
        "ClientCidrs",
        cidrs,
        "CIDR,…",
        "whence the page is reached (0.0.0.0/0)",
    ),
    Setting(
        "--web-acl-arn",
        "WebAclArn",
        like(r"arn:aws[a-z-]*:wafv2:[a-z0-9-]+:[0-9]{12}:regional/webacl/.+", "arn:aws:wafv2:…"),
        "ARN",
        "of WAF, before the page",
    ),
    Setting(
        "--file-system-id",
        "FileSystemId",
        like(r"fs-[0-9a-f]{8,40}", "fs-0123456789abcdef0"),
        "ID",
        "one that destroy_eks --keep-data kept, to go on with",
    ),
    Setting("--backup-days", "BackupDays", whole(1, 3650), "N", "for which backups stay (35)"),
    Setting("--log-days", "LogDays", one_of(*_LOG_DAYS), "N", "for which logs stay (30)"),
    Setting("--container-logs", "ContainerLogs", None, "", "send them to CloudWatch (no)"),
    Setting(
        "--metrics-workspace",
        "MetricsWorkspace",
        None,
        "",
        "make a workspace of Amazon Managed Prometheus (no)",
    ),
    Setting(
        "--monthly-budget",
        "MonthlyBudget",
        whole(0, 1_000_000),
        "USD",
        "from 80 %% of which on there is an alarm (none)",
    ),
    Setting(
        "--budget-email",
        "BudgetEmail",
        like(r"[^@\s]+@[^@\s]+\.[^@\s]+", "me@example.com"),
        "EMAIL",
        "who gets that alarm",
    ),
)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The options of the table."""
    group = parser.add_argument_group(
        "settings of the deployment",
        "What is not given stays as it is; in brackets, what it is at first.",
    )
    for each in SETTINGS:
        if each.parse is None:
            group.add_argument(
                each.flag, action=argparse.BooleanOptionalAction, default=None, help=each.text
            )
        else:
            group.add_argument(each.flag, type=each.parse, metavar=each.shown, help=each.text)


def given(arguments: argparse.Namespace) -> dict[str, str]:
    """The parameters of the stack that the user gave."""
    found = {each.parameter: getattr(arguments, _attribute(each)) for each in SETTINGS}
    return {name: _written(value) for name, value in found.items() if value is not None}


def find_region(chosen: str | None, otherwise: str | None = None) -> str:
    """The region: the one that is given, else the environment's.

    Args:
        chosen: by the option.
        otherwise: when there is none; None when there has to be one.

    Raises:
        UsageError: there is none, or the environment's is none.
    """
    found = told_region(chosen) or otherwise
    if found is None:
        raise UsageError(f"no region; give --region {EXAMPLE_REGION}, or set AWS_REGION")
    return found


def told_region(chosen: str | None) -> str | None:
    """The region that is given, else the environment's; None when there is neither.

    Raises:
        UsageError: the environment's is none.
    """
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if not chosen and (value := os.environ.get(variable)):
            try:
                return region(value)
            except argparse.ArgumentTypeError as error:
                raise UsageError(f"{variable}: {error}") from error
    return chosen


def _attribute(setting: Setting) -> str:
    return setting.flag.removeprefix("--").replace("-", "_")


def _written(value: str | bool) -> str:  # noqa: FBT001 - as argparse has it
    return str(value).lower() if isinstance(value, bool) else value
