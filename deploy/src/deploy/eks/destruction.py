"""The destruction of a deployment: everything that it has, in an order that leaves nothing."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deploy.console import say, tell
from deploy.eks import (
    announcement,
    catalog,
    cluster,
    leftovers,
    retention,
    stacks,
    steps,
    sweep,
    workloads,
)
from deploy.eks.account import told_in_one_line
from deploy.eks.deployment import TAG
from deploy.eks.history import History, at_rest
from deploy.eks.inventory import Inventory, is_gone
from deploy.eks.steps import Done, Step
from deploy.errors import DeployError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.eks.account import Account
    from deploy.eks.deployment import Deployment, Stack
    from deploy.eks.kinds import Found
    from deploy.eks.retention import Data
    from deploy.kubectl import Kubectl

DELETIONS = 3  # of a stack, each after what stood in its way was removed
ANSWERING = frozenset({"ACTIVE", "UPDATING"})  # statuses of a cluster


@dataclass(frozen=True, slots=True)
class Destruction:
    """One deployment that is destroyed.

    Attributes:
        stack: None when it is gone already.
        data: what holds the data.
        keep_data: whether it stays.
    """

    inventory: Inventory
    stack: Stack | None
    data: Data
    keep_data: bool

    @property
    def kept(self) -> frozenset[str]:
        """Ids that stay."""
        return self.data.ids if self.keep_data else frozenset()

    @property
    def account(self) -> Account:
        """Where it is."""
        return self.inventory.account

    @property
    def deployment(self) -> Deployment:
        """Which it is."""
        return self.inventory.deployment


def destroy(account: Account, deployment: Deployment, *, keep_data: bool, yes: bool) -> None:
    """Deletes a deployment, and proves that nothing of it is left.

    Args:
        account: where it is.
        deployment: which it is.
        keep_data: whether the file system and its backups stay.
        yes: whether nobody is asked.

    Raises:
        UsageError: what has this name is no deployment.
        DeployError: it was not confirmed, or something is left, which is named.
    """
    inventory = Inventory(account, deployment)
    stack = _settle(inventory)
    _refuse_others(inventory, stack)
    data = retention.find(inventory, has_stack=stack is not None)
    work = Destruction(inventory, stack, data, keep_data)
    there = [each for each in inventory.find_all() if not work.kept & {each.id, each.within}]
    left: list[sweep.Leftover] = []
    if stack or there:
        _take_away(work, there, yes=yes)
        left = sweep.look_through(inventory, work.kept)
    else:
        but = " but what was kept" if work.kept else ""
        say(f"there is nothing of {deployment.name} in {deployment.region}{but}")
    sweep.report(left, deployment)
    shutil.rmtree(deployment.folder, ignore_errors=True)
    for line in announcement.kept(deployment, data) if keep_data else ():
        tell(line)


def _take_away(work: Destruction, there: list[Found], *, yes: bool) -> None:
    for line in announcement.lines(work.deployment, work.stack, there):
        say(line)
    say(f"  {announcement.fate(work.data, keep_data=work.keep_data)}")
    _confirm(work.deployment.name, yes=yes)
    steps.take(_steps(work))


def _settle(inventory: Inventory) -> Stack | None:
    """The stack, once what an earlier run began has ended."""
    account, name = inventory.account, inventory.deployment.name
    stack = stacks.find(account, name)
    if stack is None or at_rest(stack.status):
        return stack
    say(f"stack {name}: it is {stack.status} since an earlier run, which is waited for")
    client = inventory.client("cloudformation")
    with told_in_one_line("DescribeStacks"):
        [found] = client.describe_stacks(StackName=name)["Stacks"]
    History(client, found["StackId"], f"stack {name}", is_begun=True).follow()
    return stacks.find(account, name)


def _refuse_others(inventory: Inventory, stack: Stack | None) -> None:
    """Sees to it that what has this name is a deployment."""
    name = inventory.deployment.name
    if stack and stack.status == "REVIEW_IN_PROGRESS":
        return  # it has neither tags nor resources
    kind = catalog.STACK if stack else catalog.CLUSTER
    there = inventory.describe(kind, name)
    if there and there.tags.get(TAG) != name:
        raise UsageError(
            f"the {kind.name} {name} in {inventory.deployment.region} has no tag {TAG}={name}, so "
            "it is no deployment, and is left alone"
        )


def _confirm(name: str, *, yes: bool) -> None:
    if yes:
        return
    say(f"type {name} to delete it:")
    if sys.stdin.readline().strip() != name:
        raise DeployError(f"{name} was not typed, so nothing was deleted; --yes deletes unasked")


def _steps(work: Destruction) -> list[Step]:
    kubectl = _connect(work)
    return [
        Step("ingress", lambda: _remove_balancers(work, kubectl)),
        Step("workloads", lambda: _in_cluster(kubectl, workloads.remove_namespace, "objects")),
        Step("controllers", lambda: _in_cluster(kubectl, workloads.remove_releases, "releases")),
        Step("data", lambda: _settle_data(work)),
        Step("stack", lambda: _delete_stack(work)),
        Step("leftovers", lambda: _done(leftovers.remove_all(work.inventory, work.kept))),
    ]


def _connect(work: Destruction) -> Kubectl | None:
    """The cluster; None when there is none that could answer."""
    name = work.deployment.name
    with told_in_one_line("DescribeCluster"):
        try:
            found = work.inventory.client("eks").describe_cluster(name=name)["cluster"]
        except ClientError as error:
            if is_gone(error):
                return None
            raise
    if found["status"] not in ANSWERING:
        return None
    if not shutil.which("kubectl"):
        raise UsageError(
            "kubectl: it is not on the PATH, but takes the load balancer away before the cluster "
            "goes; install it: https://kubernetes.io/docs/tasks/tools/"
        )
    return cluster.connect(work.account, work.deployment)


def _in_cluster(
    kubectl: Kubectl | None, act: Callable[[Kubectl], int], things: str = "removed"
) -> Done:
    """Does something in the cluster; what it does not do stops nothing, since it goes anyway."""
    if kubectl is None:
        return Done()
    try:
        return _done(act(kubectl), things)
    except DeployError as error:
        say(f"  {error}")
        return Done("the cluster does not do it, and is deleted without")


def _remove_balancers(work: Destruction, kubectl: Kubectl | None) -> Done:
    done = _in_cluster(kubectl, workloads.remove_ingresses, "removed")
    left = leftovers.remove_balancers(work.inventory)
    return _done(left, "left by their controller, removed") if left else done


def _settle_data(work: Destruction) -> Done:
    """Takes the data out of the stack, or the backups out of their vault."""
    stack = stacks.find(work.account, work.deployment.name)
    if not work.keep_data:
        return _done(
            sum(leftovers.empty_vault(work.inventory, each) for each in work.data.vaults),
            "recovery points deleted",
        )
    is_changed = stack is not None and retention.keep(work.inventory, stack.status, work.data)
    return Done("it outlives the stack", is_change=True) if is_changed else Done()


def _delete_stack(work: Destruction) -> Done:
    if stacks.find(work.account, work.deployment.name) is None:
        return Done()
    for left in reversed(range(DELETIONS)):
        try:
            stacks.delete(work.account, work.deployment.name, _members_kept(work))
            break
        except UnreachableError:
            raise
        except DeployError as error:
            say(f"  {error}")
            if not left or not _clear_the_way(work):
                hint = announcement.remedy(str(error))
                raise DeployError(f"{error}{f' ({hint})' if hint else ''}") from error
    return Done("deleted", is_change=True)


def _members_kept(work: Destruction) -> tuple[str, ...]:
    return retention.find(work.inventory, has_stack=True).members if work.keep_data else ()


def _clear_the_way(work: Destruction) -> int:
    """Removes what stood in the way of the stack; how much."""
    removed = leftovers.remove_strangers(work.inventory)
    if not work.keep_data:
        removed += sum(leftovers.empty_vault(work.inventory, each) for each in work.data.vaults)
    return removed


def _done(count: int, what: str = "removed") -> Done:
    return Done(f"{count} {what}", is_change=True) if count else Done()
