"""Flask with Keras, as many tutorials have it: `model.predict` in Flask's own server."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keras
import numpy as np
from flask import Flask, request
from PIL import Image

folder = Path(os.environ["MODEL_FOLDER"])
labels = json.loads((folder / "manifest.json").read_text())["labels"]
model = keras.models.load_model(folder / "model.keras")
size = model.input_shape[2:0:-1]
app = Flask(__name__)


@app.post("/predict")
def predict() -> dict[str, object]:
    """The most probable class of an uploaded image."""
    image = Image.open(request.files["file"].stream)
    image.draft("RGB", (2 * size[0], 2 * size[1]))
    pixels = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR))
    row = model.predict(pixels[np.newaxis])[0]
    best = int(row.argmax())
    return {"label": labels[best], "probability": float(row[best])}


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
