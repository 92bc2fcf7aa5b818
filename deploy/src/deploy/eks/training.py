"""A new training on EKS, on spot: what `train_eks` does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy import jobs, running
from deploy.console import say
from deploy.eks import data, targets
from deploy.jobs import Change
from deploy.target import chosen_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.eks.account import Account
    from deploy.eks.deployment import Deployment
    from deploy.follow import Outcome


@dataclass(frozen=True, slots=True)
class Training:
    """What is asked for.

    Attributes:
        data: a preset, a URL, or s3://BUCKET/KEY; None for the bundled digits.
        retrain: also if this data and these settings were trained before.
        settings: for this training alone.
        follow: show the log, and end as the training does.
    """

    data: str | None = None
    retrain: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    follow: bool = True


def train(account: Account, deployment: Deployment, training: Training) -> None:
    """A new training Job.

    Raises:
        UsageError: the data or a setting cannot be used; then nothing was made.
        DeployError: the training failed.
        UnreachableError: AWS or the cluster does not answer.
    """
    target = targets.find(account, deployment)
    env = chosen_settings(training.settings, target.settings)
    given = data.plan(training.data, account, is_fenced=target.is_fenced)
    arguments = jobs.training_arguments(given.argument, retrain=training.retrain)
    change = Change(arguments, env, secrets=tuple(given.secrets))
    job = running.create_next(target, change, given.secrets)
    name = job["metadata"]["name"]
    say(f"{name} is created, for a node on spot, which may take minutes to come")
    if not training.follow:
        say(f"next: {running.log_command(target.kubectl, name)}")
        return
    outcome = running.follow_training(target.kubectl, name)
    running.check_outcome(name, outcome)
    say(_told(name, outcome, deployment))


def _told(name: str, outcome: Outcome, deployment: Deployment) -> str:
    """The end of a training that went well, and what to do next."""
    published = running.published(outcome)
    if published is None:
        again = targets.command("train_eks", deployment, "--retrain")
        return f"{name} is done and published nothing; next: {again}"
    back = targets.command("rollback_eks", deployment)
    return f"{published}: the page shows it within 5 s; next, to go back: {back}"
