"""MLServer with a custom runtime, as its documentation writes one."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import List  # noqa: UP035 - the codec is found by this type

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import decode_args
from PIL import Image


class Classifier(MLModel):
    """Decodes, classifies and names the most probable class of each image of a batch."""

    async def load(self) -> bool:
        """Loads the model."""
        folder = Path(self.settings.parameters.uri)
        self.labels = json.loads((folder / "manifest.json").read_text())["labels"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", options)
        self.size = tuple(self.session.get_inputs()[0].shape[2:0:-1])
        return True

    @decode_args
    async def predict(self, image: List[bytes]) -> List[str]:  # noqa: UP006 - see above
        """An answer in JSON for each encoded image."""
        pixels = np.stack([self.decode(each) for each in image])
        rows = self.session.run(None, {"image": pixels})[0]
        return [
            json.dumps({"label": self.labels[row.argmax()], "probability": float(row.max())})
            for row in rows
        ]

    def decode(self, data: bytes) -> np.ndarray:
        """Pixels of an encoded image."""
        image = Image.open(BytesIO(data))
        image.draft("RGB", (2 * self.size[0], 2 * self.size[1]))
        return np.asarray(image.convert("RGB").resize(self.size, Image.Resampling.BILINEAR))
