"""Gives up the work for a client that has gone away."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive

#: Work that is done sooner is cheaper than to ask whether its client is still there.
_SECONDS = 0.05


@contextlib.contextmanager
def while_connected(receive: Receive) -> Iterator[None]:
    """Cancel what is awaited in the body of the statement, once the client is gone.

    Args:
        receive: of a request whose body has been read.

    Raises:
        ClientDisconnect: it went.
    """
    watch = _Watch(receive)
    timer = asyncio.get_running_loop().call_later(_SECONDS, watch.begin)
    try:
        yield
    except asyncio.CancelledError:
        if not watch.gone:
            raise
        watch.waiting.uncancel()
        raise ClientDisconnect from None
    finally:
        timer.cancel()
        watch.end()


class _Watch:
    """Waits for a client's departure, and then cancels the task that it was made in."""

    def __init__(self, receive: Receive) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a request is answered in one
        self.waiting = task
        self.gone = False
        self._receive = receive
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._watching = asyncio.create_task(self._wait())

    def end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self.waiting.cancel()
