"""Stands for kubectl and a cluster, whose state is a folder; a test writes what is to happen.

scenario.json: `moments`, of which each look at pods uses up one, the last one staying: the Job's
`status`, its `pods`; `logs` by pod; `configmaps`; `events`; `races`, Jobs that somebody else makes
a moment earlier; `down`, calls that fail first; `no-events`, such calls for events alone.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

STATE = Path(os.environ["FAKE_CLUSTER"])
SCENARIO: dict[str, Any] = json.loads((STATE / "scenario.json").read_text())
REFUSED = "The connection to the server 127.0.0.1:1 was refused - did you specify the right host?"


def main() -> int:
    arguments = sys.argv[1:]
    with (STATE / "calls").open("a") as calls:
        calls.write(json.dumps(arguments) + "\n")
    if arguments[0] == "kustomize":
        return kustomize(arguments[1])
    if arguments[:2] != ["--context", "kind-test"]:
        return fail(f'error: context "{arguments[1]}" does not exist')
    if used_up("down") < SCENARIO.get("down", 0):
        return fail(REFUSED)
    verb, *rest = arguments[4:]
    return {"get": get, "create": create, "delete": delete, "logs": logs}[verb](rest)


def kustomize(folder: str) -> int:
    path = Path(folder, "rendered.yaml")
    if not path.is_file():
        return fail(f"error: unable to find one of 'kustomization.yaml' in directory '{folder}'")
    return tell(path.read_text())


def get(arguments: list[str]) -> int:
    kind, name = arguments[:2]
    if kind == "events" and used_up("no-events") < SCENARIO.get("no-events", 0):
        return fail(REFUSED)
    lists = {
        "events": SCENARIO.get("events", []),
        "jobs": [json.loads(path.read_text()) for path in jobs()],
        "nodes": [{"metadata": {"name": "the-node"}}],
    }
    if kind in lists:
        return tell(json.dumps({"items": lists[kind]}))
    if kind == "configmap":
        return tell("{}" if name in SCENARIO["configmaps"] else "")
    return get_moment(kind, STATE / "jobs" / name)


def get_moment(kind: str, path: Path) -> int:
    moments = SCENARIO["moments"]
    if kind == "pods":
        moment = moments[min(used_up("moments"), len(moments) - 1)]
        return tell(json.dumps({"items": moment["pods"]}))
    moment = moments[min(count("moments"), len(moments) - 1)]
    job = {**json.loads(path.read_text()), "status": moment["status"]} if path.is_file() else None
    return tell(json.dumps(job) if job else "")


def create(_: list[str]) -> int:
    manifest = json.load(sys.stdin)
    metadata = manifest["metadata"]
    metadata.setdefault("name", metadata.get("generateName", "") + "abcde")
    metadata["creationTimestamp"] = f"2026-01-01T00:00:{len(jobs()):02}Z"
    path = STATE / "jobs" / metadata["name"]
    if used_up("races") < SCENARIO.get("races", 0):
        path.write_text(json.dumps(manifest))
    if path.exists():
        name = metadata["name"]
        return fail(f'Error from server (AlreadyExists): jobs.batch "{name}" already exists')
    path.write_text(json.dumps(manifest))
    return tell(json.dumps(manifest))


def delete(arguments: list[str]) -> int:
    (STATE / "jobs" / arguments[1]).unlink(missing_ok=True)
    return 0


def logs(arguments: list[str]) -> int:
    return tell(SCENARIO["logs"].get(arguments[0], ""))


def jobs() -> list[Path]:
    return sorted((STATE / "jobs").iterdir())


def used_up(what: str) -> int:
    """How often this was asked for before."""
    before = count(what)
    (STATE / f"count-{what}").write_text(str(before + 1))
    return before


def count(what: str) -> int:
    path = STATE / f"count-{what}"
    return int(path.read_text()) if path.exists() else 0


def tell(text: str) -> int:
    sys.stdout.write(text)
    return 0


def fail(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
