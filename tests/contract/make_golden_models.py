"""Write the golden model folders that inference must serve or refuse, each for its reason.

Run once and keep the result; run again only together with a new format:

    python tests/contract/make_golden_models.py

Each folder is a model repository of its own, for the model `golden`:

    good        two versions; the pointer names the second
    corrupt     the newest version's model.onnx is not what its manifest says
    future      the newest version's manifest has a format that no reader knows yet
    external    the newest version's graph keeps its weights in another file
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

GOLDEN = Path(__file__).parent / "golden" / "model"
NAME = "golden"
SIDE = 8
LABELS = ("blue", "green", "red")


def main() -> None:
    """Write `golden/model/<case>/golden/…`."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    publish(GOLDEN / "good", 1, graph(1.0))
    publish(GOLDEN / "good", 2, graph(8.0))
    for case in ("corrupt", "future", "external"):
        publish(GOLDEN / case, 1, graph(1.0))
    newest = publish(GOLDEN / "corrupt", 2, graph(8.0)) / "model.onnx"
    newest.write_bytes(newest.read_bytes()[:-1] + b"\0")
    publish(GOLDEN / "future", 2, graph(8.0), form=2)
    weights = np.zeros((3, 3), np.float32).tobytes()
    publish(GOLDEN / "external", 2, external(graph(8.0)), {"weights.bin": weights})


def graph(sharpness: float) -> onnx.ModelProto:
    """Softmax of the mean blue, green and red; so the strongest channel is the class.

    Args:
        sharpness: what the means, from 0 to 1, are multiplied by.
    """
    swap = np.fliplr(np.eye(3, dtype=np.float32)) * np.float32(sharpness / 255)
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "swap"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=-1),
    ]
    made = helper.make_graph(
        nodes,
        NAME,
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(LABELS)])],
        [
            numpy_helper.from_array(np.array([1, 2], np.int64), "axes"),
            numpy_helper.from_array(swap, "swap"),
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def external(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its weights in the file weights.bin."""
    swap = model.graph.initializer[1]
    swap.ClearField("raw_data")
    swap.data_location = TensorProto.EXTERNAL
    swap.external_data.add(key="location", value="weights.bin")
    return model


def publish(
    repository: Path,
    version: int,
    model: onnx.ModelProto,
    more: dict[str, bytes] | None = None,
    form: int = 1,
) -> Path:
    """Write a version and point current.json at it."""
    folder = repository / NAME / str(version)
    folder.mkdir(parents=True)
    Image.new("RGB", (4, 4), "red").save(folder / "sample-red.png")
    (folder / "model-card.md").write_text(f"# Golden model, version {version}\n")
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    for name, content in (more or {}).items():
        (folder / name).write_bytes(content)
    raw = json.dumps(manifest(folder, version) | {"format": form}, indent=2).encode()
    (folder / "manifest.json").write_bytes(raw)
    pointer = {"format": 1, "version": version, "manifest_sha256": digest(raw)}
    (folder.parent / "current.json").write_text(json.dumps(pointer, indent=2))
    return folder


def manifest(folder: Path, version: int) -> dict[str, object]:
    """What the schema asks for, about the files that lie in the folder."""
    scores = {"precision": 1.0, "recall": 1.0, "images": 2}
    return {
        "format": 1,
        "name": NAME,
        "version": version,
        "created": f"2025-01-0{version}T00:00:00Z",
        "input": {
            "name": "image",
            "dtype": "uint8",
            "height": SIDE,
            "width": SIDE,
            "recipe": "stretch-bilinear-1",
        },
        "output": {"name": "probabilities"},
        "labels": list(LABELS),
        "metrics": {
            "accuracy": 1.0,
            "validation_accuracy": 1.0,
            "calibration_error": 0.0,
            "temperature": 1.0,
            "classes": [{"label": label, **scores} for label in LABELS],
        },
        "dataset": {
            "name": "colours",
            "sha256": digest(b"colours"),
            "source": "colours",
            "train": 20,
            "val": 4,
            "test": 6,
        },
        "training": {
            "fingerprint": digest(b"fingerprint"),
            "epochs": 1,
            "best_epoch": 1,
            "seed": 0,
            "seconds": 1.0,
            "device": "cpu",
            "settings": {},
        },
        "packages": {},
        "samples": [{"file": "sample-red.png", "label": "red"}],
        "files": {path.name: entry(path) for path in sorted(folder.iterdir())},
    }


def entry(path: Path) -> dict[str, object]:
    """Size and SHA-256 of a file."""
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": digest(content)}


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
