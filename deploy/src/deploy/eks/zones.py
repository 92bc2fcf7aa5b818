"""The zones of a region that a cluster can be in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.eks.account import CONFIG, told_in_one_line
from deploy.errors import UsageError

if TYPE_CHECKING:
    from deploy.eks.account import Account

COUNT = 3  # that a deployment is in
# Those that Amazon EKS refuses, by their ids, since each account has letters of its own for them:
# the requirements for subnets in the Amazon EKS User Guide.
REFUSED = frozenset({"use1-az3", "usw1-az2", "cac1-az3"})


def usable(account: Account) -> list[str]:
    """The names of the zones that Amazon EKS takes, in their order.

    Raises:
        UnreachableError: Amazon does not answer.
        DeployError: it refuses.
    """
    ec2 = account.session.client("ec2", config=CONFIG)
    with told_in_one_line("DescribeAvailabilityZones"):
        found = ec2.describe_availability_zones(
            Filters=[
                {"Name": "zone-type", "Values": ["availability-zone"]},
                {"Name": "state", "Values": ["available"]},
            ]
        )["AvailabilityZones"]
    return sorted(each["ZoneName"] for each in found if each["ZoneId"] not in REFUSED)


def first(account: Account) -> str:
    """Those that a new deployment is in, separated by commas.

    Raises:
        UsageError: the region has too few.
    """
    found = usable(account)
    if len(found) < COUNT:
        raise UsageError(
            f"--region {account.region}: it has {len(found)} zones that Amazon EKS takes of this "
            f"account, but {COUNT} are needed; give another region"
        )
    return ",".join(found[:COUNT])
