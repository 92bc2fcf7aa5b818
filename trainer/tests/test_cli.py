from __future__ import annotations

import errno
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sample_model import NAME, publish_sample
from small_volume import small_volume
from tiny_world import World, prepared

from trainer import commands
from trainer.cli import build_parser, main
from trainer.errors import CheckError, DataError, SettingsError, TemporaryError

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = ("run", "prepare", "fit", "export", "publish", "list", "rollback", "prune")


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line on stderr."""
    (line,) = capsys.readouterr().err.splitlines()
    assert "Traceback" not in line
    return line


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("MODEL", "DATA", "IMAGES"):
        monkeypatch.setenv(f"{kind}_DIR", str(tmp_path / kind.lower()))
    for name in ("DATASET", "EPOCHS", "IMAGE_SIZE", "SEED", "LOG_FORMAT", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODEL_NAME", NAME)
    monkeypatch.setenv("LOG_FORMAT", "text")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_parses_and_the_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert "exit codes:\n  0 done   2 bad usage" in shown
    assert "75 temporary" in shown
    example = shown.split("example:\n  trainer ")[1].splitlines()[0]
    assert example.split()[0] == command
    build_parser().parse_args(example.split())


def test_help_names_the_commands_and_the_variables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for name in (*COMMANDS, "MODEL_DIR", "DATASET", "LOG_FORMAT", "exit codes:"):
        assert name in shown


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["fit", "--nonsense"],
        ["fit", "--augment", "wild"],
        ["export", "--quantize", "int4"],
        ["run", "--quantize"],
        ["fit", "--quantize", "int8"],
        ["rollback", "x"],
        ["prune"],
        ["prune", "--keep", "x"],
    ],
)
def test_bad_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: trainer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value"),
    [("EPOCHS", "x"), ("IMAGE_SIZE", "7"), ("MODEL_NAME", "../x"), ("LOG_FORMAT", "xml")],
)
def test_a_bad_setting_is_told_in_one_line(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(["list"]) == 2
    assert told(capsys).startswith(f"trainer: {variable}='{value}': use ")


def test_a_process_ends_with_the_code_and_one_line() -> None:
    command = [sys.executable, "-m", "trainer", "fit", "--epochs", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == ["trainer: --epochs 0: use a whole number from 1 to 100000"]


@pytest.mark.parametrize(
    ("option", "variable"),
    [("--epochs", "EPOCHS"), ("--image-size", "IMAGE_SIZE"), ("--seed", "SEED")],
)
def test_an_option_goes_before_its_variable(
    option: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(commands, "fit", lambda _, settings: seen.append(settings))
    monkeypatch.setenv(variable, "10")
    assert main(["fit"]) == 0
    assert main(["fit", option, "20"]) == 0
    assert [getattr(each, variable.lower()) for each in seen] == [10, 20]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("why"), 2),
        (DataError("why"), 3),
        (CheckError("why"), 4),
        (TemporaryError("why"), 75),
        (KeyboardInterrupt(), 130),
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), 75),
        (OSError("odd"), 75),
    ],
)
def test_each_fault_has_its_exit_code_and_line(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(commands, "show", fail)
    assert main(["list"]) == code
    line = told(capsys)
    assert " error " in line
    assert "why" in line or code in {75, 130}
    if isinstance(error, OSError) and error.filename:
        assert "No space left on device: '/data/x'; " in line


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_logs_come_as_chosen(
    log_format: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "model" / NAME).mkdir(parents=True)
    monkeypatch.setenv("LOG_FORMAT", log_format)
    assert main(["rollback"]) == 2
    line = told(capsys)
    if log_format == "json":
        event = json.loads(line)
        assert (event["level"], event["logger"]) == ("error", "trainer.cli")
        line = event["message"]
    assert "has no current version" in line


def test_list_shows_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model" / NAME).mkdir(parents=True)
    assert main(["list"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, "no version of digits yet" in shown.err) == ("", True)
    for _ in range(3):
        publish_sample(tmp_path / "model")
    assert main(["rollback"]) == 0
    assert "version 2 of digits is the current one now" in told(capsys)
    (tmp_path / "model" / NAME / "1" / "model.onnx").write_bytes(b"")
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["3", "*", "1"]
    assert lines[1].startswith("*    2  20")
    assert lines[1].endswith("accuracy 99.0%  0.0 MB  digits")
    assert "unusable: model.onnx has 0 bytes" in lines[2]


def test_rollback_takes_a_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        publish_sample(tmp_path / "model")
    assert main(["rollback", "1"]) == 0
    assert "version 1" in told(capsys)
    assert main(["rollback", "7"]) == 2
    assert "has no version 7" in told(capsys)
    assert main(["rollback"]) == 2
    assert "no version before" in told(capsys)


def test_prune_keeps_the_newest_and_the_current(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(4):
        publish_sample(tmp_path / "model")
    assert main(["rollback", "1"]) == 0
    capsys.readouterr()
    assert main(["prune", "--keep", "1"]) == 0
    assert "removed version 2, version 3" in told(capsys)
    assert main(["prune", "--keep", "1"]) == 0
    assert "removed nothing" in told(capsys)
    assert main(["prune", "--keep", "0"]) == 2
    assert "keep at least 1" in told(capsys)


@pytest.mark.parametrize("command", ["list", "rollback", "prune --keep 1"])
def test_a_model_that_is_not_there_is_told_with_those_that_are(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = [*command.split(), "--model-name", "pets"]
    (tmp_path / "model").mkdir()
    assert main(unknown) == 2
    assert "where nothing is published yet; `trainer run --model-name pets`" in told(capsys)
    publish_sample(tmp_path / "model")
    (tmp_path / "model" / "empty").mkdir()
    assert main(unknown) == 2
    line = f"no model 'pets' in {tmp_path}/model; published are {NAME}: choose with --model-name"
    assert told(capsys).endswith(line)
    assert not (tmp_path / "model" / "pets").exists()


@pytest.mark.parametrize("command", ["list", "rollback", "prune --keep 1"])
def test_a_model_folder_that_is_not_there_is_told(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.split()) == 2
    remedy = f"or `trainer run --model-name {NAME}` makes it"
    named = "name the one that models are published to"
    assert told(capsys).endswith(f"MODEL_DIR='{tmp_path}/model': no such folder; {named}, {remedy}")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("command", ["list", "rollback", "prune --keep 1"])
def test_a_model_folder_that_is_a_file_is_told(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").touch()
    assert main(command.split()) in {0, 2, 75}
    told(capsys)


@pytest.mark.parametrize("kind", ["data", "model", "imgs"])
def test_a_run_into_a_file_is_told(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / kind).touch()
    assert World(tmp_path).run() in {2, 75}
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert str(tmp_path / kind) in shown.splitlines()[-1]


@pytest.mark.parametrize("command", ["fit", "export", "publish"])
def test_a_dataset_that_is_a_file_is_told(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(tmp_path)
    world.data.parent.mkdir()
    world.data.touch()
    assert world.trainer(command) == 3
    assert str(world.data) in told(capsys)


def test_a_disk_that_is_full_of_checkpoints_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = prepared(tmp_path / "world")
    with small_volume(tmp_path / "small") as volume:
        (world.data / "runs").symlink_to(volume)
        assert world.trainer("fit") == 75
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    last = shown.splitlines()[-1]
    assert str(world.data / "runs") in last
    assert "full" in last or "No space left" in last
    assert world.status()["state"] == "failed"


def test_unusable_urls_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert World(tmp_path).trainer("run", "--data", "ftp://example.org/a.zip") == 2
    assert "no usable http or https URL" in told(capsys)
