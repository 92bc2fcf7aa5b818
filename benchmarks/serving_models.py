"""Makes what model servers are measured with: two networks, for ONNX Runtime and Keras, and photos.

A script of its own, so that the process that measures has none of these libraries loaded: what
processes share would be missing in the others' memory.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

import keras
from keras import layers
from PIL import Image, ImageOps

from prepare import read_photos
from trainer.checkpoints import read_weights
from trainer.model import build_model

SIZES = {"small": 32, "medium": 128}
PHOTOS = {"320": (320, 240), "1280": (1280, 960), "32": (32, 32)}
COUNT, QUALITY = 64, 85


def main(data: str, target: str) -> None:
    """Writes `model/<name>/1`, `keras/<name>/1` and `photos/<kind>/*.jpg` into a folder."""
    folder = Path(target)
    for name, size in SIZES.items():
        train(data, folder, name, size)
        save_for_keras(folder, name, size)
    with tempfile.TemporaryDirectory() as temporary:
        photos = read_photos(data, Path(temporary))
    random.Random(0).shuffle(photos)  # noqa: S311 - a repeatable choice
    for kind, size_of_kind in PHOTOS.items():
        write_photos(photos[:COUNT], folder / "photos" / kind, size_of_kind)


def train(data: str, folder: Path, name: str, size: int) -> None:
    """Publishes a model; how good it is does not matter here."""
    environment = {
        "MODEL_DIR": str(folder / "model"),
        "DATA_DIR": str(folder / "data"),
        "IMAGES_DIR": str(folder / "imgs"),
        "MODEL_NAME": name,
    }
    command = [sys.executable, "-m", "trainer", "run", "--data", data]
    options = ["--image-size", str(size), "--epochs", "1"]
    done = subprocess.run([*command, *options], env=os.environ | environment, check=False)
    if done.returncode != 0:
        raise SystemExit("the training that the measurement needs has failed; why is above")


def save_for_keras(folder: Path, name: str, size: int) -> None:
    """Saves the network that was published, with the same weights, as Keras does."""
    text = (folder / "model" / name / "1/manifest.json").read_text()
    manifest = json.loads(text)
    network = build_model(size, len(manifest["labels"]))
    run = manifest["training"]["fingerprint"][:16]
    read_weights(folder / "data" / manifest["dataset"]["name"] / "runs" / run / "best.npz", network)
    logits = layers.Rescaling(1 / manifest["metrics"]["temperature"])(network.output)
    model = keras.Model(network.input, layers.Softmax()(logits))
    target = folder / "keras" / name / "1"
    target.mkdir(parents=True)
    model.save(target / "model.keras")
    (target / "manifest.json").write_text(text)


def write_photos(photos: list[bytes], folder: Path, size: tuple[int, int]) -> None:
    """Writes photos, scaled and cut to a size, as JPEGs."""
    folder.mkdir(parents=True)
    for number, photo in enumerate(photos):
        with Image.open(BytesIO(photo)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        ImageOps.fit(upright, size).save(folder / f"{number:02}.jpg", quality=QUALITY)


if __name__ == "__main__":
    main(*sys.argv[1:])
