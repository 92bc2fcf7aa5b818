"""BentoML, as its documentation serves images: adaptive batching in one worker."""

from __future__ import annotations

import json
import os
from pathlib import Path

import bentoml
import numpy as np
import onnxruntime
from PIL import Image


@bentoml.service(workers=1, traffic={"timeout": 60})
class Classifier:
    """Decodes, classifies and names the most probable class of each image of a batch."""

    def __init__(self) -> None:
        """Loads the model."""
        folder = Path(os.environ["MODEL_FOLDER"])
        self.labels = json.loads((folder / "manifest.json").read_text())["labels"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", options)
        self.size = tuple(self.session.get_inputs()[0].shape[2:0:-1])

    @bentoml.api(route="/predict", batchable=True, max_batch_size=8)
    def predict(self, images: list[Path]) -> list[dict[str, object]]:
        """The most probable class of each."""
        rows = self.session.run(None, {"image": np.stack([self.decode(each) for each in images])})
        return [
            {"label": self.labels[row.argmax()], "probability": float(row.max())} for row in rows[0]
        ]

    def decode(self, path: Path) -> np.ndarray:
        """Pixels of an upload, which BentoML has put into a file."""
        image = Image.open(path)
        image.draft("RGB", (2 * self.size[0], 2 * self.size[1]))
        return np.asarray(image.convert("RGB").resize(self.size, Image.Resampling.BILINEAR))
