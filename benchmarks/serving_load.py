"""A closed loop of clients over HTTP/1.1: each sends its next request once its answer is in."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OK = 200
PATIENCE = 60.0  # seconds that an answer may take
PAUSE = 0.01  # seconds until a server that refuses a connection is asked again

_END = b"\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.([01]) (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of an answer says.

    Attributes:
        length: of the body in bytes; None when the connection's end is its end.
        kept: whether the connection takes another request.
    """

    status: int
    length: int | None
    kept: bool


@dataclass(frozen=True, slots=True)
class Load:
    """How a server did.

    Attributes:
        answers: with status 200.
        failed: requests without one.
        seconds: from the first request to the last answer.
        p50: median time of an answer, in seconds.
        p99: time within which 99 % of the answers came, in seconds.
    """

    answers: int
    failed: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


@dataclass(slots=True)
class _Tally:
    """What all clients have seen so far."""

    deadline: float
    times: list[float] = field(default_factory=list)
    failed: int = 0
    last: float = 0.0

    def count(self, status: int, began: float) -> None:
        self.last = time.perf_counter()
        if status == OK:
            self.times.append(self.last - began)
        else:
            self.failed += 1

    @property
    def over(self) -> bool:
        return time.perf_counter() >= self.deadline


def run_load(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Loads a server on this machine.

    Args:
        port: on 127.0.0.1.
        requests: whole ones, head and body; each client starts with another one.
        clients: that send at the same time.
        seconds: after which no further request is sent; those under way are waited for.
    """
    return asyncio.run(_run(port, requests, clients, seconds))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by this share of all; NaN of none."""
    if not values:
        return float("nan")
    return sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]


def parse_head(head: bytes) -> Head:
    """The head of an answer, without its empty line.

    Raises:
        ValueError: it is none of HTTP/1.
    """
    status = _STATUS.match(head)
    if status is None:
        raise ValueError(f"no answer in HTTP/1: {head[:40]!r}")
    length = _LENGTH.search(head)
    return Head(
        status=int(status[2]),
        length=int(length[1]) if length else None,
        kept=length is not None and status[1] == b"1" and not _CLOSE.search(head),
    )


async def _run(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    began = time.perf_counter()
    tally = _Tally(deadline=began + seconds)
    each = [
        _client(port, islice(cycle(requests), number * len(requests) // clients, None), tally)
        for number in range(clients)
    ]
    try:
        async with asyncio.timeout(seconds + PATIENCE), asyncio.TaskGroup() as tasks:
            for client in each:
                tasks.create_task(client)
    except TimeoutError:
        tally.failed += clients
    return Load(
        answers=len(tally.times),
        failed=tally.failed,
        seconds=max(tally.last - began, seconds),
        p50=percentile(tally.times, 0.5),
        p99=percentile(tally.times, 0.99),
    )


async def _client(port: int, requests: Iterator[bytes], tally: _Tally) -> None:
    """Connects, and again whenever the server closes."""
    loop = asyncio.get_running_loop()
    while not tally.over:
        began = time.perf_counter()
        try:
            _, connection = await loop.create_connection(
                lambda began=began: _Connection(requests, tally, began),  # type: ignore[misc]
                "127.0.0.1",
                port,
            )
        except OSError:
            tally.failed += 1
            await asyncio.sleep(PAUSE)
        else:
            await connection.closed


class _Connection(asyncio.Protocol):
    """Sends as long as the time lasts and the server keeps the connection."""

    def __init__(self, requests: Iterator[bytes], tally: _Tally, began: float) -> None:
        self.closed = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._tally = tally
        self._began = began
        self._waits = False
        self._received = bytearray()
        self._head: Head | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._head is None:
            end = self._received.find(_END)
            if end < 0:
                return
            self._head = parse_head(bytes(self._received[:end]))
            del self._received[: end + len(_END)]
        length = self._head.length
        if length is not None and len(self._received) >= length:
            self._finish(self._head)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waits:
            ended = exc is None and self._head is not None and self._head.length is None
            self._tally.count(self._head.status if ended and self._head else 0, self._began)
        self.closed.set_result(None)

    def _send(self) -> None:
        self._received = bytearray()
        self._head = None
        self._waits = True
        self._transport.write(next(self._requests))

    def _finish(self, head: Head) -> None:
        self._waits = False
        self._tally.count(head.status, self._began)
        if head.kept and not self._tally.over:
            self._began = time.perf_counter()
            self._send()
        else:
            self._transport.close()
