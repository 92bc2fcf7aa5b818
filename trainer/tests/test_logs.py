from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from trainer import logs
from trainer.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = logging.getLogger("trainer.test")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def configured(log_format: str = "text", log_level: str = "info") -> None:
    logs.configure(Settings(log_format=log_format, log_level=log_level))


def event(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = capsys.readouterr().err.splitlines()
    read: dict[str, Any] = json.loads(line)
    return read


def test_json_is_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configured("json")
    LOG.warning("a\nb %d", 1, extra=logs.fields(count=3, path="x"))
    read = event(capsys)
    assert read.pop("time").endswith("+00:00")
    assert read == {
        "level": "warning",
        "logger": "trainer.test",
        "message": "a\nb 1",
        "count": 3,
        "path": "x",
    }


def test_text_is_a_line_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    configured()
    LOG.error("a\nb\x1b[2J\x85é", extra=logs.fields(name="x\ry"))
    (line,) = capsys.readouterr().err.split("\n")[:-1]
    assert line[8:] == " error   a\\nb\\x1b[2J\\x85é name=x\\ry"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_stays_in_its_line(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configured(log_format)
    try:
        raise ValueError("why")  # noqa: TRY301 - the traceback is the point
    except ValueError:
        LOG.exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: why" in line


@pytest.mark.parametrize(
    ("stream", "log_format", "is_json"),
    [
        (io.StringIO, "auto", True),
        (Terminal, "auto", False),
        (io.StringIO, "text", False),
        (Terminal, "json", True),
    ],
)
def test_auto_is_text_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], log_format: str, *, is_json: bool
) -> None:
    stderr = stream()
    monkeypatch.setattr(sys, "stderr", stderr)
    configured(log_format)
    LOG.info("x")
    assert stderr.getvalue().startswith("{") == is_json


def test_lines_go_where_stderr_is_now(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured()
    later = io.StringIO()
    monkeypatch.setattr(sys, "stderr", later)
    LOG.info("x")
    assert (capsys.readouterr().err, later.getvalue()[-2:]) == ("", "x\n")


def test_a_closed_stderr_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    configured()
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    LOG.info("x")


def test_the_level_is_kept_and_libraries_whisper(capsys: pytest.CaptureFixture[str]) -> None:
    configured(log_level="warning")
    LOG.info("quiet")
    configured(log_level="debug")
    LOG.debug("loud")
    for library in ("PIL", "httpx", "tensorflow"):
        logging.getLogger(library).info("chatter")
    assert [line[-4:] for line in capsys.readouterr().err.splitlines()] == ["loud"]


def test_what_libraries_warn_their_callers_of_is_not_for_users(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configured("json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("careful", stacklevel=1)
        logging.captureWarnings(capture=False)
    assert not capsys.readouterr().err
