"""What is told of a destruction: before it, of what stays after it, of what stands in its way."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from deploy.eks import costs, retention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.eks.deployment import Deployment, Stack
    from deploy.eks.kinds import Found
    from deploy.eks.retention import Data

# What a failed deletion's reason is about, and what helps: reasons as the services word them.
REMEDIES = (
    (
        ("has dependencies", "DependencyViolation", "mapped public address"),
        "something else is in the network: remove the network interfaces that are left in its VPC",
    ),
    (("recovery points",), "the vault holds backups: wait for one that is being made"),
    (("is not empty", "still contains images"), "delete the images in the repository"),
    (("not authorized", "AccessDenied"), "these credentials may not do it: use an administrator's"),
    (("TerminationProtection", "termination protection"), "switch the stack's protection off"),
    (("deletion protection",), "switch the cluster's deletion protection off"),
)


def lines(deployment: Deployment, stack: Stack | None, there: Sequence[Found]) -> list[str]:
    """What is about to be deleted: resources by service, and the cost that ends."""
    whose = f"(its stack is {stack.status})" if stack else "(its stack is gone)"
    told = [f"this deletes {deployment.name} in {deployment.region} {whose}:"]
    services: dict[str, Counter[str]] = {}
    for each in there:
        service, kind = (each.kind.service, each.kind.name) if each.kind else ("other", each.id)
        services.setdefault(service, Counter())[kind] += 1
    for service, kinds in sorted(services.items()):
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        told.append(f"  {service:14} {counts}")
    if stack:
        month = costs.monthly(stack.values, deployment.region)
        told.append(f"  {month.how} {month.total:,.0f} USD a month end")
    return told


def fate(data: Data, *, keep_data: bool) -> str:
    """Whether data is lost."""
    if not data.ids:
        return "there is no data"
    if keep_data:
        return f"the data is kept: {_places(data)}"
    return f"THE DATA IS LOST, but for --keep-data: {_places(data)}"


def kept(deployment: Deployment, data: Data) -> list[str]:
    """What stays, what that costs, and what can be done with it."""
    if not data.file_systems:
        return []
    where = f"--name {deployment.name} --region {deployment.region}"
    month = retention.month(data, deployment.region, costs.prices())
    again = f"deploy again on it: ./noxw -s deploy_eks -- {where} --file-system-id"
    return [
        f"kept: {_places(data)}; about {month:,.2f} USD a month",
        *(f"{again} {each}" for each in data.file_systems),
        f"delete it: ./noxw -s destroy_eks -- {where}",
    ]


def remedy(fault: str) -> str:
    """What to do about a resource that cannot be deleted, by its own reason."""
    return next((told for signs, told in REMEDIES if any(each in fault for each in signs)), "")


def _places(data: Data) -> str:
    systems, vaults = sorted(data.file_systems.items()), sorted(data.vaults.items())
    told = [f"file system {key} ({size / retention.BYTES_A_GB:,.2f} GB)" for key, size in systems]
    told += [f"backup vault {key} ({points} recovery points)" for key, points in vaults]
    return ", ".join([*told, *(f"key {each}" for each in sorted(data.keys))])
