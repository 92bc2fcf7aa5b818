"""Refuses work while there is too much of it, before its body has come.

That costs a tenth of what it costs the application: no task is made, and the body is dropped as it
comes, which leaves the connection for the next request.
"""

from __future__ import annotations

from inference.connection import PIPELINED, Connection
from inference.heads import check_head


class SheddingConnection(Connection):
    """A connection whose requests are answered here as long as its guard says so."""

    _at_once = 0  # requests that were refused of what came together

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        self._at_once = 0
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Answer at once, or hand the request on."""
        method = self.parser.get_method()
        if self.parser.should_upgrade() or not self._is_free():
            super().on_headers_complete()
            return
        error = self._guard.overload(method.decode("ascii"), self.url)
        if error is None:
            super().on_headers_complete()
            return
        check_head(self.url, self.parser.get_http_version(), self.headers)
        if self.expect_100_continue or not self.parser.should_keep_alive():
            raise error  # whether the body comes after all, nobody knows
        self._at_once += 1
        if self._at_once > PIPELINED or self.flow.write_paused:
            raise error  # the answers are not waited for, or not taken
        self._tell(error)
        self.transport.write(self._answer(error, *self.server_state.default_headers))
        self.headers = []
        self._loose = 0
        self._wait("drop", self._patience.body)

    def on_body(self, body: bytes) -> None:
        """Some of a body is here, which may be one that nobody wants."""
        if self._phase == "drop":
            self._loose = 0
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here as a whole; of one that was answered, nothing is left."""
        if self._phase == "drop":
            self.server_state.total_requests += 1
            self._loose = 0
            self._wait("request", self._patience.idle)
        else:
            super().on_message_complete()

    def _is_free(self) -> bool:
        """Whether all requests before have their answers."""
        cycle = self.cycle
        return cycle is None or cycle.response_complete  # type: ignore[redundant-expr]
