from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from sample_model import contract

from trainer.card import Facts, Quantization
from trainer.dataset import Dataset, Example
from trainer.draft import draft_manifest
from trainer.evaluation import ClassScore, Evaluation
from trainer.options import Options, published_fingerprint
from trainer.runs import Outcome, open_run

EXAMPLE = Example("a.png", "a", "0" * 64)
DATASET = Dataset(
    "pets",
    Path("pets"),
    "a" * 64,
    ("a", "b"),
    (EXAMPLE,) * 7,
    (EXAMPLE,) * 2,
    (EXAMPLE,) * 3,
    "https://example.org/pets.zip",
    "me",
    "2026-01-31T12:00:00Z",
    {},
    (),
)
EVALUATION = Evaluation(
    0.75, 0.04, np.eye(2, dtype=np.int64), (ClassScore("a", 1, 0.5, 2), ClassScore("b", 0, 1, 1))
)
OUTCOME = Outcome(3, 2, 61.4, "CPU", "2026-01-31T12:00:00Z")
FACTS = Facts("pets", 99, OUTCOME, 0.5, 1.25, 2e-7)
ADDED = {
    "format": 1,
    "name": "pets",
    "version": 1,
    "created": "2026-01-31T12:00:00Z",
    "samples": [],
    "files": {"model.onnx": {"bytes": 1, "sha256": "0" * 64}},
}


def test_a_draft_becomes_a_manifest_that_keeps_the_contract() -> None:
    run = open_run(DATASET, Options(image_size=24, epochs=60, seed=5))
    draft = draft_manifest(DATASET, run, EVALUATION, FACTS, "2.21.0")
    assert not ADDED.keys() & draft.keys()
    manifest = json.loads(json.dumps(draft | ADDED))
    contract("manifest").validate(manifest)
    assert manifest["labels"] == ["a", "b"]
    assert manifest["input"]["height"] == manifest["input"]["width"] == 24
    assert manifest["metrics"] == {
        "accuracy": 0.75,
        "validation_accuracy": 0.5,
        "calibration_error": 0.04,
        "temperature": 1.25,
        "classes": [
            {"label": "a", "precision": 1, "recall": 0.5, "images": 2},
            {"label": "b", "precision": 0, "recall": 1, "images": 1},
        ],
    }
    assert {split: manifest["dataset"][split] for split in ("train", "val", "test")} == {
        "train": 7,
        "val": 2,
        "test": 3,
    }
    assert manifest["dataset"]["source"] == "https://example.org/pets.zip"
    training = manifest["training"]
    assert (training["epochs"], training["best_epoch"], training["seed"]) == (3, 2, 5)
    assert training["fingerprint"] == run.fingerprint
    assert training["settings"]["epochs"] == 60
    assert {"python", "tensorflow", "onnxruntime", "pillow"} <= manifest["packages"].keys()
    assert "quantization" not in manifest


def test_a_draft_tells_that_a_model_is_quantised() -> None:
    run = open_run(DATASET, Options(image_size=24, epochs=60))
    facts = replace(FACTS, quantization=Quantization("int8", 0.995, 200, 0.03, 2000, 600))
    manifest = draft_manifest(DATASET, run, EVALUATION, facts, "2.21.0") | ADDED
    contract("manifest").validate(json.loads(json.dumps(manifest)))
    assert manifest["quantization"] == {
        "kind": "int8",
        "agreement": 0.995,
        "images": 200,
        "difference": 0.03,
        "float_bytes": 2000,
        "quantized_bytes": 600,
    }
    assert manifest["training"]["fingerprint"] == published_fingerprint(run.fingerprint, "int8")  # type: ignore[index] # a dict
