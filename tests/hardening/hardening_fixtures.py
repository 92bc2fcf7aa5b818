"""What the drills of the bare model server share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_process import clients_apart, running_inference
from versions import GOLDEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference_process import Inference

CORPUS = Path(__file__).parent / "corpus"


@pytest.fixture(scope="session")
def proc() -> None:
    """Linux, whose /proc tells what a process holds, and which keeps it on a core."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("reads Linux's /proc")


@pytest.fixture(scope="module")
def inference(
    proc: None,  # noqa: ARG001 - nothing is measured without it
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Inference]:
    """A server for the tests of one file, on a core of its own."""
    folder = tmp_path_factory.mktemp("inference")
    with running_inference(folder) as inference, clients_apart():
        yield inference


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A progressive JPEG of 1280 x 960 pixels, with a camera's grain: 100 kB, and 7 ms to decode.

    That is about what a photo and a model of 128 px take together.
    """
    return (CORPUS / "photo.jpg").read_bytes()


@pytest.fixture(scope="session")
def red() -> bytes:
    """A small PNG that the model knows."""
    return (GOLDEN / "sample-red.png").read_bytes()
