"""The look before the start: all that would stop a deployment, found at once."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx

from deploy.eks import charts, inputs, instances, programs, quotas, stacks, template, zones
from deploy.eks.account import CONFIG, told_in_one_line
from deploy.eks.deployment import TAG
from deploy.eks.findings import Finding
from deploy.eks.names import find_taken
from deploy.errors import DeployError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from types_boto3_cloudformation.type_defs import StackTypeDef

    from deploy.eks.account import Account
    from deploy.eks.options import Options
    from deploy.eks.template import Resource

ADDRESS_URL = "https://checkip.amazonaws.com"
ADDRESS_SECONDS = 5.0
HOMES = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


def check(account: Account, options: Options) -> list[Finding]:
    """Everything that is wrong or worth knowing; without a fatal one, the deployment may begin.

    Raises:
        UnreachableError: Amazon does not answer.
    """
    name, region = options.deployment.name, account.region
    blocked = list(_check_account(account))
    stack = None if blocked else _find_stack(account, name)
    text = template.read(stacks.template())
    values = {**template.defaults(text), **_parameters(stack), **options.parameters}
    known = {each: value for each, value in values.items() if each in text["Parameters"]}
    resources = template.resources(text, known, name, region)
    found = [*programs.check(values["KubernetesVersion"], values["Architecture"]), *blocked]
    found += inputs.check(values, resources, region)
    found += charts.check(options.chart_mirror)
    if blocked:
        return found
    found += _guarded(_check_region(account, options, _parameters(stack).get("Zones")))
    found += _guarded(_check_instances(account, resources, values))
    if "AdminCidrs" not in values:
        found += _check_address()
    found += _guarded(_check_certificate(account, values["CertificateArn"]))
    found += _guarded(_check_file_system(account, values["FileSystemId"]))
    found += _check_kept_data(stack, options)
    if stack is None:
        found += _guarded(find_taken(account, options.deployment, resources))
        found += quotas.check(account, resources)
    elif not any(each["Key"] == TAG for each in stack.get("Tags", [])):
        found.append(
            Finding(
                f"the stack {name} is there and is no deployment: it has no tag {TAG}",
                "give another --name",
            )
        )
    return found


def own_address() -> str | None:
    """This machine's address as the internet sees it, as a block of one; None: it is not known."""
    try:
        answer = httpx.get(ADDRESS_URL, timeout=ADDRESS_SECONDS).raise_for_status()
    except httpx.HTTPError:
        return None
    with suppress(ValueError):
        return f"{ipaddress.IPv4Address(answer.text.strip())}/32"
    return None


def _check_account(account: Account) -> Iterator[Finding]:
    """The credentials and the region's name; with either wrong, nothing more can be asked."""
    if unknown := list(inputs.check_region(account.region)):
        yield from unknown
        return
    home = HOMES[template.partition(account.region)]
    try:
        sts = account.session.client("sts", region_name=home, config=CONFIG)
        with told_in_one_line("GetCallerIdentity"):
            sts.get_caller_identity()
    except UnreachableError:
        raise
    except DeployError as error:
        yield Finding(str(error))


def _check_region(account: Account, options: Options, before: str | None) -> Iterator[Finding]:
    """Whether the account may use the region, asked of one that needs no opting in."""
    home = HOMES[template.partition(account.region)]
    ec2 = account.session.client("ec2", region_name=home, config=CONFIG)
    with told_in_one_line("DescribeRegions"):
        found = ec2.describe_regions(RegionNames=[account.region], AllRegions=True)["Regions"]
    if any(each.get("OptInStatus") == "not-opted-in" for each in found):
        yield Finding(
            f"--region {account.region}: it is not enabled in this account",
            "enable it under Account, AWS Regions, or give another",
        )
        return
    yield from _check_zones(account, options.parameters.get("Zones"), before)


def _check_zones(account: Account, chosen: str | None, before: str | None) -> Iterator[Finding]:
    if before:
        if chosen not in {None, before}:
            yield Finding(
                f"--zones {chosen}: the deployment is in {before}, and its nodes and file system "
                "would be replaced",
                "leave it out, or give another --name",
            )
        return
    usable = zones.usable(account)
    if len(usable) < zones.COUNT:
        yield Finding(
            f"--region {account.region}: it has {len(usable)} zones that Amazon EKS takes of this "
            f"account, but {zones.COUNT} are needed",
            "give another region",
        )
    elif chosen and len(set(chosen.split(",")) & set(usable)) < zones.COUNT:
        yield Finding(
            f"--zones {chosen}: these are no {zones.COUNT} zones that Amazon EKS takes",
            f"give {zones.COUNT} of {', '.join(usable)}",
        )


def _check_instances(
    account: Account, resources: Sequence[Resource], values: Mapping[str, str]
) -> Iterator[Finding]:
    given = values.get("Zones")
    chosen = given.split(",") if given else zones.usable(account)[: zones.COUNT]
    if chosen:
        yield from instances.check(account, resources, values["Architecture"], chosen)


def _find_stack(account: Account, name: str) -> StackTypeDef | None:
    """The stack of this name; None also for one that has nothing."""
    client = account.session.client("cloudformation", config=CONFIG)
    try:
        with told_in_one_line("DescribeStacks"):
            [stack] = client.describe_stacks(StackName=name)["Stacks"]
    except DeployError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if stack["StackStatus"] in stacks.EMPTY else stack


def _parameters(stack: StackTypeDef | None) -> Mapping[str, str]:
    found = stack.get("Parameters", []) if stack else []
    return {each["ParameterKey"]: each["ParameterValue"] for each in found}


def _check_address() -> Iterator[Finding]:
    if address := own_address():
        told = f"--admin-cidrs: not given, so that this machine's address is taken, {address}"
        yield Finding(told, is_fatal=False)
    else:
        yield Finding(
            f"--admin-cidrs: not given, and {ADDRESS_URL} does not tell this machine's address",
            "give the addresses from which you administer the cluster, such as 203.0.113.7/32",
        )


def _check_certificate(account: Account, arn: str) -> Iterator[Finding]:
    if f":acm:{account.region}:" not in arn:  # what else is wrong is told by its form
        return
    try:
        with told_in_one_line("DescribeCertificate"):
            found = account.session.client("acm", config=CONFIG).describe_certificate(
                CertificateArn=arn
            )["Certificate"]
    except DeployError as error:
        if "ResourceNotFoundException" not in str(error):
            raise
        yield Finding(
            f"--certificate-arn {arn}: there is no such certificate",
            "AWS Certificate Manager lists those there are",
        )
        return
    if found["Status"] != "ISSUED":
        yield Finding(
            f"--certificate-arn {arn}: it is not valid, but {found['Status']}",
            "finish its validation in AWS Certificate Manager, or give another",
        )


def _check_file_system(account: Account, file_system: str) -> Iterator[Finding]:
    if not file_system:
        return
    try:
        with told_in_one_line("DescribeFileSystems"):
            account.session.client("efs", config=CONFIG).describe_file_systems(
                FileSystemId=file_system
            )
    except DeployError as error:
        if "FileSystemNotFound" not in str(error):
            raise
        yield Finding(
            f"--file-system-id {file_system}: there is no such file system in {account.region}",
            "give the one that destroy_eks named when it kept the data",
        )


def _check_kept_data(stack: StackTypeDef | None, options: Options) -> Iterator[Finding]:
    """Another file system in a stack's place would have CloudFormation delete the one it has."""
    chosen = options.parameters.get("FileSystemId")
    before = _parameters(stack).get("FileSystemId", "")
    if stack is not None and chosen not in {None, before}:
        has = f"{stack['StackName']} has {before or 'one of its own'}"
        yield Finding(
            f"--file-system-id {chosen}: {has}, and its data would be lost",
            "give another --name, or destroy_eks it first, with --keep-data",
        )


def _guarded(findings: Iterable[Finding]) -> list[Finding]:
    """The findings; what may not be asked is a note.

    Raises:
        UnreachableError: Amazon does not answer.
    """
    found: list[Finding] = []
    try:
        found.extend(findings)
    except (UnreachableError, UsageError):
        raise
    except DeployError as error:
        found.append(Finding(f"not checked: {error}", is_fatal=False))
    return found
