"""What a stack does not delete, because controllers, agents and services made it on their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.console import say
from deploy.eks import catalog
from deploy.eks.account import told_in_one_line
from deploy.eks.kinds import CLUSTER, CONTROLLER, STACK
from deploy.eks.waiting import Patience, wait_until_done
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deploy.eks.inventory import Inventory
    from deploy.eks.kinds import Found, Kind

BALANCER_SECONDS = 300.0  # a load balancer's interfaces go minutes after it
POINTS_SECONDS = 600.0
MOUNTS_SECONDS = 300.0

# In the order in which one no longer needs the next; instances, networks and roles are the
# stack's or a node group's, and whoever finds one left should look why.
AFTER_THE_STACK = (
    catalog.LOAD_BALANCER,
    catalog.TARGET_GROUP,
    catalog.INTERFACE,
    catalog.SECURITY_GROUP,
    catalog.LAUNCH_TEMPLATE,
    catalog.VOLUME,
    catalog.REPOSITORY,
    catalog.LOG_GROUP,
    catalog.VAULT,
    catalog.FILE_SYSTEM,
    catalog.PROVIDER,
    catalog.KEY,
)
# What stands in the way of a stack: what others put into its network.
BEFORE_THE_STACK = (
    catalog.LOAD_BALANCER,
    catalog.TARGET_GROUP,
    catalog.INTERFACE,
    catalog.SECURITY_GROUP,
)


def remove_all(inventory: Inventory, kept: frozenset[str]) -> int:
    """Removes what a stack that is gone has left.

    Args:
        inventory: of the deployment.
        kept: ids that stay.

    Returns:
        How many.
    """
    return _remove(inventory, AFTER_THE_STACK, lambda found: not kept & {found.id, found.within})


def remove_strangers(inventory: Inventory) -> int:
    """Removes what others made in the stack's network, whose own things stay; how many.

    As long as the cluster is there, so are its security groups.
    """
    used = {CLUSTER} if inventory.find(catalog.CLUSTER) else set()
    return _remove(inventory, BEFORE_THE_STACK, lambda found: not {STACK, *used} & {*found.tags})


def remove_balancers(inventory: Inventory) -> int:
    """Removes what the load balancer controller made, in its place; how many."""
    return _remove(inventory, BEFORE_THE_STACK, lambda found: CONTROLLER in found.tags)


def empty_vault(inventory: Inventory, vault: str) -> int:
    """Deletes the recovery points of a vault, which else cannot be deleted; how many.

    Raises:
        DeployError: one cannot be deleted, such as in a vault that is locked.
    """
    held = _points(inventory, vault)
    for each in held:
        inventory.remove(each)

    def look() -> str | None:
        left = len(_points(inventory, vault))
        return f"{left} recovery points left" if left else None

    wait_until_done(f"backup vault {vault}", look, Patience(POINTS_SECONDS))
    return len(held)


def _points(inventory: Inventory, vault: str) -> list[Found]:
    return [each for each in inventory.find(catalog.RECOVERY_POINT) if each.within == vault]


def _remove(
    inventory: Inventory, kinds: tuple[Kind, ...], concerns: Callable[[Found], bool]
) -> int:
    removed = 0
    for kind in kinds:
        for found in filter(concerns, inventory.find(kind)):
            try:
                REMOVALS.get(kind, _remove_at_once)(inventory, found)
            except DeployError as error:  # the sweep at the end names what is left
                say(f"  {kind.name} {found.id}: cannot be deleted yet: {error}")
            else:
                say(f"  {kind.name} {found.id}: deleted")
                removed += 1
    return removed


def _remove_at_once(inventory: Inventory, found: Found) -> None:
    inventory.remove(found)


def _remove_balancer(inventory: Inventory, found: Found) -> None:
    with told_in_one_line("ModifyLoadBalancerAttributes"):
        inventory.client("elbv2").modify_load_balancer_attributes(
            LoadBalancerArn=found.id,
            Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
        )
    inventory.remove(found)

    def look() -> str | None:
        return "is being deleted" if inventory.is_there(found) else None

    wait_until_done("load balancer", look, Patience(BALANCER_SECONDS))


def _remove_group(inventory: Inventory, found: Found) -> None:
    """Removes a security group, and before that the rules of others that name it."""
    ec2 = inventory.client("ec2")
    with told_in_one_line("RevokeSecurityGroupRules"):
        for way, field in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
            prefix = "" if way == "ingress" else "egress."
            asked = [{"Name": f"{prefix}ip-permission.group-id", "Values": [found.id]}]
            pages = ec2.get_paginator("describe_security_groups").paginate(Filters=asked)
            for group in (each for page in pages for each in page["SecurityGroups"]):
                naming = [_naming(each, found.id) for each in group[field]]
                getattr(ec2, f"revoke_security_group_{way}")(
                    GroupId=group["GroupId"], IpPermissions=[each for each in naming if each]
                )

    def look() -> str | None:
        try:
            inventory.remove(found)
        except DeployError as error:
            if "(DependencyViolation)" not in str(error):
                raise
            return str(error)
        return None

    wait_until_done(f"security group {found.id}", look, Patience(BALANCER_SECONDS))


def _naming(rule: Mapping[str, object], group: str) -> dict[str, object] | None:
    """The part of a rule that names a security group."""
    pairs = rule.get("UserIdGroupPairs")
    named = [pair for pair in pairs if pair["GroupId"] == group] if isinstance(pairs, list) else []
    ends = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in rule}
    return {**ends, "UserIdGroupPairs": named} if named else None


def _remove_vault(inventory: Inventory, found: Found) -> None:
    empty_vault(inventory, found.id)
    inventory.remove(found)


def _remove_file_system(inventory: Inventory, found: Found) -> None:
    """Removes a file system, and before that what it is reached by."""
    efs = inventory.client("efs")
    with told_in_one_line("DeleteMountTarget"):
        for target in _mounts(inventory, found.id):
            efs.delete_mount_target(MountTargetId=target)
    wait_until_done(
        f"file system {found.id}",
        lambda: "its mount targets are being deleted" if _mounts(inventory, found.id) else None,
        Patience(MOUNTS_SECONDS),
    )
    with told_in_one_line("DeleteAccessPoint"):
        pages = efs.get_paginator("describe_access_points").paginate(FileSystemId=found.id)
        for point in [each for page in pages for each in page["AccessPoints"]]:
            efs.delete_access_point(AccessPointId=point["AccessPointId"])
    inventory.remove(found)


def _mounts(inventory: Inventory, file_system: str) -> list[str]:
    with told_in_one_line("DescribeMountTargets"):
        paginator = inventory.client("efs").get_paginator("describe_mount_targets")
        pages = paginator.paginate(FileSystemId=file_system)
        return [each["MountTargetId"] for page in pages for each in page["MountTargets"]]


REMOVALS: Mapping[Kind, Callable[[Inventory, Found], None]] = {
    catalog.LOAD_BALANCER: _remove_balancer,
    catalog.SECURITY_GROUP: _remove_group,
    catalog.VAULT: _remove_vault,
    catalog.FILE_SYSTEM: _remove_file_system,
}
