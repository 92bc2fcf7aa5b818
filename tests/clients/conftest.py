from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/contract/golden"
SECONDS = 60.0
COLOURS = ("blue", "green", "red")
LABELS = [f"0.999330:{index}:{colour}" for index, colour in enumerate(COLOURS)]
#: Of an image in the first channel alone, so that it is red, and so on.
PROBABILITIES = np.full((3, 3), 0.00033524, np.float32) + np.eye(3, dtype=np.float32) * 0.99899435


def pixels(*colours: str) -> NDArray[np.uint8]:
    """Images of one colour, `[N, 8, 8, 3]`."""
    made = np.zeros((len(colours), 8, 8, 3), np.uint8)
    for image, colour in zip(made, colours, strict=True):
        image[..., 2 - COLOURS.index(colour)] = 255
    return made


def red_png() -> bytes:
    return (GOLDEN / "model/good/golden/2/sample-red.png").read_bytes()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of the real model server with the golden model."""
    with running("good", tmp_path_factory.mktemp("good") / "log") as address:
        yield address


@pytest.fixture(scope="session")
def unready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same, but the version that it is to serve is damaged."""
    with running("corrupt", tmp_path_factory.mktemp("corrupt") / "log") as address:
        yield address


@contextmanager
def running(repository: str, log: Path) -> Iterator[str]:
    settings = {
        "MODEL_DIR": str(GOLDEN / "model" / repository),
        "MODEL_NAME": "golden",
        "PORT": "0",
        "LOG_FORMAT": "json",
        "MAX_BODY_BYTES": "1000000",
        "QUEUE_SIZE": "4",
    }
    with log.open("wb") as file:
        process = subprocess.Popen(
            [ROOT / ".nox/env_inference/bin/inference"], env=os.environ | settings, stderr=file
        )
    try:
        yield f"127.0.0.1:{wait_for_port(process, log)}"
        told = [event["level"] for event in events(log) if "exception" in event]
        assert not told, log.read_text()
    finally:
        process.terminate()
        process.wait(SECONDS)


def wait_for_port(process: subprocess.Popen[bytes], log: Path) -> int:
    """The port, once the model was loaded, or found to be damaged."""
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        told = events(log)
        if any(event["message"] == "serving" or event["level"] == "error" for event in told):
            return int(next(event["port"] for event in told if "port" in event))
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def events(log: Path) -> list[dict[str, str]]:
    *lines, _unfinished = log.read_text().split("\n")
    return [json.loads(line) for line in lines]
