"""What is asked for, looked at as a whole: no service is called here.

Each option's form is looked at when it is read.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from botocore.loaders import create_loader
from botocore.regions import EndpointResolver

from deploy.eks import template
from deploy.eks.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deploy.eks.template import Resource

# Of services in a cluster, as Amazon EKS takes them unless told otherwise: KubernetesNetworkConfig
# in the Amazon EKS API Reference.
SERVICES = ("10.100.0.0/16", "172.20.0.0/16")
WORLD = ipaddress.ip_network("0.0.0.0/0")


def check(
    values: Mapping[str, str], resources: Sequence[Resource], region: str
) -> Iterator[Finding]:
    """All that can be said of the parameters.

    Args:
        values: of all parameters that are known.
        resources: what the stack would have with them.
        region: where it would be.
    """
    yield from _check_vpc(values["VpcCidr"], resources)
    yield from _check_administrators(values.get("AdminCidrs", ""))
    yield from _check_certificate(values["CertificateArn"], region)
    yield from _check_web_acl(values["WebAclArn"], region)
    yield from _check_sizes(values)
    yield from _check_budget(values["MonthlyBudget"], values["BudgetEmail"])


def check_region(region: str) -> Iterator[Finding]:
    """Whether there is a region of this name, as far as the installed SDK knows."""
    # Of the SDK's data alone: a session would read the user's profile, which a plan does not need.
    resolver = EndpointResolver(create_loader().load_data("endpoints"))
    if region not in resolver.get_available_endpoints("ec2", template.partition(region)):
        yield Finding(f"--region {region}: there is no such region", "try us-west-2")


def _check_vpc(block: str, resources: Sequence[Resource]) -> Iterator[Finding]:
    network = ipaddress.IPv4Network(block)
    subnets = [each for each in resources if each.kind == "AWS::EC2::Subnet" and each.is_made]
    if any("${" in str(each.properties["CidrBlock"]) for each in subnets):
        yield Finding(
            f"--vpc-cidr {block}: the {len(subnets)} subnets do not fit in",
            "give a larger block, such as 10.0.0.0/16",
        )
    if not network.is_private:
        yield Finding(
            f"--vpc-cidr {block}: these are other people's addresses, which pods could not reach",
            "give a block of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
            is_fatal=False,
        )
    yield from _check_services(network, resources)


def _check_services(
    network: ipaddress.IPv4Network, resources: Sequence[Resource]
) -> Iterator[Finding]:
    """Whether a range is left for the cluster's services; Amazon EKS takes one that is."""
    config = [
        each.properties.get("KubernetesNetworkConfig", {}).get("ServiceIpv4Cidr")
        for each in resources
        if each.kind == "AWS::EKS::Cluster"
    ]
    ranges = [each for each in config if each] or SERVICES
    if all(network.overlaps(ipaddress.ip_network(each)) for each in ranges):
        yield Finding(
            f"--vpc-cidr {network}: the cluster's services have addresses of it, "
            f"{' and '.join(ranges)}",
            "give another block, such as 10.0.0.0/16",
        )


def _check_administrators(blocks: str) -> Iterator[Finding]:
    if any(ipaddress.IPv4Network(each) == WORLD for each in blocks.split(",") if each):
        yield Finding(
            "--admin-cidrs 0.0.0.0/0: THE WHOLE INTERNET reaches the cluster's API server",
            "give the addresses from which you administer it",
            is_fatal=False,
        )


def _check_certificate(arn: str, region: str) -> Iterator[Finding]:
    if not arn:
        yield Finding(
            "NOT ENCRYPTED: without a certificate, what people send to the page can be read on "
            "its way",
            "give --certificate-arn with one of AWS Certificate Manager in this region",
            is_fatal=False,
        )
    elif f":acm:{region}:" not in arn:
        yield Finding(
            f"--certificate-arn {arn}: the certificate is not of {region}",
            f"request or import it in {region}; a load balancer takes no other",
        )


def _check_web_acl(arn: str, region: str) -> Iterator[Finding]:
    if arn and (f":wafv2:{region}:" not in arn or ":regional/webacl/" not in arn):
        yield Finding(
            f"--web-acl-arn {arn}: the web ACL is not of {region} with the scope REGIONAL",
            f"make one in {region}; a load balancer takes no other",
        )


def _check_sizes(values: Mapping[str, str]) -> Iterator[Finding]:
    names = ("ServingMin", "ServingDesired", "ServingMax")
    sizes = [int(values[name]) for name in names if values[name].isdecimal()]
    if len(sizes) < len(names) or sizes != sorted(sizes):
        told = ", ".join(f"{name} {values[name]}" for name in names)
        yield Finding(
            f"{told}: these are not in order",
            "give --serving-min, --serving-desired and --serving-max, each at least the one before",
        )


def _check_budget(dollars: str, email: str) -> Iterator[Finding]:
    """One without the other is none, as the stack has it."""
    if float(dollars) and not email:
        yield Finding(
            f"--monthly-budget {dollars}: there is nobody to tell of it", "give --budget-email too"
        )
    if email and not float(dollars):
        yield Finding(
            f"--budget-email {email}: there is no budget to tell of", "give --monthly-budget too"
        )
