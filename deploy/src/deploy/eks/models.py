"""The published versions of a deployment's model: which there are, and which is current."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy import jobs, running
from deploy.console import say
from deploy.eks import targets
from deploy.jobs import Change

if TYPE_CHECKING:
    from deploy.eks.account import Account
    from deploy.eks.deployment import Deployment


def rollback(account: Account, deployment: Deployment, version: int | None) -> None:
    """Moves the pointer to an earlier version, and nothing else.

    Args:
        account: to work in.
        deployment: whose model it is.
        version: None for the one before the current one.

    Raises:
        UsageError: there is no such deployment.
        DeployError: there is no such version.
        UnreachableError: AWS or the cluster does not answer.
    """
    target = targets.find(account, deployment)
    running.run_once(target, "rollback", Change(jobs.rollback_arguments(version), {}))
    say(f"served within 5 s; next: {targets.command('status_eks', deployment)}")


def show(account: Account, deployment: Deployment) -> None:
    """The versions that the volume has, on stdout; a mark is at the one that the pointer names.

    Raises:
        UsageError: there is no such deployment.
        UnreachableError: AWS or the cluster does not answer.
    """
    running.run_once(targets.find(account, deployment), "list", Change(["list"], {}))
