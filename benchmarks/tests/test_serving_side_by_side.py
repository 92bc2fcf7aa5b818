from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from serving_contenders import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("option", "code", "told"),
    [("--help", 0, "usage: ./noxw -s bench_serving -- [-h]"), ("--only=a", 1, "choose from ")],
)
def test_options_are_read_before_anything_is_installed(
    tmp_path: Path, option: str, code: int, told: str
) -> None:
    offline = {"UV_OFFLINE": "1", "UV_NO_CACHE": "1"}  # what would be installed fails at once
    done = subprocess.run(
        ["./noxw", "-s", "bench_serving", "--", option],
        cwd=ROOT,
        env=os.environ | offline | {"NOX_ENVDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert told in done.stdout + done.stderr
    assert not list(tmp_path.glob("env_*"))
