"""What each sub-command does."""

from __future__ import annotations

import os
from importlib import resources
from typing import TYPE_CHECKING

from deploy import data, jobs, running
from deploy.console import say
from deploy.jobs import Change
from deploy.target import check_applied, choose_image, chosen_settings, find_target

if TYPE_CHECKING:
    import argparse

    from deploy.follow import Outcome

PROGRAM = "./noxw -s kind --"


def train(arguments: argparse.Namespace) -> None:
    """A new training Job, followed to its end."""
    target = find_target(arguments)
    env = _settings(arguments, target.settings)
    planned = data.plan(arguments.data, target)
    check_applied(target, _remedy(arguments))
    image = choose_image(target, arguments.image)
    given = data.bring(planned, target.kubectl) if planned else arguments.data
    called = jobs.training_arguments(given, retrain=arguments.retrain)
    job = running.create_next(target, Change(called, env, image))
    name = job["metadata"]["name"]
    say(f"{name} is created, with the image {jobs.trainer(job)['image']}")
    if not arguments.follow:
        say(f"next: {running.log_command(target.kubectl, name)}")
        return
    outcome = running.follow_training(target.kubectl, name)
    running.check_outcome(name, outcome)
    tell_trained(name, outcome, arguments.model_name)


def tell_trained(name: str, outcome: Outcome, model_name: str | None) -> None:
    """The end of a training that went well, and what to do next."""
    published = running.published(outcome)
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
    run_once(arguments, "rollback", Change(jobs.rollback_arguments(arguments.version), {}))


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
    check_applied(target, _remedy(arguments))
    image = choose_image(target, arguments.image)
    env = _settings(arguments, target.settings)
    running.run_once(target, command, Change(change.arguments, env, image, change.program))


def _settings(arguments: argparse.Namespace, known: frozenset[str]) -> dict[str, str]:
    """Settings for this one Job."""
    chosen = chosen_settings(dict(getattr(arguments, "settings", None) or []), known)
    named = {"MODEL_NAME": arguments.model_name} if arguments.model_name else {}
    return {**chosen, **named}


def _remedy(arguments: argparse.Namespace) -> str:
    """How the overlay is applied."""
    return (
        f"apply {arguments.overlay}, with Tilt or with `kubectl --context {arguments.context} "
        f"apply -k {arguments.overlay}` (that it cannot change the Job {jobs.TRAINING_JOB} is no "
        "matter)"
    )
