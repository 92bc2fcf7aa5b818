from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from inference.batcher import Batcher
from inference.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from inference.model import Model


class Echo:
    """In a model's place: answers each image with its own first value, and notes its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.running = threading.Event()
        self.go_on = threading.Event()
        self.fault: Exception | None = None

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(images[:, 0].tolist())
        self.running.set()
        assert self.go_on.wait(30)
        if self.fault:
            raise self.fault
        return images.astype(np.float32)

    @property
    def model(self) -> Model:
        return cast("Model", self)


def image(value: int) -> NDArray[np.uint8]:
    return np.full(1, value, np.uint8)


async def until_running(echo: Echo) -> None:
    assert await asyncio.to_thread(echo.running.wait, 30)


def run(test: Callable[[Batcher], object]) -> None:
    async def with_batcher() -> None:
        batcher = Batcher(Metrics())
        try:
            await test(batcher)  # type: ignore[misc] # each test is a coroutine function
        finally:
            batcher.close()

    asyncio.run(with_batcher())


def test_the_first_goes_alone_and_those_that_wait_go_together() -> None:
    echo = Echo()

    async def test(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.probabilities(echo.model, image(0)))
        await until_running(echo)
        others = [batcher.probabilities(echo.model, image(value)) for value in range(1, 12)]
        waiting = asyncio.gather(*others)
        await asyncio.sleep(0)
        echo.go_on.set()
        assert (await first).tolist() == [0]
        assert [row.tolist() for row in await waiting] == [[value] for value in range(1, 12)]
        assert echo.batches == [[0], [1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11]]

    run(test)


def test_batches_never_mix_models() -> None:
    old, new = Echo(), Echo()
    old.go_on.set()
    new.go_on.set()

    async def test(batcher: Batcher) -> None:
        models = [old, old, new, old, new]
        await asyncio.gather(
            *(batcher.probabilities(echo.model, image(at)) for at, echo in enumerate(models))
        )
        assert (old.batches, new.batches) == ([[0, 1], [3]], [[2], [4]])

    run(test)


def test_what_is_cancelled_while_it_waits_is_not_run() -> None:
    echo = Echo()

    async def test(batcher: Batcher) -> None:
        tasks = [
            asyncio.create_task(batcher.probabilities(echo.model, image(value)))
            for value in range(3)
        ]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        echo.go_on.set()
        await tasks[2]
        assert [value for batch in echo.batches for value in batch] == [0, 2]

    run(test)


def test_a_fault_reaches_all_that_wait_and_the_next_ones_are_served() -> None:
    echo = Echo()
    echo.go_on.set()
    echo.fault = RuntimeError("broken")

    async def test(batcher: Batcher) -> None:
        rows = await asyncio.gather(
            *(batcher.probabilities(echo.model, image(value)) for value in range(2)),
            return_exceptions=True,
        )
        assert rows == [echo.fault, echo.fault]
        echo.fault = None
        assert (await batcher.probabilities(echo.model, image(7))).tolist() == [7]

    run(test)


def test_a_model_that_answers_too_few_rows_leaves_nobody_waiting() -> None:
    echo = Echo()
    echo.probabilities = lambda images: images[:1]  # type: ignore[method-assign,assignment,return-value]

    async def test(batcher: Batcher) -> None:
        rows = asyncio.gather(
            *(batcher.probabilities(echo.model, image(value)) for value in range(2))
        )
        with pytest.raises(ValueError, match="shorter"):
            await rows

    run(test)
