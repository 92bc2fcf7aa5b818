"""Flask with ONNX Runtime, for gunicorn."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from flask import Flask, request
from PIL import Image

folder = Path(os.environ["MODEL_FOLDER"])
labels = json.loads((folder / "manifest.json").read_text())["labels"]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(folder / "model.onnx", options)
size = tuple(session.get_inputs()[0].shape[2:0:-1])
app = Flask(__name__)


@app.post("/predict")
def predict() -> dict[str, object]:
    """The most probable class of an uploaded image."""
    image = Image.open(request.files["file"].stream)
    image.draft("RGB", (2 * size[0], 2 * size[1]))
    pixels = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR))
    row = session.run(None, {"image": pixels[np.newaxis]})[0][0]
    best = int(row.argmax())
    return {"label": labels[best], "probability": float(row[best])}
