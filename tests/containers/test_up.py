"""How `docker compose up` ends: with the trainer's code, however soon that is there."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from project import compose_project

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project

SERVICES = ("trainer", "inference", "frontend")
OVERRIDE = "services: {{trainer: {{entrypoint: {}}}}}\n"


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(("program", "code"), [("", 0), ("raise SystemExit(3)", 3)])
def test_a_trainer_that_ends_at_once(tmp_path: Path, program: str, code: int) -> None:
    with compose_project(write_trainer(tmp_path, program)) as project:
        done = project.start("up", "--wait")
        assert (done.returncode != 0) == (code != 0), done.stderr
        told = f'service "trainer" didn\'t complete successfully: exit {code}'
        assert (told in done.stderr) == (code != 0)
        assert project.inspect("trainer")["State"]["ExitCode"] == code
        assert seconds_of(project, "trainer") < 1
        assert statuses(project) == {"inference": "running", "frontend": "running"}


@pytest.mark.usefixtures("images")
def test_in_the_foreground_a_failed_training_ends_up_and_leaves_the_page(tmp_path: Path) -> None:
    with compose_project(write_trainer(tmp_path, "raise SystemExit(3)")) as project:
        done = project.start("up")
        assert done.returncode != 0
        assert statuses(project) == {"inference": "running", "frontend": "running"}
        project.compose("down")
        assert statuses(project) == {}


@pytest.mark.usefixtures("images")  # so that the cache holds all of them
def test_images_that_are_not_there_are_built_and_not_pulled(tmp_path: Path) -> None:
    tag = f"none-{uuid.uuid4().hex}"
    with compose_project(write_trainer(tmp_path, ""), TAG=tag) as project:
        try:
            done = project.start("up", "--wait")
            assert done.returncode == 0, done.stderr
            assert "pull" not in done.stderr.lower()
            images = {str(project.inspect(each)["Config"]["Image"]) for each in SERVICES}
            assert images == {f"ml-pipeline/{service}:{tag}" for service in SERVICES}
        finally:
            project.compose("down", "--rmi=all", "--volumes", "--timeout=1")


def write_trainer(folder: Path, program: str) -> Path:
    """A compose file in which the trainer is a line of Python."""
    file = folder / "trainer.yaml"
    file.write_text(OVERRIDE.format(json.dumps(["python", "-c", program])))
    return file


def statuses(project: Project) -> dict[str, str]:
    """Of the containers that run."""
    lines = project.compose("ps", "--format=json").splitlines()
    return {each["Service"]: each["State"] for each in map(json.loads, lines)}


def seconds_of(project: Project, service: str) -> float:
    """How long its container has run."""
    state = project.inspect(service)["State"]
    began, ended = (datetime.fromisoformat(state[name]) for name in ("StartedAt", "FinishedAt"))
    return (ended - began).total_seconds()
