"""Clients that cost little: requests are made beforehand, answers are looked at, not parsed.

They share the machine with the server, so what they spend is not to show in its figures.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

OK, BUSY = 200, 503
PATIENCE = 30.0
MOST_WAITING = 5_000
IDLE_SECONDS = 3.0  # well before a server may be closing the connection
BURST = 16  # requests, after which answers are looked at

_CLOSES = b"\r\nconnection: close\r\n"
_VERSION = re.compile(rb'"version":(\d+)\}')


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request got.

    Attributes:
        due: when it was to be sent, by `time.perf_counter`.
        seconds: from then to its answer's last byte, so that a late client hides nothing.
        status: 0 where there was no answer, as far as the client waits or sends.
        version: of the model that has answered, else 0.
        waits: the answer has a Retry-After.
        excerpt: how an answer ends that is no prediction.
    """

    due: float
    seconds: float
    status: int
    version: int = 0
    waits: bool = False
    excerpt: bytes = b""


class Connection(asyncio.Protocol):
    """One request at a time, kept open between them."""

    def __init__(self, on_answer: Callable[[Connection, Answer], None]) -> None:
        """Hand every answer over there, also that there was none."""
        self.lost = False
        self.answered = 0.0  # when
        self._on_answer = on_answer
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._whole = 0
        self._due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, request: bytes, due: float) -> None:
        """Send a request; the one before has its answer."""
        assert self._transport
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._whole:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._whole = end + 4 + _length(self._received[: end + 2])
        if len(self._received) >= self._whole:
            self._settle(int(self._received[9:12]), bytes(self._received))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._settle(0, f"closed: {exc}".encode())

    def close(self) -> None:
        assert self._transport
        self._transport.close()

    def _settle(self, status: int, received: bytes) -> None:
        due, self._due = self._due, None
        self._received, self._whole = bytearray(), 0
        if due is None:
            return
        self.lost = self.lost or _CLOSES in received[:1000].lower()
        self.answered = time.perf_counter()
        seconds = self.answered - due
        if status == OK:
            answer = Answer(due, seconds, status, _version(received))
        else:
            waits = b"\r\nretry-after:" in received[:1000].lower()
            answer = Answer(due, seconds, status, 0, waits, received[-200:])
        self._on_answer(self, answer)


async def connect(port: int, on_answer: Callable[[Connection, Answer], None]) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(on_answer), "127.0.0.1", port)
    return connection


async def ask_all(port: int, requests: Iterator[bytes], clients: int) -> list[Answer]:
    """Clients that each send the next request when their last one is answered."""
    answers: list[Answer] = []

    async def keep_asking() -> None:
        came = asyncio.Event()

        def ask_next(answered: Connection, answer: Answer) -> None:
            answers.append(answer)
            request = None if answered.lost else next(requests, None)
            if request is None:
                came.set()
            else:
                answered.ask(request, time.perf_counter())

        while request := next(requests, None):
            connection = await connect(port, ask_next)
            came.clear()
            connection.ask(request, time.perf_counter())
            await came.wait()
            connection.close()

    await asyncio.gather(*(keep_asking() for _ in range(clients)))
    return answers


async def closed_loop(
    port: int, requests: Iterable[bytes], clients: int, seconds: float
) -> list[Answer]:
    """The same for so long, with requests that take turns."""
    end = time.perf_counter() + seconds
    turns = itertools.cycle(requests)
    return await ask_all(
        port, itertools.takewhile(lambda _: time.perf_counter() < end, turns), clients
    )


@dataclass(slots=True)
class OpenLoop:
    """Requests at a rate that does not care for answers, each on a connection that is free.

    Attributes:
        requests: take turns.
        answers: in the order in which they came.
        late: seconds by which the client itself was behind at worst.
    """

    port: int
    requests: Sequence[bytes]
    answers: list[Answer] = field(default_factory=list)
    late: float = 0.0
    _free: list[Connection] = field(default_factory=list)
    _waiting: int = 0
    _coming: set[asyncio.Task[None]] = field(default_factory=set)
    _answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, rate: float, seconds: float) -> None:
        """Send so many a second for so long, and wait for the last answer."""
        began, total = time.perf_counter(), int(rate * seconds)
        for number in range(total):
            due = began + number / rate
            if number % BURST == 0 or due > time.perf_counter():
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            self.late = max(self.late, time.perf_counter() - due)
            self._ask(self.requests[number % len(self.requests)], due)
        async with asyncio.timeout(PATIENCE):
            await self._answered.wait()
        for connection in self._free:
            connection.close()

    def _ask(self, request: bytes, due: float) -> None:
        if self._waiting >= MOST_WAITING:
            self.answers.append(Answer(due, 0.0, 0, excerpt=b"not sent: too many wait"))
            return
        self._waiting += 1
        self._answered.clear()
        while self._free:
            connection = self._free.pop()
            if not connection.lost and due - connection.answered < IDLE_SECONDS:
                connection.ask(request, due)
                return
            connection.close()
        task = asyncio.create_task(self._ask_anew(request, due))
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)

    async def _ask_anew(self, request: bytes, due: float) -> None:
        connection = await connect(self.port, self._settle)
        connection.ask(request, due)

    def _settle(self, connection: Connection, answer: Answer) -> None:
        self._waiting -= 1
        self.answers.append(answer)
        self._free.append(connection)
        if not self._waiting:
            self._answered.set()


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that so great a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def p99(answers: Iterable[Answer]) -> float:
    """Seconds."""
    return quantile((answer.seconds for answer in answers), 0.99)


def _length(head: bytearray) -> int:
    _, found, after = head.lower().partition(b"\r\ncontent-length:")
    assert found, head
    return int(after.partition(b"\r\n")[0])


def _version(received: bytes) -> int:
    """Of a prediction's or of `/ready`'s model; other answers name it otherwise, or not at all."""
    found = _VERSION.search(received)
    return int(found[1]) if found else 0
