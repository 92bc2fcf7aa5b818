"""Stands for `docker buildx` and a registry, whose state is a folder; a test writes what fails.

`pushed` has a file for each image; `calls` has a line for each call; `fails` has what a build says
before it fails; `denied` has the registry refuse.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

STATE = Path(os.environ["FAKE_REGISTRY"])
CONFIG = json.loads(Path(os.environ["DOCKER_CONFIG"], "config.json").read_text())


def main() -> int:
    arguments = sys.argv[1:]
    with (STATE / "calls").open("a") as calls:
        calls.write(json.dumps(arguments) + "\n")
    (STATE / "config").write_text(json.dumps(CONFIG))
    if arguments[:2] == ["buildx", "bake"]:
        return show() if "--print" in arguments else build(arguments)
    return inspect(arguments[3])


def show() -> int:
    args = {"PYTHON_IMAGE": os.environ["PYTHON_IMAGE"]} if "PYTHON_IMAGE" in os.environ else {}
    services = ("trainer", "inference", "frontend")
    targets = {
        each: {"context": each, "dockerfile": "Dockerfile", "args": args} for each in services
    }
    sys.stdout.write(json.dumps({"target": targets}))
    return 0


def build(arguments: list[str]) -> int:
    if (STATE / "fails").exists():
        sys.stdout.write((STATE / "fails").read_text())
        return 1
    for each in arguments:
        if ".tags=" in each:
            path(each.partition(".tags=")[2]).write_text(each)
            sys.stdout.write(f"#1 pushing {each}\n")
    return 0


def inspect(name: str) -> int:
    if (STATE / "denied").exists():
        sys.stderr.write("ERROR: unexpected status: 403 Forbidden\n")
        return 1
    if not path(name).exists():
        sys.stderr.write(f"ERROR: {name}: not found\n")
        return 1
    sys.stdout.write(json.dumps(f"sha256:{hashlib.sha256(name.encode()).hexdigest()}") + "\n")
    return 0


def path(name: str) -> Path:
    return STATE / "pushed" / name.replace("/", "+")


if __name__ == "__main__":
    sys.exit(main())
