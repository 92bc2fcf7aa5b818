"""Lets threads take images that wait at the same time together.

A thread takes its share of what is waiting, at most `LARGEST_BATCH`, and never waits for more:
alone, an image is not held up; under load, those that came during one batch make up the next.
One thread does all that a batch needs, since each hand-over to another costs as much as the
decoding of a small image.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from inference.model import LARGEST_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inference.model import Model

Image = TypeVar("Image")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Image, Answer]):
    model: Model
    image: Image
    answer: asyncio.Future[Answer]


class Batcher(Generic[Image, Answer]):
    """One per application; made and asked in its event loop."""

    def __init__(
        self,
        classify: Callable[[Model, Sequence[Image]], Sequence[Answer | Exception]],
        threads: int,
    ) -> None:
        """Call `classify` in so many threads; it gives an answer or a fault for each image."""
        self._classify = classify
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="model")
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting[Image, Answer]] = deque()
        self._running = 0

    def submit(self, model: Model, image: Image) -> asyncio.Future[Answer]:
        """The answer for an image; one that is cancelled while it waits costs nothing more."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append(_Waiting(model, image, answer))
            start = self._running < self._threads
            self._running += start
        if start:
            self._executor.submit(self._run)
        return answer

    def close(self) -> None:
        """End the threads, once their batches are answered."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while batch := self._take():
            answers = self._answers(batch)
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
                batch[0].answer.get_loop().call_soon_threadsafe(_settle, batch, answers)

    def _take(self) -> list[_Waiting[Image, Answer]]:
        """This thread's share of what is waiting for one and the same model."""
        batch: list[_Waiting[Image, Answer]] = []
        with self._lock:
            share = min(LARGEST_BATCH, -(-len(self._waiting) // self._threads))
            while self._waiting and len(batch) < share:
                if self._waiting[0].answer.cancelled():
                    self._waiting.popleft()
                elif batch and self._waiting[0].model is not batch[0].model:
                    break
                else:
                    batch.append(self._waiting.popleft())
            if not batch:
                self._running -= 1
        return batch

    def _answers(self, batch: list[_Waiting[Image, Answer]]) -> Sequence[Answer | Exception]:
        try:
            return self._classify(batch[0].model, [waiting.image for waiting in batch])
        except Exception as fault:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            return [fault] * len(batch)


def _settle(batch: list[_Waiting[Image, Answer]], answers: Sequence[Answer | Exception]) -> None:
    for waiting, answer in zip(batch, answers, strict=True):
        if waiting.answer.done():  # cancelled meanwhile
            continue
        if isinstance(answer, Exception):
            waiting.answer.set_exception(answer)
        else:
            waiting.answer.set_result(answer)
