"""What the demo has really published keeps to the schemas."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from demo_process import Demo

SCHEMAS = Path(__file__).parent


def test_the_pointer(demo: Demo) -> None:
    current = read(demo.model_folder / "current.json", "current")
    manifest = demo.model_folder / str(current["version"]) / "manifest.json"
    assert hashlib.sha256(manifest.read_bytes()).hexdigest() == current["manifest_sha256"]


def test_the_version(demo: Demo) -> None:
    manifest = read(demo.model_folder / "1" / "manifest.json", "manifest")
    listed = {name: (facts["bytes"], facts["sha256"]) for name, facts in manifest["files"].items()}
    found = {
        path.name: (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in (demo.model_folder / "1").iterdir()
        if path.name != "manifest.json"
    }
    assert listed == found
    assert {sample["file"] for sample in manifest["samples"]} <= found.keys()
    assert {sample["label"] for sample in manifest["samples"]} <= set(manifest["labels"])


def test_the_training(demo: Demo) -> None:
    training = read(demo.model_folder / "training.json", "training")
    assert (training["state"], training["version"]) == ("done", 1)


def test_nothing_half_done_is_left(demo: Demo) -> None:
    assert [path for path in demo.folder.rglob("*") if "staging" in path.name] == []


def read(path: Path, schema: str) -> dict[str, Any]:
    """A document that is valid by its schema."""
    validator = Draft202012Validator(json.loads((SCHEMAS / f"{schema}.schema.json").read_bytes()))
    document: dict[str, Any] = json.loads(path.read_bytes())
    assert [error.message for error in validator.iter_errors(document)] == []
    return document
