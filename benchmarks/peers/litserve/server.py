"""LitServe, as its documentation serves images: multipart uploads, put into batches.

Annotations are no strings here, since LitServe looks at the type of the request.
"""

import json
import os
from pathlib import Path
from typing import Any

import litserve
import numpy as np
import onnxruntime
from fastapi import Request
from PIL import Image


class Classifier(litserve.LitAPI):
    """Decodes, classifies and names the most probable class."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - there is the processor alone
        """Loads the model, in the worker's process."""
        folder = Path(os.environ["MODEL_FOLDER"])
        self.labels = json.loads((folder / "manifest.json").read_text())["labels"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", options)
        self.size = tuple(self.session.get_inputs()[0].shape[2:0:-1])

    def decode_request(self, request: Request) -> Any:  # noqa: ANN401 - as in the base class
        """Pixels of an upload; LitServe hands on the form where a Request is asked for."""
        image = Image.open(request["file"].file)
        image.draft("RGB", (2 * self.size[0], 2 * self.size[1]))
        return np.asarray(image.convert("RGB").resize(self.size, Image.Resampling.BILINEAR))

    def batch(self, inputs: list[Any]) -> Any:  # noqa: ANN401 - as in the base class
        """One array of what waits."""
        return np.stack(inputs)

    def predict(self, x: Any) -> Any:  # noqa: ANN401 - as in the base class
        """Rows of probabilities."""
        return self.session.run(None, {"image": x})[0]

    def encode_response(self, output: Any) -> dict[str, object]:  # noqa: ANN401 - the same
        """The answer."""
        best = int(output.argmax())
        return {"label": self.labels[best], "probability": float(output[best])}


if __name__ == "__main__":
    classifier = Classifier(max_batch_size=8, batch_timeout=0.005)
    server = litserve.LitServer(classifier, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), generate_client_file=False)
