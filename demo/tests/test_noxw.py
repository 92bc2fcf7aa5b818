from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("dirname", "cmp", "rm", "cp", "mkdir")
NEEDED = (
    "noxw: Python 3.11, 3.12 or 3.13 (with its venv module) is needed, "
    "and was not found or not usable here\n"
)
OLD = "#!/bin/sh\nexit 1\n"  # what the check of a Python's version gets from one that is too old


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh clone with a PATH of its own, on which there is no Python at all."""
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (tmp_path / "bin" / tool).symlink_to(found)
    for name in ("noxw", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_without_any_python_one_line_tells_what_is_needed(checkout: Path) -> None:
    told = run(checkout)
    assert (told.stderr, told.stdout, told.returncode) == (NEEDED, "", 1)


@pytest.mark.parametrize("name", ["python3", "python3.11", "python3.13"])
def test_with_an_unusable_python_one_line_tells_what_is_needed(checkout: Path, name: str) -> None:
    add(checkout, name, OLD)
    told = run(checkout)
    assert (told.stderr, told.stdout, told.returncode) == (NEEDED, "", 1)


def test_with_a_uv_that_has_no_python_one_line_tells_what_is_needed(checkout: Path) -> None:
    add(checkout, "uvx", OLD)
    add(checkout, "uv", "#!/bin/sh\necho 'no interpreter found' >&2\nexit 2\n")
    told = run(checkout)
    assert (told.stderr, told.stdout, told.returncode) == (NEEDED, "", 1)


def add(checkout: Path, name: str, script: str) -> None:
    program = checkout / "bin" / name
    program.write_text(script)
    program.chmod(0o755)


def run(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", checkout / "noxw", "--list"],
        env={"PATH": str(checkout / "bin")},
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
