"""From uploaded images to the answer of `POST /predict`."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from inference.batcher import Batcher
from inference.budget import Budget
from inference.errors import (
    BadRequestError,
    ModelFaultError,
    NotAnImageError,
    TooLargeError,
)
from inference.logs import fields
from inference.model import ModelError, are_probabilities
from inference.recipes import RECIPES, TooManyPixelsError, UnreadableImageError
from inference.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from numpy.typing import NDArray

    from inference.manifest import Manifest
    from inference.metrics import Metrics
    from inference.model import Model
    from inference.settings import Settings

log = logging.getLogger(__name__)

DEFAULT_TOP_K = 5

_NAME_LETTERS = 80


class Predictor:
    """Decodes in threads, classifies in batches."""

    def __init__(self, settings: Settings, metrics: Metrics, cores: int) -> None:
        self._metrics = metrics
        self._max_pixels = settings.max_pixels
        self._queue = Budget(settings.queue_size)
        self._batcher = Batcher(metrics)
        metrics.queue_images.set_function(lambda: self._queue.taken)
        self._threads = ThreadPoolExecutor(cores, thread_name_prefix="decode")

    async def answer(
        self, model: Model, name: str, uploads: Sequence[Upload], top_k: int
    ) -> dict[str, object]:
        """The most probable classes of each image, all by one model.

        Raises:
            BusyError: more images wait than the service takes on.
            ModelFaultError: the model gives no probabilities for an image.
            NotAnImageError: an image cannot be read.
            TooLargeError: an image has too many pixels.
        """
        began = time.perf_counter()
        rows = await self.rows(model, uploads)
        manifest = model.manifest
        return {
            "model": {"name": name, "version": manifest.version},
            "predictions": [
                {"filename": upload.filename, "top": _top(manifest, row, top_k)}
                for upload, row in zip(uploads, rows, strict=True)
            ],
            "milliseconds": round((time.perf_counter() - began) * 1000, 3),
        }

    async def rows(
        self, model: Model, images: Sequence[Upload | NDArray[np.uint8]]
    ) -> list[NDArray[np.float32]]:
        """The probabilities `[classes]` of each image, all by one model.

        Args:
            model: that is asked.
            images: encoded, or the pixels `[height, width, 3]` that the model takes.

        Raises:
            BusyError: more images wait than the service takes on.
            ModelFaultError: the model gives no probabilities for an image.
            NotAnImageError: an image cannot be read.
            TooLargeError: an image has too many pixels.
        """
        with self._queue.lease() as places:
            places.take(len(images))
            rows = await _all([self._classify(model, image) for image in images])
        for row in rows:
            self._metrics.prediction(model.manifest.labels[int(row.argmax())])
        return rows

    def close(self) -> None:
        """End the threads, once their images are decoded."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._batcher.close()

    async def _classify(
        self, model: Model, image: Upload | NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        loop = asyncio.get_running_loop()
        if isinstance(image, Upload):
            pixels = await loop.run_in_executor(
                self._threads, _decode, image, model.manifest, self._max_pixels
            )
        else:
            pixels = image
        try:
            row = await self._batcher.probabilities(model, pixels)
        except ModelError as error:
            raise _fault(model, image, str(error)) from error
        if not are_probabilities(row):
            raise _fault(model, image, "it gives values that are no probabilities")
        return row


def parse_top_k(values: Sequence[str]) -> int:
    """The query's `top_k`, of which there may be one.

    Raises:
        BadRequestError: it is no whole number from 1.
    """
    if not values:
        return DEFAULT_TOP_K
    if len(values) > 1 or not re.fullmatch(r"0{0,9}[1-9][0-9]{0,8}", values[0]):
        raise BadRequestError("top_k must be one whole number from 1")
    return int(values[0])


def _decode(upload: Upload, manifest: Manifest, max_pixels: int) -> NDArray[np.uint8]:
    decode = RECIPES[manifest.recipe]
    try:
        return decode(bytes(upload.content), manifest.height, manifest.width, max_pixels)
    except UnreadableImageError as error:
        raise NotAnImageError(f"{_told(upload)}: {error}") from error
    except TooManyPixelsError as error:
        raise TooLargeError(f"{_told(upload)}: {error}") from error


def _fault(model: Model, image: Upload | NDArray[np.uint8], reason: str) -> ModelFaultError:
    """What is to be raised; the log gets the reason, since it is no fault of the client's."""
    version = model.manifest.version
    log.error("the model failed", extra=fields(version=version, reason=reason))
    return ModelFaultError(f"{_told(image)}: version {version} of the model fails on it")


def _told(image: Upload | NDArray[np.uint8]) -> str:
    if not isinstance(image, Upload) or image.filename is None:
        return "the image"
    cut = "..." if len(image.filename) > _NAME_LETTERS else ""
    return ascii(image.filename[:_NAME_LETTERS] + cut)


def _top(manifest: Manifest, row: NDArray[np.float32], top_k: int) -> list[dict[str, object]]:
    best = np.argsort(-row, kind="stable")[:top_k]
    return [
        {"label": manifest.labels[index], "probability": round(float(row[index].clip(0, 1)), 6)}
        for index in best.tolist()
    ]


async def _all(
    work: Sequence[Coroutine[None, None, NDArray[np.float32]]],
) -> list[NDArray[np.float32]]:
    """Results in order; the first fault cancels the rest and is raised as it is."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
