"""What the Tiltfile declares, in every mode; without Tilt and without a cluster."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from declarations import ROOT, SERVICES
from engine import run
from tiltfile import TiltfileError, evaluate

if TYPE_CHECKING:
    from tiltfile import Recording

PHOTOS = ROOT / "loadtests/photos"
DURATION = re.compile(r"[1-9][0-9]*[ms]")
CHOICES = [
    {},
    {"mode": "k8s", "data": "flowers"},
    {"mode": "compose"},
    {"mode": "compose", "data": "https://example.org/photos.zip"},
]


@pytest.fixture(params=CHOICES, ids=lambda choices: " ".join(choices.values()) or "default")
def declared(request: pytest.FixtureRequest) -> Recording:
    choices: dict[str, str] = request.param
    return evaluate(choices)


def test_the_versions_and_time_limits_are_set(declared: Recording) -> None:
    assert re.fullmatch(r">=\d+\.\d+\.\d+", declared.settings["version"])
    assert all(DURATION.fullmatch(each) for each in declared.settings["ci"])
    assert declared.options == ["mode", "data"]


def test_resources_have_labels_and_come_after_resources_that_exist(declared: Recording) -> None:
    names = [each.name for each in declared.resources]
    assert len(set(names)) == len(names)
    for resource in declared.resources:
        assert resource.labels, resource.name
        assert set(resource.after) <= set(names) - {resource.name}
        assert resource.name not in declared.before(resource.name)


def test_all_paths_exist(declared: Recording) -> None:
    for image in declared.images:
        assert (image.context / "Dockerfile").is_file()
        for path in [*image.rebuilt_for(), *(local for local, _ in image.synced())]:
            assert path.exists(), path
            assert path.is_relative_to(image.context)
    for resource in declared.resources:
        assert all((ROOT / path).exists() for path in resource.files)


def test_every_service_is_a_resource(declared: Recording) -> None:
    assert {each.name for each in declared.resources} >= SERVICES


def test_there_are_buttons_to_train_go_back_load_and_break(declared: Recording) -> None:
    texts = {button.text for button in declared.buttons}
    assert {"Train again", "Roll back", "Load test", "Break the model"} <= texts
    assert {each.resource for each in declared.buttons} <= {
        each.name for each in declared.resources
    }


def test_buttons_start_sessions_that_exist_with_options_that_they_have(declared: Recording) -> None:
    calls = [each.command for each in declared.buttons if each.command[0] == "./noxw"]
    assert calls
    for _, flag, session, dashes, *arguments in calls:
        assert (flag, dashes) == ("-s", "--")
        program = session_program(session)
        if not Path(program[0]).exists():
            continue  # whose environment is not among those of the tests
        command = [*program, *(each for each in arguments[:1] if not each.startswith("-"))]
        told = run(*command, "--help")
        options = {each for each in arguments if each.startswith("--")}
        assert options <= set(re.findall("--[a-z-]+", told)), session


def session_program(name: str) -> list[str]:
    """What a session of the noxfile runs."""
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    (found,) = (
        ast.unparse(each)
        for each in ast.parse(source).body
        if isinstance(each, ast.FunctionDef) and each.name == name and each.decorator_list
    )
    called = re.search(r"\{ROOT\}(/\.nox/env_\w+/bin/\w+)'(?:, '(\w+)')?", found)
    assert called, f"the session {name} runs no program of an environment"
    return [f"{ROOT}{called[1]}", *filter(None, [called[2]])]


def test_another_mode_is_refused_in_one_line_that_names_those_there_are() -> None:
    with pytest.raises(TiltfileError, match=r"^--mode=swarm: .*k8s.*compose$"):
        evaluate({"mode": "swarm"})


@pytest.mark.parametrize(
    ("mode", "remedy"),
    [
        ("k8s", f"train_kind -- --data {PHOTOS}"),
        ("compose", f"--volume {PHOTOS}:/photos:ro trainer run --data /photos"),
    ],
)
def test_data_of_this_machine_is_refused_in_one_line_with_the_remedy(
    mode: str, remedy: str
) -> None:
    with pytest.raises(TiltfileError, match=rf"^--data=loadtests/photos: .*{remedy}$"):
        evaluate({"mode": mode, "data": "loadtests/photos"})


def test_the_trainer_gets_the_data() -> None:
    chosen = ["run", "--data", "flowers"]
    assert trainer_arguments(evaluate({})) == ["run"]
    assert trainer_arguments(evaluate({"data": "flowers"})) == chosen
    override = evaluate({"mode": "compose", "data": "flowers"}).compose["files"][-1]["blob"]
    assert override["services"]["trainer"]["command"] == chosen


def trainer_arguments(declared: Recording) -> list[str]:
    (image,) = (each for each in declared.images if each.ref == "ml-pipeline/trainer")
    return list(image.arguments or [])
