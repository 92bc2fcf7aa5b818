"""Reads of the model volume on behalf of a request, which must not wait for it for ever."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

from inference.errors import TimedOutError

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")


class VolumeReader:
    """Runs blocking reads in threads that die with the process, however long they hang."""

    def __init__(self, threads: int = 8, seconds: float = 10.0) -> None:
        """Allow so many reads at a time, and so long for each."""
        self._free = asyncio.Semaphore(threads)
        self._seconds = seconds

    async def run(self, read: Callable[[], Value]) -> Value:
        """The result of `read`, or what it raises.

        Raises:
            TimedOutError: it took too long, or all threads hang in other reads.
        """
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
                return await self._in_thread(read)
        except TimeoutError as error:
            raise TimedOutError("the model volume does not answer: try again later") from error

    def _in_thread(self, read: Callable[[], Value]) -> asyncio.Future[Value]:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Value] = loop.create_future()

        def settle(value: Value | None, error: Exception | None) -> None:
            self._free.release()  # only now: a read that was given up still holds its thread
            if result.done():
                return
            if error is not None:
                result.set_exception(error)
            else:
                result.set_result(value)  # type: ignore[arg-type] # no error, so it has a value

        def work() -> None:
            value, error = None, None
            try:
                value = read()
            except Exception as raised:  # noqa: BLE001 - passed on to whoever waits
                error = raised
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, value, error)

        threading.Thread(target=work, name="volume", daemon=True).start()
        return result
