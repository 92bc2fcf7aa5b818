from __future__ import annotations

import logging
import os
import pty
import re
import subprocess
import sys

import pytest
import talking_bar

from trainer import console


def on_a_terminal(program: str) -> str:
    """What a program's stderr shows on a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "24"}
    command = [sys.executable, program]
    with subprocess.Popen(command, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while part := _read(ours):
            shown += part
    os.close(ours)
    assert process.returncode == 0
    return shown.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux's word for the end
        return b""


def test_a_terminal_shows_a_bar_below_whole_log_lines() -> None:
    shown = on_a_terminal(talking_bar.__file__)
    assert "━" in shown
    assert "9/10" in shown
    # Of each line only what comes after the last return to its start stays on the screen.
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert "epoch 3 · 0:00:0" in plain
    lines = [line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() for line in plain.split("\n")]
    told = [line for line in lines if "log line" in line]
    assert len(told) == 3
    for number, line in enumerate(told, start=1):
        assert re.fullmatch(rf"\d\d:\d\d:\d\d info +log line {number} is whole", line)
    last_bar = max(index for index, line in enumerate(lines) if "━" in line)
    assert last_bar > lines.index(told[-1])


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(console, "monotonic", made)
    return made


def test_elsewhere_a_line_is_told_every_ten_seconds_at_most(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with console.progress("prepare") as tell:
        for done in range(35):
            clock.now = 100.0 + done
            tell(1000 * done, 50_000, "note")
    assert caplog.messages == [f"prepare: {done},000 of 50,000, note" for done in (10, 20, 30)]


def test_elsewhere_an_unknown_total_is_not_told(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with console.progress("prepare") as tell:
        clock.now += 10
        tell(1234, None)
    assert caplog.messages == ["prepare: 1,234"]
