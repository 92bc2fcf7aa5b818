"""All open connections: how many there may be, and one timer for the time-outs of all.

uvicorn has no time-out for a head, a body or an answer, so that whoever holds enough connections
holds the server. It was kept nevertheless, by measurement: docs/benchmarks.md.
"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

from inference.connection import Patience
from inference.errors import BusyError
from inference.shedding import SheddingConnection

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection

    from uvicorn.config import Config

    from inference.connection import Connection
    from inference.errors import RequestError

_CONNECTIONS = 1_000


def most_connections() -> int:
    """Connections that may be open: 1000, or half of the descriptors that the process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _CONNECTIONS if soft == resource.RLIM_INFINITY else min(_CONNECTIONS, soft // 2)


class Guard:
    """Makes a server's connections, and looks after them.

    Args:
        refused: is told the code of each refusal.
        overload: tells by method and target why a request is to be refused before its body
            comes, if it is.
        patience: how long a client is waited for.
        connections: how many may be open; beyond it, what waits longest for a request goes.
    """

    def __init__(
        self,
        refused: Callable[[str], None],
        overload: Callable[[str, bytes], RequestError | None] = lambda _method, _target: None,
        patience: Patience | None = None,
        connections: int | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self.refused = refused
        self.overload = overload
        self._most = connections or most_connections()
        self._looking = False

    def protocol(self, config: Config, **more: Any) -> Connection:  # noqa: ANN401 - uvicorn's
        """A connection that is being made, as uvicorn asks `Config.http` for it."""
        return SheddingConnection(self, config, **more)

    def admit(self, newcomer: Connection) -> None:
        """Look after a connection, and end one if there are too many."""
        connections: Collection[Any] = newcomer.connections
        if not self._looking:
            self._looking = True
            newcomer.loop.call_later(self.patience.look, self._look, newcomer.loop, connections)
        if len(connections) > self._most:
            waiting = (
                each
                for each in connections
                if each.may_go and each is not newcomer and not each.transport.is_closing()
            )
            if victim := min(waiting, key=lambda each: each.deadline, default=None):
                victim.give_way()
            else:
                newcomer.refuse(BusyError("too many connections are open"))

    def _look(self, loop: asyncio.AbstractEventLoop, connections: Collection[Any]) -> None:
        now = loop.time()
        for connection in list(connections):
            connection.look(now)
        self._looking = bool(connections)
        if self._looking:
            loop.call_later(self.patience.look, self._look, loop, connections)
