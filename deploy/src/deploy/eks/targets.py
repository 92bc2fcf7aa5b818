"""Where a deployment's Jobs are made, found by its name from any machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.eks import cluster, overlay, record, stacks
from deploy.errors import UsageError
from deploy.kubectl import render
from deploy.target import check_applied, target_of

if TYPE_CHECKING:
    from deploy.eks.account import Account
    from deploy.eks.deployment import Deployment, Stack
    from deploy.target import Target


def find(account: Account, deployment: Deployment) -> Target:
    """The deployment's cluster, and its training Job with the image that trained last.

    Raises:
        UsageError: there is no such deployment, or it was not brought to its end.
        UnreachableError: AWS or the cluster does not answer.
    """
    stack = find_stack(account, deployment)
    kubectl = cluster.connect(account, deployment)
    known = record.read(kubectl)
    again = command("deploy_eks", deployment)
    if known is None:
        raise UsageError(f"no training of {deployment.name} has succeeded; {again} goes on with it")
    # Of this overlay nothing but the training Job is used.
    folder = deployment.folder / "training"
    overlay.write(folder, stack.values, dict.fromkeys(overlay.COMPONENTS, known.trainer))
    target = target_of(render(folder), kubectl)
    check_applied(target, f"{again} applies them")
    return target


def find_stack(account: Account, deployment: Deployment) -> Stack:
    """The deployment's stack.

    Raises:
        UsageError: there is none.
        UnreachableError: AWS does not answer.
    """
    stack = stacks.find(account, deployment.name)
    if stack is None:
        raise UsageError(
            f"there is no deployment {deployment.name} in {deployment.region}; "
            f"{command('deploy_eks', deployment)} makes it"
        )
    return stack


def command(session: str, deployment: Deployment, *options: str) -> str:
    """What to type for a deployment."""
    where = ["--name", deployment.name, "--region", deployment.region]
    return " ".join(["./noxw", "-s", session, "--", *where, *options])
