"""Puts images that wait at the same time into one run of the model.

A run takes what is waiting, at most `LARGEST_BATCH`, and never waits for more: alone, an image
is not held up; under load, the images that came during one run make up the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inference.model import LARGEST_BATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inference.metrics import Metrics
    from inference.model import Model


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    model: Model
    image: NDArray[np.uint8]
    row: asyncio.Future[NDArray[np.float32]]


class Batcher:
    """One per application; all of it runs in the event loop, but the model's runs."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._waiting: deque[_Waiting] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def probabilities(self, model: Model, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify an image, `[height, width, 3]`, together with others for the same model.

        Returns:
            `[classes]`.
        """
        waiting = _Waiting(model, image, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await waiting.row

    def close(self) -> None:
        """End the thread, once its run is over."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next():
                self._metrics.batch_images.observe(len(batch))
                await _answer(batch, loop.run_in_executor(self._thread, _classify, batch))
        finally:
            self._runner = None

    def _next(self) -> list[_Waiting]:
        """The images at the head of the queue that are for one and the same model."""
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < LARGEST_BATCH:
            if self._waiting[0].row.cancelled():
                self._waiting.popleft()
            elif batch and self._waiting[0].model is not batch[0].model:
                break
            else:
                batch.append(self._waiting.popleft())
        return batch


def _classify(batch: list[_Waiting]) -> NDArray[np.float32]:
    return batch[0].model.probabilities(np.stack([waiting.image for waiting in batch]))


async def _answer(batch: list[_Waiting], run: asyncio.Future[NDArray[np.float32]]) -> None:
    try:
        for waiting, row in zip(batch, await run, strict=True):
            if not waiting.row.done():
                waiting.row.set_result(row)
    except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
        for waiting in batch:
            if not waiting.row.done():
                waiting.row.set_exception(error)
