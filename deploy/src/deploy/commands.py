"""What each sub-command does."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from importlib import resources
from typing import TYPE_CHECKING

from deploy import data, jobs
from deploy.console import say, tell
from deploy.errors import DeployError, NameTakenError, UnreachableError
from deploy.follow import Follower, last_words
from deploy.jobs import Change
from deploy.target import check_applied, choose_image, chosen_settings, find_target

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from deploy.follow import Outcome
    from deploy.kubectl import Manifest
    from deploy.log import Line
    from deploy.target import Target

PROGRAM = "./noxw -s kind --"
MOST_RACES = 20
_PUBLISHED = re.compile(r"version \d+ of \S+ is published")


def train(arguments: argparse.Namespace) -> None:
    """A new training Job, followed to its end."""
    target = find_target(arguments)
    env = chosen_settings(arguments, target)
    planned = data.plan(arguments.data, target)
    check_applied(target, arguments)
    image = choose_image(target, arguments.image)
    given = data.bring(planned, target.kubectl) if planned else arguments.data
    job = create_next(target, Change(training_arguments(given, arguments), env, image))
    name = job["metadata"]["name"]
    log = target.kubectl.shown("logs", "--follow", f"job/{name}")
    say(f"{name} is created, with the image {jobs.trainer(job)['image']}")
    if not arguments.follow:
        say(f"next: {log}")
        return
    try:
        outcome = Follower(target.kubectl, name, lambda line: tell(line.text), say).follow()
    except (KeyboardInterrupt, UnreachableError):
        say(f"\n{name} goes on; to see its log again: {log}")
        raise
    check_outcome(name, outcome)
    tell_trained(name, outcome, arguments.model_name)


def training_arguments(given: str | None, arguments: argparse.Namespace) -> Sequence[str]:
    """What the trainer is called with."""
    named = [] if given is None else ["--data", given]
    return ["run", *named, *(["--retrain"] if arguments.retrain else [])]


def tell_trained(name: str, outcome: Outcome, model_name: str | None) -> None:
    """The end of a training that went well, and what to do next."""
    found = filter(None, (_PUBLISHED.match(line.message) for line in outcome.lines))
    published = next((match[0] for match in found), None)
    if published is None:
        say(f"{name} is done and published nothing; next: {PROGRAM} train --retrain")
    elif model_name:
        say(f"{published}; next: {PROGRAM} list --model-name {model_name}")
    else:
        say(f"{published}: {page_url()} shows it within 5 s; next, to go back: {PROGRAM} rollback")


def page_url() -> str:
    """Where the page is, which `tilt up` and `docker compose up` take from the environment too."""
    return f"http://localhost:{os.environ.get('FRONTEND_PORT') or 3000}"


def show(arguments: argparse.Namespace) -> None:
    """The published versions, on stdout."""
    run_once(arguments, "list", Change(["list"], {}))


def rollback(arguments: argparse.Namespace) -> None:
    """The pointer, moved to an earlier version."""
    version = [] if arguments.version is None else [str(arguments.version)]
    run_once(arguments, "rollback", Change(["rollback", *version], {}))


def prune(arguments: argparse.Namespace) -> None:
    """Old versions, removed."""
    run_once(arguments, "prune", Change(["prune", "--keep", str(arguments.keep)], {}))


def break_model(arguments: argparse.Namespace) -> None:
    """A version that cannot be loaded, published and current."""
    script = resources.files("deploy").joinpath("drills/publish_corrupt.py").read_text("utf-8")
    run_once(arguments, "break", Change([], {}, program=["python", "-c", script]))
    say(f"{page_url()} goes on with the last good version; {page_url()}/api/models tells why")


def run_once(arguments: argparse.Namespace, command: str, change: Change) -> None:
    """A command in a Job of its own, which is removed afterwards.

    Raises:
        DeployError: the command failed.
    """
    target = find_target(arguments)
    check_applied(target, arguments)
    image = choose_image(target, arguments.image)
    log = {"LOG_FORMAT": "json", "LOG_LEVEL": "info"}  # whatever the trainings' is
    env = chosen_settings(arguments, target) | log
    change = Change(change.arguments, env, image, change.program)
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


def create_next(target: Target, change: Change) -> Manifest:
    """A training Job with the next free name, also when somebody else takes it at this moment.

    Raises:
        DeployError: the cluster refuses it.
    """
    for _ in range(MOST_RACES):
        taken = {job["metadata"]["name"] for job in target.kubectl.find("jobs")}
        job = jobs.training_job(target.job, jobs.next_name(taken), change)
        with suppress(NameTakenError):
            return target.kubectl.create(job)
    raise DeployError(f"{MOST_RACES} names for the Job were taken by others; try again")
