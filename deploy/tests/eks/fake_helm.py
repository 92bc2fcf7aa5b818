"""Stands for helm and a cluster's releases: a folder with a file for each; a test writes them too.

`calls` has a line for each call; `fails` has what an upgrade says before it fails; `version` has
helm's own; `waits` keeps a release pending until it was asked for so often.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

STATE = Path(os.environ["FAKE_HELM"])


def main() -> int:
    verb, *rest = sys.argv[1:]
    with (STATE / "calls").open("a") as calls:
        calls.write(json.dumps(sys.argv[1:]) + "\n")
    if verb == "version":
        path = STATE / "version"
        return tell(path.read_text() if path.exists() else "v3.19.0")
    return {
        "get": values,
        "list": releases,
        "rollback": rollback,
        "uninstall": uninstall,
        "upgrade": upgrade,
    }[verb](rest)


def releases(arguments: list[str]) -> int:
    name = option(arguments, "--filter").strip("^$")
    release = read(name)
    waits = STATE / "waits"
    if release and waits.exists() and "pending" in release["status"]:
        left = int(waits.read_text()) - 1
        waits.write_text(str(left))
        if left <= 0:
            write(release | {"status": "deployed"})
    return tell(json.dumps([release] if release else []))


def values(arguments: list[str]) -> int:
    release = read(arguments[1])
    return tell(json.dumps(release["values"])) if release else 1


def upgrade(arguments: list[str]) -> int:
    if (STATE / "fails").exists():
        return tell((STATE / "fails").read_text()) or 1
    name, source = arguments[1:3]
    if source.endswith(".tgz"):
        chart = Path(source).stem
    else:
        chart = f"{source.rpartition('/')[2]}-{option(arguments, '--version')}"
    given = json.loads(Path(option(arguments, "--values")).read_text())
    write({"name": name, "chart": chart, "status": "deployed", "values": given})
    return 0


def rollback(arguments: list[str]) -> int:
    release = read(arguments[0])
    if release:
        write(release | {"status": "deployed", "values": {}})
    return 0


def uninstall(arguments: list[str]) -> int:
    (STATE / arguments[0]).unlink()
    return 0


def read(name: str) -> dict[str, Any] | None:
    path = STATE / name
    return dict(json.loads(path.read_text())) if path.exists() else None


def write(release: dict[str, Any]) -> None:
    (STATE / release["name"]).write_text(json.dumps(release))


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def tell(text: str) -> int:
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
