from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deploy.eks import cli
from deploy.eks.deployment import Deployment
from deploy.errors import DeployError, UnreachableError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.eks.options import Options

COMMANDS = ("deploy", "destroy", "status", "train", "rollback")
DEPLOYMENT = Deployment("ml-pipeline", "eu-west-1")


@pytest.fixture(autouse=True)
def _region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the commands were called with."""
    calls: list[Any] = []

    def note(*arguments: object, **named: object) -> None:
        calls.append((arguments, named))

    for path in ("deploy.deploy", "destruction.destroy", "training.train", "models.rollback"):
        monkeypatch.setattr(f"deploy.eks.{path}", note)
    return calls


def test_help_has_the_commands_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--help"])
    assert caught.value.code == 0
    told = capsys.readouterr().out
    assert all(f"\n    {each}" in told for each in COMMANDS)
    assert "token" not in told
    for each in COMMANDS:
        with pytest.raises(SystemExit):
            cli.main([each, "--help"])
        told = capsys.readouterr().out
        assert f"examples:\n  ./noxw -s {each}_eks --" in told
        assert "75 Amazon or the cluster does not answer" in told


def test_options_become_a_deployment_and_parameters(called: list[Any]) -> None:
    arguments = ["--name=trial", "--region=us-east-1", "--yes", "--serving-max=9", "--data=flowers"]
    assert cli.main(["deploy", *arguments]) == 0
    options: Options = called[0][0][0]
    assert options.deployment == Deployment("trial", "us-east-1")
    assert options.parameters == {"ServingMax": "9"}
    assert (options.yes, options.plan, options.data) == (True, False, "flowers")


def test_the_region_may_be_the_environment_s(called: list[Any]) -> None:
    cli.main(["deploy"])
    assert called[0][0][0].deployment == DEPLOYMENT


def test_a_plan_needs_no_region(called: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert cli.main(["deploy", "--plan"]) == 0
    assert called[0][0][0].deployment.region == "us-west-2"
    assert called[0][0][0].is_example_region
    assert cli.main(["deploy"]) == 2
    assert cli.main(["deploy", "--plan", "--region=us-west-2"]) == 0
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert cli.main(["deploy", "--plan"]) == 0
    assert not any(each.is_example_region for [each], _ in called[1:])


def test_a_plan_with_a_fault_is_told_and_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "which-is-not-there")
    assert cli.main(["deploy", "--plan", "--serving-min=7"]) == 2
    told = capsys.readouterr()
    assert "- fault: ServingMin 7, ServingDesired 3, ServingMax 6" in told.out
    assert told.err == "deploy: 1 fault, told above; nothing was made or changed\n"
    assert cli.main(["deploy", "--plan"]) == 0


def test_the_others_get_what_they_need(called: list[Any]) -> None:
    cli.main(["destroy", "--keep-data"])
    (account, deployment), named = called[-1]
    assert (account.region, deployment) == ("eu-west-1", DEPLOYMENT)
    assert named == {"keep_data": True, "yes": False}
    cli.main(["train", "--set=EPOCHS=4", "--no-follow", "--retrain"])
    training = called[-1][0][2]
    assert training.settings == {"EPOCHS": "4"}
    assert (training.retrain, training.follow, training.data) == (True, False, None)
    cli.main(["rollback", "3"])
    assert called[-1][0][2] == 3


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["deploy", "--name=A"],
        ["deploy", "--region=here"],
        ["deploy", "--vpc-cidr=10.0.0.0/33"],
        ["deploy", "--serving-mx=3"],
        ["rollback", "0"],
        ["status", "--yes"],
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("deploy: ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DeployError("x"), 1),
        (UsageError("x"), 2),
        (UnreachableError("x"), 75),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr("deploy.eks.deploy.deploy", fail)
    assert cli.main(["deploy"]) == code


def test_credentials_that_are_none_are_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    assert cli.main(["status"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "nope" in line
