"""Jobs made in the cluster and followed to their end, whichever cluster it is."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from deploy import jobs
from deploy.console import say, tell
from deploy.errors import DeployError, NameTakenError, UnreachableError
from deploy.follow import Follower, last_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deploy.follow import Outcome
    from deploy.jobs import Change
    from deploy.kubectl import Kubectl, Manifest
    from deploy.log import Line
    from deploy.target import Target

MOST_RACES = 20
NONE: Mapping[str, str] = MappingProxyType({})
LOG = MappingProxyType({"LOG_FORMAT": "json", "LOG_LEVEL": "info"})  # whatever the trainings' is
_PUBLISHED = re.compile(r"version \d+ of \S+ is published")


def create_next(target: Target, change: Change, secrets: Mapping[str, str] = NONE) -> Manifest:
    """A training Job with the next free name.

    Args:
        target: where it is made, and of what.
        change: what is asked of it.
        secrets: values of the change's secret variables.

    Raises:
        DeployError: the cluster refuses it.
    """

    def make(taken: set[str]) -> Manifest:
        return jobs.training_job(target.job, jobs.next_name(taken), change)

    return create_free(target.kubectl, make, secrets)


def create_free(
    kubectl: Kubectl, make: Callable[[set[str]], Manifest], secrets: Mapping[str, str] = NONE
) -> Manifest:
    """A Job with a free name, also when somebody else takes that at this moment.

    Args:
        kubectl: of the cluster.
        make: gives the Job, by the names that are taken.
        secrets: values of its secret variables, which its pod waits for.

    Raises:
        DeployError: the cluster refuses it.
    """
    for _ in range(MOST_RACES):
        taken = {job["metadata"]["name"] for job in kubectl.find("jobs")}
        with suppress(NameTakenError):
            job = kubectl.create(make(taken))
            break
    else:
        raise DeployError(f"{MOST_RACES} names for the Job were taken by others; try again")
    if secrets:
        _create_secret(kubectl, job, secrets)
    return job


def _create_secret(kubectl: Kubectl, job: Manifest, values: Mapping[str, str]) -> None:
    """After the Job, which owns it, so that none is ever left over."""
    try:
        kubectl.create(jobs.secret(job, values))
    except BaseException:
        kubectl.delete("job", job["metadata"]["name"])
        raise


def follow_training(kubectl: Kubectl, name: str) -> Outcome:
    """Shows a training's log up to its end; when it is left before, tells how to come back.

    Raises:
        DeployError: the Job was removed.
        UnreachableError: the cluster is gone for too long.
    """
    try:
        return Follower(kubectl, name, lambda line: tell(line.text), say).follow()
    except (KeyboardInterrupt, UnreachableError):
        say(f"\n{name} goes on; to see its log again: {log_command(kubectl, name)}")
        raise


def log_command(kubectl: Kubectl, name: str) -> str:
    """What to type to see a Job's log."""
    return kubectl.shown("logs", "--follow", f"job/{name}")


def published(outcome: Outcome) -> str | None:
    """What a training published, in the trainer's words; None when that is nothing."""
    found = filter(None, (_PUBLISHED.match(line.message) for line in outcome.lines))
    return next((match[0] for match in found), None)


def run_once(target: Target, command: str, change: Change) -> None:
    """A command in a Job of its own, which is removed afterwards.

    Raises:
        DeployError: the command failed.
    """
    change = replace(change, env={**change.env, **LOG})
    job = target.kubectl.create(jobs.one_off_job(target.job, command, change))
    name = job["metadata"]["name"]
    try:
        outcome = Follower(target.kubectl, name, show_result, say).follow()
    finally:
        target.kubectl.delete("job", name)
    check_outcome(command, outcome)


def show_result(line: Line) -> None:
    """What a command prints is its result; an error is told at the end."""
    if not line.level:
        tell(line.text)
    elif line.level not in {"error", "critical"}:
        say(line.message)


def check_outcome(name: str, outcome: Outcome) -> None:
    """Sees that the Job succeeded.

    Raises:
        DeployError: it failed.
    """
    if outcome.fault:
        raise DeployError(f"{name} failed, {outcome.fault}: {last_words(outcome)}")
