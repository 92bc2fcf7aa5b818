from __future__ import annotations

import asyncio

import pytest

from inference.corking import Corked

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Sink(asyncio.Transport):
    """Notes what is written, and that it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.mark.parametrize(
    ("writes", "sent"),
    [
        ([HEAD], []),
        ([HEAD, b"body"], [HEAD + b"body"]),
        ([HEAD, b""], [HEAD]),
        ([HEAD, b"one", b"two", b""], [HEAD + b"one", b"two", b""]),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], [b"HTTP/1.1 100 Continue\r\n\r\n"]),
        (
            [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD, b"body"],
            [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"body"],
        ),
    ],
)
def test_a_head_goes_with_the_first_of_its_body(writes: list[bytes], sent: list[bytes]) -> None:
    sink = Sink()
    corked = Corked(sink)
    for data in writes:
        corked.write(data)
    assert sink.written == sent


@pytest.mark.parametrize("writes", [[], [HEAD], [HEAD, b"body"]])
def test_nothing_is_lost_by_closing(writes: list[bytes]) -> None:
    sink = Sink()
    corked = Corked(sink)
    for data in writes:
        corked.write(data)
    assert not corked.is_closing()
    corked.close()
    assert b"".join(sink.written) == b"".join(writes)
    assert corked.is_closing()
