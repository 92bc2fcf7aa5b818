from __future__ import annotations

import asyncio
import threading

import pytest

from inference.errors import TimedOutError
from inference.volume import VolumeReader


def test_results_and_faults_are_passed_on() -> None:
    async def test() -> None:
        reader = VolumeReader()
        assert await reader.run(lambda: 5) == 5
        with pytest.raises(ZeroDivisionError):
            await reader.run(lambda: 1 // 0)

    asyncio.run(test())


def test_a_read_that_hangs_is_given_up_and_others_go_on() -> None:
    volume = threading.Event()

    async def test() -> None:
        reader = VolumeReader(threads=2, seconds=0.05)
        with pytest.raises(TimedOutError):
            await reader.run(lambda: volume.wait(30))
        reader._seconds = 30  # noqa: SLF001 - a slow machine must not fail what follows
        assert await reader.run(lambda: 5) == 5

    asyncio.run(test())
    volume.set()


def test_reads_that_hang_take_no_more_threads_than_allowed() -> None:
    volume, begun = threading.Event(), []

    def hang() -> None:
        begun.append(1)
        volume.wait(30)

    async def test() -> None:
        reader = VolumeReader(threads=2, seconds=0.05)
        for _ in range(4):
            with pytest.raises(TimedOutError):
                await reader.run(hang)
        assert len(begun) == 2
        volume.set()
        reader._seconds = 30  # noqa: SLF001 - as above
        assert await reader.run(lambda: 5) == 5

    asyncio.run(test())
