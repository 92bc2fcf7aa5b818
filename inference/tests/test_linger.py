from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from inference.linger import Linger

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

CHUNK: Message = {"type": "http.request", "body": b"12345", "more_body": True}
LAST: Message = {"type": "http.request", "body": b"", "more_body": False}
GONE: Message = {"type": "http.disconnect"}
LENGTH = (b"content-length", b"15")


def run(
    messages: list[Message], *headers: tuple[bytes, bytes], read: int = 0, seconds: float = 30
) -> tuple[int, list[Message]]:
    """How many messages are left of a body whose first `read` are read, and what is sent."""
    left = list(messages)
    sent: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(read):
            await receive()
        await send({"type": "http.response.start", "status": 413, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})
        assert sent[1]["body"] == b"no"  # before anything is waited for

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": list(headers)}
    asyncio.run(Linger(app, most_bytes=10, seconds=seconds)(scope, receive, send))
    return len(left), sent


def ends(sent: list[Message]) -> list[bool]:
    """Whether each message after the start is the last."""
    return [not message.get("more_body", False) for message in sent[1:]]


@pytest.mark.parametrize("header", [LENGTH, (b"transfer-encoding", b"chunked")])
@pytest.mark.parametrize("read", [0, 1])
def test_the_rest_of_a_body_is_dropped_before_the_answer_ends(
    header: tuple[bytes, bytes], read: int
) -> None:
    left, sent = run([CHUNK, CHUNK, LAST], header, read=read)
    assert (left, ends(sent)) == (0 if read else 1, [False, True])


def test_no_more_is_dropped_than_is_bearable() -> None:
    left, sent = run([CHUNK] * 5, LENGTH)
    assert (left, ends(sent)) == (3, [False, True])


def test_a_client_that_stops_sending_is_given_up() -> None:
    left, sent = run([CHUNK], LENGTH, seconds=0)
    assert (left, ends(sent)) == (0, [False, True])


def test_a_client_that_goes_is_not_waited_for() -> None:
    assert run([CHUNK, GONE, CHUNK], LENGTH)[0] == 1


@pytest.mark.parametrize(
    ("headers", "read"),
    [([], 0), ([LENGTH], 2), ([LENGTH, (b"expect", b"100-continue")], 0)],
    ids=["no body", "read to its end", "not asked for"],
)
def test_nothing_is_held_back_when_nothing_comes(
    headers: list[tuple[bytes, bytes]], read: int
) -> None:
    left, sent = run([CHUNK, LAST], *headers, read=read)
    assert (left, ends(sent)) == (2 - read, [True])


def test_a_body_that_was_asked_for_is_dropped() -> None:
    left, _ = run([CHUNK, LAST], LENGTH, (b"expect", b"100-continue"), read=1)
    assert left == 0
