"""From uploaded images to the answer of `POST /predict`."""

from __future__ import annotations

import asyncio
import heapq
import logging
import re
import time
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from inference.batcher import Batcher
from inference.budget import Budget
from inference.errors import (
    BadRequestError,
    ModelFaultError,
    NotAnImageError,
    RequestError,
    TooLargeError,
)
from inference.logs import fields
from inference.model import ModelError, are_probabilities
from inference.recipes import RECIPES, TooManyPixelsError, UnreadableImageError
from inference.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from inference.manifest import Manifest
    from inference.metrics import Metrics
    from inference.model import Model
    from inference.settings import Settings

log = logging.getLogger(__name__)

#: Encoded, or the pixels `[height, width, 3]` that the model takes.
Image: TypeAlias = "Upload | NDArray[np.uint8]"

DEFAULT_TOP_K = 5

_NAME_LETTERS = 80


class Predictor:
    """Decodes and classifies in threads, as many as there are cores."""

    def __init__(self, settings: Settings, metrics: Metrics, cores: int) -> None:
        self._metrics = metrics
        self._max_pixels = settings.max_pixels
        self._queue = Budget(settings.queue_size)
        self._batcher: Batcher[Image, NDArray[np.float32]] = Batcher(self._classify, cores)
        metrics.queue_images.set_function(lambda: self._queue.taken)

    def require_place(self) -> None:
        """See that an image can be taken on; before its body is read, which costs time, too.

        Raises:
            BusyError: as many images wait as may.
        """
        self._queue.require(1)

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

    async def rows(self, model: Model, images: Sequence[Image]) -> list[NDArray[np.float32]]:
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
            answers = [self._batcher.submit(model, image) for image in images]
            rows = await _all(answers)
        for row in rows:
            self._metrics.prediction(model.manifest.labels[int(row.argmax())])
        return rows

    def close(self) -> None:
        """End the threads, once their images are classified."""
        self._batcher.close()

    def _classify(
        self, model: Model, images: Sequence[Image]
    ) -> list[NDArray[np.float32] | Exception]:
        """What each of a batch's images gets."""
        pixels = [_pixels(image, model.manifest, self._max_pixels) for image in images]
        readable = [each for each in pixels if isinstance(each, np.ndarray)]
        if readable:
            self._metrics.batch_images.observe(len(readable))
        rows = iter(_rows(model, readable))
        answers = [each if isinstance(each, RequestError) else next(rows) for each in pixels]
        return [
            _fault(model, image, answer) if isinstance(answer, ModelError) else answer
            for image, answer in zip(images, answers, strict=True)
        ]


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


def _pixels(image: Image, manifest: Manifest, max_pixels: int) -> NDArray[np.uint8] | RequestError:
    """What the model takes, or why the image is refused."""
    if isinstance(image, np.ndarray):
        return image
    decode = RECIPES[manifest.recipe]
    try:
        return decode(bytes(image.content), manifest.height, manifest.width, max_pixels)
    except UnreadableImageError as error:
        return NotAnImageError(f"{_told(image)}: {error}")
    except TooManyPixelsError as error:
        return TooLargeError(f"{_told(image)}: {error}")


def _rows(
    model: Model, pixels: Sequence[NDArray[np.uint8]]
) -> list[NDArray[np.float32] | ModelError]:
    if not pixels:
        return []
    try:
        rows = model.probabilities(np.stack(pixels))
    except ModelError as error:
        return [error] * len(pixels)
    fault = ModelError("it gives values that are no probabilities")
    sound = are_probabilities(rows)
    return [row if good else fault for row, good in zip(rows, sound, strict=True)]


def _fault(model: Model, image: Image, reason: ModelError) -> ModelFaultError:
    """What is to be raised; the log gets the reason, since it is no fault of the client's."""
    version = model.manifest.version
    log.error("the model failed", extra=fields(version=version, reason=str(reason)))
    return ModelFaultError(f"{_told(image)}: version {version} of the model fails on it")


def _told(image: Image) -> str:
    if not isinstance(image, Upload) or image.filename is None:
        return "the image"
    cut = "..." if len(image.filename) > _NAME_LETTERS else ""
    return ascii(image.filename[:_NAME_LETTERS] + cut)


def _top(manifest: Manifest, row: NDArray[np.float32], top_k: int) -> list[dict[str, object]]:
    values = row.tolist()
    best = heapq.nlargest(top_k, range(len(values)), key=values.__getitem__)
    return [
        {
            "label": manifest.labels[index],
            "probability": round(min(max(values[index], 0.0), 1.0), 6),
        }
        for index in best
    ]


async def _all(answers: Sequence[asyncio.Future[NDArray[np.float32]]]) -> list[NDArray[np.float32]]:
    """Results in order; the first fault cancels the rest and is raised as it is."""
    try:
        if len(answers) == 1:  # mostly, and then there is nothing to gather
            return [await answers[0]]
        return await asyncio.gather(*answers)
    finally:
        for answer in answers:
            answer.cancel()
