from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rehearsal import cli
from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from rehearsal.stand_ins import Rehearsal

PROGRAM = Path(sys.executable).with_name("rehearsal")


def run(*arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments], env={"PATH": path}, capture_output=True, text=True, check=False
    )


def test_the_help_has_examples() -> None:
    told = run("--help")
    assert told.returncode == 0
    for example in ("./noxw -s rehearse_eks -- --keep", "./noxw -s rehearse_eks -- serve"):
        assert example in told.stdout


def test_an_unknown_command_is_refused() -> None:
    told = run("perform")
    assert told.returncode == 2
    assert "invalid choice: 'perform'" in told.stderr


def test_all_that_is_missing_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "kubectl").touch(mode=0o755)
    told = run(path=str(tmp_path))
    assert told.returncode == 1
    (fault,) = told.stderr.splitlines()
    assert fault.startswith("rehearsal: docker, kind, ctlptl, helm: not on the PATH; ")


def test_without_the_program_one_line_tells_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cli, "PROGRAM", tmp_path / "eks")
    nothing: Rehearsal | None = None
    with pytest.raises(RehearsalError, match=r"not installed; `\./noxw -s env_deploy` does it"):
        cli.run(nothing, "deploy", name="one")  # type: ignore[arg-type]
