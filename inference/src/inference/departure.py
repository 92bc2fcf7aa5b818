"""Gives up the work for a client that has gone away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.types import Receive

#: Work that is done sooner is cheaper than to ask whether its client is still there.
_SECONDS = 0.05


class WhileConnected:
    """Cancels what is awaited in the body of its `with`, once the client is gone.

    The body then ends with a `ClientDisconnect`. It must run in a task.
    """

    __slots__ = ("_gone", "_receive", "_task", "_timer", "_watch")

    def __init__(self, receive: Receive) -> None:
        """Watch the client of a request whose body has been read."""
        self._receive = receive
        self._gone = False
        self._watch: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        """Begin to watch, though not at once."""
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(_SECONDS, self._begin)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Watch no longer, and tell a departure from other cancellations."""
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self._gone and self._task is not None:
            others = self._task.uncancel()
            if kind is asyncio.CancelledError and not others:
                raise ClientDisconnect from None

    def _begin(self) -> None:
        self._watch = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._task is not None:
            self._gone = True
            self._task.cancel()
