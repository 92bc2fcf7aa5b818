"""The `page` command: npm with the right Node.js, and a build only when it is needed."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from demo.errors import DemoError
from demo.node import find_node, find_on_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from demo.node import Node

LOCK, PAGE, VITE = "package-lock.json", "dist/index.html", "node_modules/vite/bin/vite.js"
INSTALLED, BUILT = "node_modules/.installed", "dist/.built"
NO_SOURCES = {"node_modules", "dist"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        if arguments.action == "find-node":
            node = find_on_path()
            sys.stdout.write(str(node.program) if node else "")
            return 0
        if arguments.action == "build":
            build(find_node(), arguments.folder)
            return 0
        if arguments.action == "serve":
            serve(find_node(), arguments.folder)
        return npm(find_node(), arguments.folder, (arguments.action, *arguments.arguments))
    except DemoError as error:
        sys.stderr.write(f"page: {error}\n")
        return error.exit_code


def build_parser() -> argparse.ArgumentParser:
    """What `page` can do."""
    parser = argparse.ArgumentParser(
        prog="page",
        description="Builds the page, serves it, or runs one of its npm scripts.",
        epilog="examples:\n  page build\n  page run test",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--folder", type=Path, default=Path("frontend"))
    parser.add_argument("action", choices=("find-node", "build", "serve", "run", "update"))
    parser.add_argument("arguments", nargs="*")
    return parser


def build(node: Node, folder: Path) -> None:
    """Installs the packages and builds the page, each only when something has changed.

    Raises:
        DemoError: npm failed, or the folder holds no page.
    """
    if not (folder / LOCK).is_file():
        raise DemoError(f"{folder}: no {LOCK} here; --folder names the page's folder")
    with alone_in(folder):
        installed = fingerprint([folder / LOCK], node)
        if read(folder / INSTALLED) != installed:
            must(node, folder, ("ci", "--no-audit", "--no-fund"))
            (folder / INSTALLED).write_text(installed)
        built = fingerprint(sources(folder), node)
        if read(folder / BUILT) != built:
            must(node, folder, ("run", "build"))
            (folder / BUILT).write_text(built)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Waits until no other process builds in the folder; a process that ends lets go of it."""
    with (folder / LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def serve(node: Node, folder: Path) -> NoReturn:
    """Becomes the server of the built page; PORT, HOST and BACKEND_URL are its settings.

    Raises:
        DemoError: there is no built page.
    """
    if not (folder / PAGE).is_file() or not (folder / VITE).is_file():
        raise DemoError(f"{folder}: the page is not built; `page build` does it")
    os.chdir(folder)
    command = (str(node.program), VITE, "preview", "--logLevel", "warn")
    os.execv(node.program, command)  # noqa: S606 - no shell is wanted


def npm(node: Node, folder: Path, arguments: Sequence[str]) -> int:
    """Runs npm in the page's folder, with the same Node.js for all that it starts."""
    path = os.pathsep.join((str(node.program.parent), os.environ.get("PATH", "")))
    command = (*node.npm, *arguments)
    return subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": path}, check=False
    ).returncode


def must(node: Node, folder: Path, arguments: Sequence[str]) -> None:
    """Runs npm, which must succeed."""
    if npm(node, folder, arguments):
        raise DemoError(f"`npm {' '.join(arguments)}` in {folder} failed; its output is above")


def sources(folder: Path) -> list[Path]:
    """All files that a build may depend on, in order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not NO_SOURCES.intersection(path.relative_to(folder).parts)
    )


def fingerprint(files: Iterable[Path], node: Node) -> str:
    """A hash of the files' names and contents, and of which Node.js works on them."""
    digest = hashlib.sha256(str(node.program).encode())
    for path in files:
        digest.update(f"{path}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read(path: Path) -> str:
    """The text of a file, empty when there is none."""
    return path.read_text() if path.is_file() else ""
