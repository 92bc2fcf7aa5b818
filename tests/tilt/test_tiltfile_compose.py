"""What the Tiltfile declares for docker compose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from declarations import ROOT, SERVICES
from tiltfile import evaluate

if TYPE_CHECKING:
    from tiltfile import Recording


@pytest.fixture(scope="module")
def compose() -> Recording:
    return evaluate({"mode": "compose"})


def test_compose_mode_asks_for_no_cluster(compose: Recording) -> None:
    assert evaluate({"mode": "compose"}, "production").resources == compose.resources
    assert (compose.objects, compose.images) == ([], [])


def test_compose_s_services_are_those_of_its_files(compose: Recording) -> None:
    *files, override = compose.compose["files"]
    services: dict[str, Any] = {}
    for file in files:
        services |= yaml.load((ROOT / file).read_text(), Loader=Compose)["services"]  # noqa: S506 - a safe one
    chosen = {each.service for each in compose.resources if each.service}
    changed = override["blob"]["services"]
    hidden = {name for name, each in {**services, **changed}.items() if each.get("profiles")}
    assert chosen == SERVICES
    assert changed.keys() <= services.keys()
    assert hidden >= {"trained"}
    assert compose.compose["project"] == "ml-pipeline"


class Compose(yaml.SafeLoader):
    """Knows compose's own tags."""


Compose.add_constructor("!reset", lambda *_: None)


def test_compose_is_called_with_the_files_and_the_project_that_tilt_has(compose: Recording) -> None:
    *files, _ = compose.compose["files"]
    expected = ["docker", "compose", "--project-name", compose.compose["project"]]
    expected += [word for file in files for word in ("-f", file)]
    commands = [each.command for each in compose.resources] + [
        each.command for each in compose.buttons
    ]
    calls = [each for each in commands if isinstance(each, list) and each[0] == "docker"]
    assert len(calls) == 5
    for call in calls:
        assert call[: len(expected)] == expected
    assert " ".join(expected) in compose.resource("trained").command


def test_a_button_s_program_is_in_the_tree(compose: Recording) -> None:
    (command,) = (each.command for each in compose.buttons if each.text == "Break the model")
    (volume,) = (each.partition("=")[2] for each in command if each.startswith("--volume="))
    host, inside, mode = volume.split(":")
    assert mode == "ro"
    assert (ROOT / host / Path(command[-1]).relative_to(inside)).is_file()
