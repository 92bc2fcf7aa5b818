"""A small version to publish, and what must hold of a repository whatever happened to it."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator

from trainer.publishing import publish

CONTRACT = Path(__file__).parents[2] / "tests" / "contract"
NAME = "digits"
MANIFEST: dict[str, object] = {
    "input": {
        "name": "image",
        "dtype": "uint8",
        "height": 32,
        "width": 32,
        "recipe": "stretch-bilinear-1",
    },
    "output": {"name": "probabilities"},
    "labels": ["0", "été"],
    "metrics": {
        "accuracy": 0.99,
        "validation_accuracy": 0.98,
        "calibration_error": 0.01,
        "temperature": 1.2,
        "classes": [{"label": "0", "precision": 1, "recall": 1, "images": 7}],
    },
    "dataset": {
        "name": "digits",
        "sha256": "a" * 64,
        "source": "digits",
        "attribution": "CC BY 4.0",
        "train": 7,
        "val": 1,
        "test": 2,
    },
    "packages": {"onnx": "1.23.0"},
    "samples": [{"file": "sample-0.png", "label": "0"}],
}


@cache
def contract(name: str) -> Draft202012Validator:
    schema = json.loads((CONTRACT / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def sample_manifest(fingerprint: str = "f" * 64) -> dict[str, object]:
    training = {
        "fingerprint": fingerprint,
        "epochs": 3,
        "best_epoch": 2,
        "seed": 0,
        "seconds": 1.5,
        "device": "cpu",
        "settings": {},
    }
    return {**MANIFEST, "training": training}


def sample_files(folder: Path, size: int = 20_000) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = {"model.onnx": folder / "exported.onnx", "sample-0.png": folder / "0.png"}
    files["model.onnx"].write_bytes(b"x" * size)
    files["sample-0.png"].write_bytes(b"png")
    return files


def publish_sample(
    model_dir: Path, fingerprint: str = "f" * 64, *, sources: Path | None = None
) -> int:
    files = sample_files(sources or model_dir.parent / "sources")
    return publish(model_dir, NAME, files, sample_manifest(fingerprint))


def check_repository(model_dir: Path) -> int:
    """Every numbered folder is whole and current.json names one; written without the reader."""
    folder = model_dir / NAME
    digests = {
        int(path.name): _check_version(path) for path in folder.iterdir() if path.name.isdigit()
    }
    pointer = json.loads((folder / "current.json").read_bytes())
    contract("current").validate(pointer)
    assert digests[pointer["version"]] == pointer["manifest_sha256"]
    number: int = pointer["version"]
    return number


def _check_version(folder: Path) -> str:
    data = (folder / "manifest.json").read_bytes()
    manifest = json.loads(data)
    contract("manifest").validate(manifest)
    assert (manifest["name"], str(manifest["version"])) == (NAME, folder.name)
    assert {path.name for path in folder.iterdir()} == {*manifest["files"], "manifest.json"}
    for name, listed in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (
            listed["bytes"],
            listed["sha256"],
        )
    return hashlib.sha256(data).hexdigest()
