"""The manifest of an exported model, before publishing gives it a version."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version as package_version
from typing import TYPE_CHECKING

from trainer.options import published_fingerprint
from trainer.recipes import STRETCH_BILINEAR

if TYPE_CHECKING:
    from trainer.card import Facts
    from trainer.dataset import Dataset
    from trainer.evaluation import Evaluation
    from trainer.runs import Run

PACKAGES = ("keras", "numpy", "onnx", "onnxruntime", "pillow", "tf2onnx")


def draft_manifest(
    dataset: Dataset, run: Run, on_test: Evaluation, facts: Facts, tensorflow: str
) -> dict[str, object]:
    """All of a manifest but format, name, version, created, samples and files."""
    size, quantized = run.options.image_size, facts.quantization
    return {
        "input": {
            "name": "image",
            "dtype": "uint8",
            "height": size,
            "width": size,
            "recipe": STRETCH_BILINEAR,
        },
        "output": {"name": "probabilities"},
        "labels": dataset.classes,
        "metrics": {
            "accuracy": on_test.accuracy,
            "validation_accuracy": facts.validation_accuracy,
            "calibration_error": on_test.calibration_error,
            "temperature": facts.temperature,
            "classes": [asdict(score) for score in on_test.classes],
        },
        "dataset": {
            "name": dataset.name,
            "sha256": dataset.sha256,
            "source": dataset.source,
            "train": len(dataset.train),
            "val": len(dataset.val),
            "test": len(dataset.test),
            "attribution": dataset.attribution,
        },
        "training": {
            "fingerprint": published_fingerprint(
                run.fingerprint, quantized.kind if quantized else None
            ),
            "epochs": facts.outcome.epochs,
            "best_epoch": facts.outcome.best_epoch,
            "seed": run.options.seed,
            "seconds": facts.outcome.seconds,
            "device": facts.outcome.device,
            "settings": asdict(run.options),
        },
        **({"quantization": asdict(quantized)} if quantized else {}),
        "packages": {
            "python": platform.python_version(),
            "tensorflow": tensorflow,
            **{name: package_version(name) for name in PACKAGES},
        },
    }
