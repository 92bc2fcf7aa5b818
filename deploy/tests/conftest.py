from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import hypothesis
import pytest
from scenarios import HERE, Cluster

if TYPE_CHECKING:
    from pathlib import Path

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    state, programs = tmp_path / "cluster", tmp_path / "bin"
    (state / "jobs").mkdir(parents=True)
    programs.mkdir()
    for name in ("kubectl", "docker"):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE}/fake_{name}.py" "$@"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_CLUSTER", str(state))
    return Cluster(state)
