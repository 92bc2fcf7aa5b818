"""Stands for kubectl and a cluster of any kinds, whose state is a folder; a test writes the story.

story.json: `lists` by kind and `status` by kind/name, each a series of which every look uses up
one, the last one staying; what has neither comes from objects/, where create and apply put it.
`events` and `logs` by name; `faults` by verb, each given once, the first first. Overlays are
rendered by the real kubectl, at REAL_KUBECTL.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

STATE = Path(os.environ["FAKE_KUBERNETES"])
STORY: dict[str, Any] = json.loads((STATE / "story.json").read_text())
PLURALS = {"ingresses": "ingress"}
FLAGS = ("--kubeconfig", "--context", "--namespace")


def main() -> int:
    arguments = sys.argv[1:]
    if arguments[0] == "kustomize":
        os.execv(os.environ["REAL_KUBECTL"], ["kubectl", *arguments])  # noqa: S606 - no shell
    with (STATE / "calls").open("a") as calls:
        calls.write(json.dumps(arguments) + "\n")
    while arguments[0] in FLAGS:
        del arguments[:2]
    verb, *rest = arguments
    faults = STORY.get("faults", {}).get(verb, [])
    if (before := used_up(f"faults-{verb}")) < len(faults):
        sys.stderr.write(f"{faults[before]}\n")
        return 1
    return {
        "apply": apply,
        "create": create,
        "delete": delete,
        "diff": diff,
        "get": get,
        "logs": logs,
        "version": version,
    }[verb](rest)


def version(_: list[str]) -> int:
    return tell({"serverVersion": {"gitVersion": "v1.35.4"}})


def get(arguments: list[str]) -> int:
    kind, *rest = arguments
    if kind == "events":
        name = rest[1].partition("=")[2]
        return tell({"items": STORY.get("events", {}).get(name, [])})
    if rest[0] == "--selector":
        return tell({"items": listed(kind, rest[1])})
    found = read(path_of(kind, rest[0]))
    return tell(found) if found else 0


def listed(kind: str, selector: str) -> list[dict[str, Any]]:
    if series := STORY.get("lists", {}).get(kind):
        return list(series[min(used_up(f"lists-{kind}"), len(series) - 1)])
    wanted = dict(each.split("=") for each in selector.split(",") if each)
    paths = sorted((STATE / "objects").glob(f"{PLURALS.get(kind, kind[:-1])}-*"))
    found = [each for each in map(read, paths) if each]
    return [each for each in found if wanted.items() <= each["metadata"].get("labels", {}).items()]


def read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    found = dict(json.loads(path.read_text()))
    name = f"{found['kind'].lower()}/{found['metadata']['name']}"
    if series := STORY.get("status", {}).get(name):
        found["status"] = series[min(used_up(f"status-{path.name}"), len(series) - 1)]
    return found


def create(_: list[str]) -> int:
    manifest = json.load(sys.stdin)
    metadata = manifest["metadata"]
    metadata.setdefault("name", metadata.get("generateName", "") + "abcde")
    second = len(list((STATE / "objects").iterdir()))
    metadata |= {"uid": f"uid-{second}", "creationTimestamp": f"2026-01-01T00:00:{second:02}Z"}
    path = path_of(manifest["kind"], metadata["name"])
    if path.exists():
        sys.stderr.write(f'Error from server (AlreadyExists): "{path.name}" already exists\n')
        return 1
    path.write_text(json.dumps(manifest))
    return tell(manifest)


def apply(_: list[str]) -> int:
    for manifest in json.load(sys.stdin)["items"]:
        name = manifest["metadata"]["name"]
        path = path_of(manifest["kind"], name)
        same = is_there(manifest)
        verb = "unchanged" if same else "configured" if path.exists() else "created"
        path.write_text(json.dumps(manifest))
        sys.stdout.write(f"{manifest['kind'].lower()}/{name} {verb}\n")
    return 0


def diff(_: list[str]) -> int:
    return 0 if all(map(is_there, json.load(sys.stdin)["items"])) else 1


def is_there(manifest: dict[str, Any]) -> bool:
    path = path_of(manifest["kind"], manifest["metadata"]["name"])
    return path.exists() and path.read_text() == json.dumps(manifest)


def delete(arguments: list[str]) -> int:
    path_of(*arguments[:2]).unlink(missing_ok=True)
    return 0


def logs(arguments: list[str]) -> int:
    sys.stdout.write(STORY.get("logs", {}).get(arguments[0], ""))
    return 0


def path_of(kind: str, name: str) -> Path:
    return STATE / "objects" / f"{kind.lower()}-{name}"


def used_up(what: str) -> int:
    """How often this was asked for before."""
    path = STATE / f"count-{what}"
    before = int(path.read_text()) if path.exists() else 0
    path.write_text(str(before + 1))
    return before


def tell(document: object) -> int:
    sys.stdout.write(json.dumps(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
