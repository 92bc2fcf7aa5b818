"""A folder of pictures, and where a trainer keeps what it makes of them."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from trainer import cli
from trainer.dataset import read_dataset
from trainer.settings import Settings
from trainer.split import split_of

COLOURS = {"red": (200, 60, 60), "teal": (50, 150, 160)}
COUNTS = {"train": 21, "val": 4, "test": 5}  # of each colour
NAME = "colours"


@dataclass(frozen=True)
class World:
    root: Path

    @property
    def settings(self) -> Settings:
        return Settings(
            model_dir=self.root / "model",
            data_dir=self.root / "data",
            images_dir=self.root / "imgs",
            model_name=NAME,
            epochs=3,
            image_size=16,
        )

    @property
    def model(self) -> Path:
        return self.root / "model" / NAME

    @property
    def data(self) -> Path:
        return self.root / "data" / NAME

    def trainer(self, *arguments: str, **variables: str) -> int:
        """Run the command line in this world and return its exit code."""
        environment = {
            **{f"{kind.upper()}_DIR": str(self.root / kind) for kind in ("model", "data")},
            "IMAGES_DIR": str(self.root / "imgs"),
            "MODEL_NAME": NAME,
            "DATASET": NAME,
            "EPOCHS": "3",
            "IMAGE_SIZE": "16",
            "LOG_FORMAT": "text",
            **variables,
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            return cli.main(arguments)

    def run(self, *arguments: str, **variables: str) -> int:
        return self.trainer("run", "--data", str(pictures()), *arguments, **variables)

    def status(self) -> dict[str, Any]:
        return read_json(self.model / "training.json")

    def manifest(self, version: int) -> dict[str, Any]:
        return read_json(self.model / str(version) / "manifest.json")

    def current(self) -> int:
        return int(read_json(self.model / "current.json")["version"])

    def versions(self) -> list[str]:
        return sorted(path.name for path in self.model.glob("[0-9]*"))

    def run_folder(self) -> Path:
        (folder,) = (self.data / "runs").iterdir()
        return folder


def read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


@cache
def pictures() -> Path:
    folder = _temporary() / NAME
    for label, colour in COLOURS.items():
        (folder / label).mkdir(parents=True)
        for number, data in enumerate(_of_colour(colour)):
            (folder / label / f"{number}.png").write_bytes(data)
    return folder


@cache
def _trained() -> World:
    world = World(_temporary())
    assert world.run() == 0
    assert read_dataset(world.data).classes == tuple(sorted(COLOURS))
    return world


def trained(root: Path) -> World:
    """A world in which the pictures were prepared, trained on and published once."""
    shutil.copytree(_trained().root, root, dirs_exist_ok=True)
    return World(root)


def prepared(root: Path) -> World:
    """A world in which the pictures were prepared, and nothing else."""
    world = trained(root)
    shutil.rmtree(world.root / "model")
    shutil.rmtree(world.data / "runs")
    return world


def _of_colour(colour: tuple[int, int, int]) -> list[bytes]:
    left, found, number = dict(COUNTS), [], 0
    while any(left.values()):
        data = _noisy(colour, number)
        split = split_of(sha256(data).hexdigest())
        if left[split]:
            left[split] -= 1
            found.append(data)
        number += 1
    return found


def _noisy(colour: tuple[int, int, int], seed: int) -> bytes:
    noise = Random(seed).randbytes(16 * 16 * 3)
    pixels = bytes(colour[place % 3] + byte // 8 for place, byte in enumerate(noise))
    file = BytesIO()
    Image.frombytes("RGB", (16, 16), pixels).save(file, "PNG")
    return file.getvalue()


def _temporary() -> Path:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
