"""Decode and inference in a plain loop, by the model server's own parts, without a server."""

from __future__ import annotations

import os
import sys
import time
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from inference import model, recipes
from inference.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PIXELS = 50_000_000
WARM_UP_SECONDS = 1.0


def main(version: str, photos: str, seconds: str) -> None:
    """Tells the images a second, by the clock and of the processor: one at a time, one thread."""
    folder = Path(version)
    repository = Repository(folder.parent)
    manifest = repository.manifest(int(folder.name))
    loaded = model.load(repository.verified_model(manifest), manifest, threads=1)
    decode = recipes.RECIPES[manifest.recipe]

    def classify(photo: bytes) -> None:
        pixels = decode(photo, manifest.height, manifest.width, MAX_PIXELS)
        loaded.probabilities(pixels[None])

    images = [path.read_bytes() for path in sorted(Path(photos).iterdir())]
    loop(classify, images, WARM_UP_SECONDS)
    used = time.process_time()
    count, passed = loop(classify, images, float(seconds))
    used = time.process_time() - used
    sys.stdout.write(f"{count / passed} {count / used}\n")


def loop(
    classify: Callable[[bytes], None], images: list[bytes], seconds: float
) -> tuple[int, float]:
    """Goes through the images again and again; tells how many those were, in how many seconds."""
    began = time.perf_counter()
    for number, photo in enumerate(cycle(images)):
        if (passed := time.perf_counter() - began) >= seconds:
            return number, passed
        classify(photo)
    raise SystemExit("there are no images")


if __name__ == "__main__":
    main(*sys.argv[1:])
