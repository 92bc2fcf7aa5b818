"""A version of 8-bit integers, made by the trainer of what the demo has trained, is served."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from jsonschema import Draft202012Validator

from inference_process import running_inference

if TYPE_CHECKING:
    from demo_process import Demo

ROOT = Path(__file__).parents[2]
SCHEMA = Path(__file__).parent / "manifest.schema.json"
NAME = "digits"


def test_a_quantised_version_is_served(demo: Demo, tmp_path: Path) -> None:
    version = publish_quantized(demo, tmp_path)
    manifest: dict[str, Any] = json.loads((version / "manifest.json").read_bytes())
    Draft202012Validator(json.loads(SCHEMA.read_bytes())).validate(manifest)
    made = manifest["quantization"]
    assert made["agreement"] >= 0.99
    assert made["quantized_bytes"] < made["float_bytes"] / 2
    volumes = {"MODEL_DIR": str(tmp_path / "model"), "MODEL_NAME": NAME}
    with (
        running_inference(tmp_path / "process", **volumes) as inference,
        httpx.Client(base_url=f"http://127.0.0.1:{inference.port}", trust_env=False) as client,
    ):
        assert client.get("/ready").is_success
        right = 0
        for sample in manifest["samples"]:
            picture = (version / sample["file"]).read_bytes()
            answer = client.post("/predict", files={"file": picture}).raise_for_status().json()
            right += answer["predictions"][0]["top"][0]["label"] == sample["label"]
        assert right >= len(manifest["samples"]) - 1


def publish_quantized(demo: Demo, folder: Path) -> Path:
    """The folder of a version of its own, beside the demo's, which goes on as it is."""
    shutil.copytree(demo.folder / "data", folder / "data")
    volumes = {
        "MODEL_DIR": str(folder / "model"),
        "DATA_DIR": str(folder / "data"),
        "IMAGES_DIR": str(demo.folder / "imgs"),
    }
    for step in (("export", "--quantize", "int8"), ("publish",)):
        subprocess.run(
            [ROOT / ".nox/env_trainer/bin/trainer", *step],
            env=os.environ | volumes | {"MODEL_NAME": NAME},
            check=True,
        )
    return folder / "model" / NAME / "1"
