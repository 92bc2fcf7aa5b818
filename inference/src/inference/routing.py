"""Routes whose paths are matched to their very end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette import routing
from starlette.requests import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send


class Route(routing.Route):
    """A route that no newline behind its path leads to; Starlette's `$` matches before one."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        *,
        methods: list[str] | None = None,
        slash: bool = False,
    ) -> None:
        """Route a path, and with `slash` the same with a slash at its end."""
        super().__init__(path, endpoint, methods=methods)
        self.app = _answering(endpoint)
        end = r"/?\Z" if slash else r"\Z"
        self.path_regex = re.compile(self.path_regex.pattern.removesuffix("$") + end)


def _answering(endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """Starlette's own also catches faults here, which the middleware around all routes does."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return answer
