from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from starlette.requests import ClientDisconnect

from inference.departure import WhileConnected

if TYPE_CHECKING:
    from starlette.types import Message


class Client:
    """Sends nothing more, and goes when it is told to."""

    def __init__(self) -> None:
        self.leaves = asyncio.Event()
        self.asked = asyncio.Event()

    async def receive(self) -> Message:
        self.asked.set()
        await self.leaves.wait()
        return {"type": "http.disconnect"}


def test_work_for_a_client_that_stays_is_done() -> None:
    async def test() -> None:
        client = Client()
        with WhileConnected(client.receive):
            await asyncio.sleep(0)
        assert not client.asked.is_set()

    asyncio.run(test())


def test_work_for_a_client_that_goes_is_cancelled() -> None:
    async def test() -> None:
        client = Client()
        work = asyncio.get_running_loop().create_future()

        async def answer() -> None:
            with WhileConnected(client.receive):
                await work

        answering = asyncio.create_task(answer())
        await client.asked.wait()
        client.leaves.set()
        with pytest.raises(ClientDisconnect):
            await answering
        assert work.cancelled()
        assert answering.cancelling() == 0

    asyncio.run(test())


def test_the_watch_ends_with_the_work() -> None:
    async def test() -> None:
        client = Client()
        with WhileConnected(client.receive):
            await client.asked.wait()
        await asyncio.sleep(0)
        client.leaves.set()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(test())


def test_another_cancellation_stays_one() -> None:
    async def test() -> None:
        client = Client()

        async def answer() -> None:
            with WhileConnected(client.receive):
                await asyncio.get_running_loop().create_future()

        answering = asyncio.create_task(answer())
        await client.asked.wait()
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering

    asyncio.run(test())


def test_a_departure_hides_no_other_cancellation() -> None:
    async def test() -> None:
        client = Client()

        async def answer() -> None:
            with WhileConnected(client.receive):
                await asyncio.get_running_loop().create_future()

        answering = asyncio.create_task(answer())
        await client.asked.wait()
        client.leaves.set()
        await asyncio.sleep(0)
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering

    asyncio.run(test())
