from __future__ import annotations

import asyncio
import gc
import threading
from typing import TYPE_CHECKING, TypeAlias, cast

from inference.batcher import Batcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from inference.model import Model

Numbers: TypeAlias = "Batcher[int, int]"


class Echo:
    """Classifies each number as itself, negative ones as a fault, and notes its batches."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.running = threading.Semaphore(0)
        self.go_on = threading.Event()
        if not held:
            self.go_on.set()

    def classify(self, _model: Model, images: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(images))
        self.running.release()
        assert self.go_on.wait(30)
        return [ValueError(str(image)) if image < 0 else image for image in images]

    async def until_running(self) -> None:
        assert await asyncio.to_thread(self.running.acquire, timeout=30)


def named(name: str) -> Model:
    """In a model's place, which nothing here asks."""
    return cast("Model", [name])


ONE, OTHER = named("one"), named("other")


def run(echo: Echo, test: Callable[[Numbers], Awaitable[None]], threads: int = 1) -> None:
    async def with_batcher() -> None:
        batcher: Numbers = Batcher(echo.classify, threads)
        try:
            await test(batcher)
        finally:
            echo.go_on.set()
            batcher.close()

    asyncio.run(with_batcher())


def test_the_first_goes_alone_and_those_that_wait_go_together() -> None:
    echo = Echo(held=True)

    async def test(batcher: Numbers) -> None:
        first = batcher.submit(ONE, 0)
        await echo.until_running()
        others = [batcher.submit(ONE, value) for value in range(1, 12)]
        echo.go_on.set()
        assert await first == 0
        assert await asyncio.gather(*others) == [*range(1, 12)]
        assert echo.batches == [[0], [1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11]]

    run(echo, test)


def test_threads_share_what_waits() -> None:
    echo = Echo(held=True)

    async def test(batcher: Numbers) -> None:
        first = [batcher.submit(ONE, value) for value in (0, 1)]
        await echo.until_running()
        await echo.until_running()
        others = [batcher.submit(ONE, value) for value in range(2, 8)]
        echo.go_on.set()
        assert await asyncio.gather(*first, *others) == [*range(8)]
        assert echo.batches[:3] == [[0], [1], [2, 3, 4]]

    run(echo, test, threads=2)


def test_batches_never_mix_models() -> None:
    echo = Echo(held=True)

    async def test(batcher: Numbers) -> None:
        first = batcher.submit(ONE, 0)
        await echo.until_running()
        others = [
            batcher.submit(model, at)
            for at, model in enumerate([ONE, ONE, OTHER, ONE, OTHER, OTHER], 1)
        ]
        echo.go_on.set()
        await asyncio.gather(first, *others)
        assert echo.batches == [[0], [1, 2], [3], [4], [5, 6]]

    run(echo, test)


def test_what_is_cancelled_while_it_waits_is_not_run() -> None:
    echo = Echo(held=True)

    async def test(batcher: Numbers) -> None:
        answers = [batcher.submit(ONE, value) for value in range(2)]
        await echo.until_running()
        answers += [batcher.submit(ONE, value) for value in range(2, 4)]
        answers[2].cancel()
        echo.go_on.set()
        assert await answers[3] == 3
        assert 2 not in {value for batch in echo.batches for value in batch}

    run(echo, test)


def test_what_is_cancelled_while_it_runs_harms_nobody() -> None:
    echo = Echo(held=True)

    async def test(batcher: Numbers) -> None:
        first = batcher.submit(ONE, 0)
        await echo.until_running()
        first.cancel()
        echo.go_on.set()
        assert await batcher.submit(ONE, 1) == 1

    run(echo, test)


def test_a_fault_reaches_the_one_whose_it_is() -> None:
    async def test(batcher: Numbers) -> None:
        answers = [batcher.submit(ONE, value) for value in (1, -2, 3)]
        told = await asyncio.gather(*answers, return_exceptions=True)
        assert [str(each) for each in told] == ["1", "-2", "3"]
        assert isinstance(told[1], ValueError)

    run(Echo(), test)


def test_a_classifier_that_fails_is_heard_by_all_that_wait_and_the_next_are_served() -> None:
    echo = Echo()

    def fail(_model: Model, images: Sequence[int]) -> list[int | Exception]:
        if 7 in images:
            raise RuntimeError("broken")
        return list(images)

    async def test(_batcher: Numbers) -> None:
        batcher: Numbers = Batcher(fail, 1)
        for value, told in ((7, "broken"), (8, "8")):
            (answer,) = await asyncio.gather(batcher.submit(ONE, value), return_exceptions=True)
            assert str(answer) == told
        batcher.close()

    run(echo, test)


def test_a_loop_that_is_closed_meanwhile_is_no_fault() -> None:
    echo = Echo(held=True)

    async def submit() -> Numbers:
        batcher: Numbers = Batcher(echo.classify, 1)
        batcher.submit(ONE, 0)
        await echo.until_running()
        return batcher

    batcher = asyncio.run(submit())
    echo.go_on.set()
    batcher._executor.shutdown(wait=True)  # noqa: SLF001 - the thread's end is what is waited for
    gc.collect()  # a fault of the thread would be told now, as a warning
