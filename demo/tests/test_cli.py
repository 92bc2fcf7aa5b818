from __future__ import annotations

import os
import re
import signal
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.cli import main, model_name

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Starter

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_servers_and_their_children(demo: Starter, number: signal.Signals) -> None:
    running = demo(FAKE_INFERENCE="parent", FAKE_PAGE="parent")
    running.wait_for_fake("child", times=2)
    running.wait_for("Ctrl-C stops it")
    running.signal(number)
    assert running.finish() == 128 + number
    assert running.lines[-1] == "demo: stopped\n"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_the_training(demo: Starter, number: signal.Signals) -> None:
    running = demo(FAKE_TRAINER="wait parent")
    running.wait_for_fake("child")
    running.signal(number)
    assert running.finish() == 128 + number
    assert running.roles == ["trainer", "child"]


def test_what_ignores_sigterm_is_killed(demo: Starter) -> None:
    running = demo("--grace=0.2", FAKE_INFERENCE="stubborn parent", FAKE_CHILD="stubborn")
    running.wait_for("ready: ")
    running.signal(signal.SIGINT)
    assert running.finish() == 128 + signal.SIGINT


def test_more_signals_while_stopping_leave_none_behind(demo: Starter) -> None:
    running = demo("--grace=1", FAKE_INFERENCE="stubborn parent")
    running.wait_for("ready: ")
    running.signal(signal.SIGINT)
    running.wait_for('"ignores": "SIGTERM"')
    for number in SIGNALS:
        running.signal(number)
    assert running.finish() == 128 + signal.SIGINT


def test_an_open_connection_does_not_keep_it(demo: Starter) -> None:
    running = demo("--grace=0.2", FAKE_PAGE="stubborn")
    running.wait_for("ready: ")
    with socket.create_connection(("127.0.0.1", demo.port)) as browser:
        browser.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert browser.recv(12) == b"HTTP/1.1 200"
        running.signal(signal.SIGINT)
        assert running.finish() == 128 + signal.SIGINT


def test_it_ends_with_what_started_it(demo: Starter) -> None:
    command = " ".join(demo.command())
    running = demo.start(["sh", "-c", f"{command}; true"], FAKE_INFERENCE="parent")
    running.wait_for("ready: ")
    running.signal(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    assert "demo: stopped, since what started it has ended\n" in running.lines


def test_nohup_is_respected(demo: Starter) -> None:
    running = demo.start(["nohup", *demo.command()])
    running.wait_for("ready: ")
    running.signal(signal.SIGHUP)
    running.signal(signal.SIGINT)
    assert running.finish() == 128 + signal.SIGINT


def test_it_can_be_stopped_in_the_background(demo: Starter) -> None:
    running = demo.start(["sh", "-c", 'trap "" INT; exec "$@"', "sh", *demo.command()])
    running.wait_for("ready: ")
    running.signal(signal.SIGINT)
    assert running.finish() == 128 + signal.SIGINT


def test_a_server_that_is_killed_is_named_and_stops_the_other(demo: Starter) -> None:
    running = demo(FAKE_PAGE="parent")
    server = running.wait_for_fake("inference")
    running.wait_for("ready: ")
    os.kill(server["pid"], signal.SIGKILL)
    assert running.finish() == 1
    said = "demo: the model server was ended by SIGKILL; why is above. Everything is stopped\n"
    assert running.lines[-1] == said


def test_a_server_that_ends_before_it_is_ready_is_named(demo: Starter) -> None:
    running = demo(FAKE_PAGE="exit=4 parent")
    assert running.finish() == 1
    assert "demo: the page's server ended with exit code 4; why is above" in running.output


def test_a_trainer_that_fails_gives_its_exit_code_and_starts_no_server(demo: Starter) -> None:
    running = demo(FAKE_TRAINER="exit=3")
    assert running.finish() == 3
    assert running.roles == ["trainer"]
    assert running.lines[-1] == "demo: the trainer ended with exit code 3; why is above\n"


def test_a_setting_that_the_model_server_refuses_starts_no_training(demo: Starter) -> None:
    running = demo(FAKE_CHECK="2")
    assert running.finish() == 2
    assert running.lines == ["demo: the model server ended with exit code 2; why is above\n"]


def test_a_trainer_that_is_killed_fails(demo: Starter) -> None:
    running = demo(FAKE_TRAINER="wait parent")
    trainer = running.wait_for_fake("trainer")
    running.wait_for_fake("child")
    os.kill(trainer["pid"], signal.SIGKILL)
    assert running.finish() == 1
    assert running.lines[-1] == "demo: the trainer was ended by SIGKILL; why is above\n"


def test_children_that_the_trainer_forgot_are_ended(demo: Starter) -> None:
    running = demo("--once", FAKE_TRAINER="parent")
    assert running.finish() == 0


def test_a_missing_program_is_one_line(demo: Starter, tmp_path: Path) -> None:
    (tmp_path / ".nox/env_trainer/bin/trainer").unlink()
    running = demo()
    assert running.finish() == 1
    assert running.lines[-1].startswith("demo: the trainer cannot be started: ")


@pytest.mark.parametrize("option", ["--port", "--inference-port"])
def test_a_busy_port_is_named_before_any_work(demo: Starter, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        running = demo(f"{option}={port}")
        assert running.finish() == 2
    assert running.output == (
        f"demo: port {port} cannot be used: Address already in use; stop what uses it, "
        f"or choose another with {option}\n"
    )


def test_two_servers_need_two_ports(demo: Starter) -> None:
    running = demo(f"--port={demo.inference_port}")
    assert running.finish() == 2
    said = f"demo: --port and --inference-port are both {demo.inference_port}; choose two\n"
    assert running.output == said


@pytest.mark.parametrize("option", ["--port", "--inference-port"])
@pytest.mark.parametrize(
    "value", ["0", "65536", "-1", "80a", "", "3_000", "\N{FULLWIDTH DIGIT THREE}", "9" * 5000]
)
def test_a_wrong_port_is_one_line(
    capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main([f"{option}={value}"])
    hint = f"{value!r} is no port; give one from 1 to 65535; --help tells the options"
    assert capsys.readouterr().err == f"demo: argument {option}: {hint}\n"


@pytest.mark.parametrize("value", ["0", "100001", "-1", "many", "1.5", "", "9" * 5000])
def test_a_wrong_number_of_epochs_is_one_line(
    capsys: pytest.CaptureFixture[str], value: str
) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["--check", f"--epochs={value}"])
    hint = f"{value!r} is no number of epochs; give one from 1 to 100000; --help tells the options"
    assert capsys.readouterr().err == f"demo: argument --epochs: {hint}\n"


def test_checking_does_nothing_else(demo: Starter) -> None:
    running = demo("--check", "--epochs=100000")
    assert running.finish() == 0
    assert running.lines == []


def test_checking_finds_a_busy_port(demo: Starter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        running = demo("--check", f"--port={other.getsockname()[1]}")
        assert running.finish() == 2


def test_once_prints_the_answer(demo: Starter) -> None:
    running = demo("--once")
    assert running.finish() == 0
    assert running.lines[-1] == "digits version 1: a.png, a 7, is 7 with 98.0%\n"


def test_a_proxy_for_the_network_is_not_used(demo: Starter) -> None:
    dead = "http://127.0.0.1:9"
    running = demo("--once", http_proxy=dead, HTTP_PROXY=dead, ALL_PROXY=dead, no_proxy="")
    assert running.finish() == 0


def test_the_services_get_their_settings(demo: Starter, tmp_path: Path) -> None:
    running = demo("--data", "/my/photos.tar.gz", "--once")
    trainer, inference = running.wait_for_fake("trainer"), running.wait_for_fake("inference")
    page = running.wait_for_fake("page")
    running.finish()
    shared = {
        "MODEL_NAME": "photos",
        "MODEL_DIR": str(tmp_path / ".local/model"),
        "DATA_DIR": str(tmp_path / ".local/data"),
        "IMAGES_DIR": str(tmp_path / ".local/imgs"),
        "LOG_FORMAT": "text",
    }
    assert shared.items() <= trainer["settings"].items()
    listening = {"HOST": "127.0.0.1", "PORT": str(demo.inference_port), "LOG_LEVEL": "warning"}
    assert (shared | listening).items() <= inference["settings"].items()
    backend = f"http://127.0.0.1:{demo.inference_port}"
    listening = {"HOST": "127.0.0.1", "PORT": str(demo.port), "BACKEND_URL": backend}
    assert listening.items() <= page["settings"].items()
    assert page["arguments"] == ["--folder", str(tmp_path / "frontend"), "serve"]


def test_settings_of_the_environment_win(demo: Starter) -> None:
    own = {"MODEL_NAME": "mine", "MODEL_DIR": "/m", "DATA_DIR": "/d", "IMAGES_DIR": "/i"}
    own |= {"LOG_LEVEL": "debug", "LOG_FORMAT": "json"}
    running = demo("--once", **own)
    trainer, inference = running.wait_for_fake("trainer"), running.wait_for_fake("inference")
    running.finish()
    assert own.items() <= trainer["settings"].items()
    assert own.items() <= inference["settings"].items()


def test_empty_settings_count_as_not_given(demo: Starter) -> None:
    running = demo("--once", MODEL_NAME="", LOG_LEVEL="")
    assert running.wait_for_fake("trainer")["settings"]["MODEL_NAME"] == "digits"
    assert running.wait_for_fake("inference")["settings"]["LOG_LEVEL"] == "warning"
    running.finish()


def test_the_trainer_gets_its_options(demo: Starter) -> None:
    running = demo("--once", "--data=-x", "--epochs=3", "--retrain", "--allow-private")
    options = running.wait_for_fake("trainer")["arguments"]
    running.finish()
    assert options == [
        *("run", "--switch", "--data=-x", "--epochs=3", "--retrain", "--allow-private")
    ]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("digits", "digits"),
        ("/home/me/My photos/", "My-photos"),
        ("flowers.tar.gz", "flowers"),
        ("https://example.org/sets/cats.zip?token=a/b#top", "cats"),
        ("https://example.org", "example"),
        ("http://[", "classifier"),
        ("/data/a#b", "a-b"),
        ("..", "classifier"),
        ("写真", "classifier"),
        ("-x-", "x"),
        ("a" * 65, "a" * 64),
    ],
)
def test_model_name(data: str, name: str) -> None:
    assert model_name(data) == name


@given(st.text() | st.text("ab-_./:?#[]é\n", max_size=100))
def test_a_model_name_is_always_valid(data: str) -> None:
    assert NAME.fullmatch(model_name(data))
