from __future__ import annotations

import sys

import pytest

from deploy.eks import processes
from deploy.errors import UnreachableError, UsageError

ENDLESS = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_program_s_output_and_fault_are_apart() -> None:
    code = "import os, sys; print(os.environ['X']); sys.exit('bad')"
    done = processes.answer([sys.executable, "-c", code], {"X": "y"})
    assert (done.returncode, done.stdout, done.stderr) == (1, "y\n", "bad\n")


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="no-such-program: cannot be started"):
        processes.answer(["no-such-program"], {})


def test_a_program_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "ANSWER_SECONDS", 0.1)
    with pytest.raises(UnreachableError, match="no answer within"):
        processes.answer(ENDLESS, {})


def test_a_program_that_takes_too_long_is_ended() -> None:
    with processes.started(ENDLESS, {}) as process, processes.ended_after(process, 0.1):
        assert list(process.stdout or ()) == []
    assert process.returncode


def test_nobody_is_left_behind() -> None:
    with pytest.raises(KeyboardInterrupt), processes.started(ENDLESS, {}) as process:
        raise KeyboardInterrupt
    assert process.returncode
