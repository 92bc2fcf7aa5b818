from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from inference.budget import Budget
from inference.codings import encoded, read_body
from inference.errors import (
    BadRequestError,
    BusyError,
    RequestError,
    TooLargeError,
    UnsupportedTypeError,
)
from inference.uploads import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
}
EXPAND: dict[str | None, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "x-gzip": gzip.decompress,
    "deflate": zlib.decompress,
    None: bytes,
}
MEBIBYTE = 1024 * 1024


def read(
    body: bytes, *codings: str, most: int = MEBIBYTE, budget: Budget | None = None, cut: int = 7
) -> bytes:
    """What is read of a body that comes in pieces of so many bytes."""
    pieces = [body[at : at + cut] for at in range(0, len(body), cut)] or [b""]
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    messages[-1]["more_body"] = False

    async def receive() -> Message:
        return messages.pop(0)

    headers = [(b"content-encoding", coding.encode()) for coding in codings]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)

    async def run() -> bytes:
        with (budget or Budget(100 * MEBIBYTE)).lease() as memory:
            return await read_body(request, Limits(most, 1, memory))

    return asyncio.run(run())


@given(st.binary(max_size=2000), st.sampled_from([*COMPRESS]), st.integers(1, 5000))
def test_what_was_compressed_is_read_as_it_was(body: bytes, coding: str, cut: int) -> None:
    assert read(COMPRESS[coding](body), coding, cut=cut) == body
    assert read(COMPRESS[coding](body), f" {coding.upper()}", cut=cut) == body


def test_a_body_of_more_than_a_block_is_read_whole() -> None:
    body = bytes(range(256)) * 4000
    for coding, compress in COMPRESS.items():
        assert read(compress(body), coding, cut=65_536) == body


@given(st.binary(max_size=2000), st.sampled_from([1, 3, 1000]))
def test_whatever_comes_is_read_or_refused(body: bytes, cut: int) -> None:
    for coding in ("gzip", "deflate"):
        try:
            read(body, coding, cut=cut)
        except RequestError as error:
            assert error.status == 400  # noqa: PT017 - nothing else is acceptable


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_is_refused_before_it_is_inflated(coding: str) -> None:
    bomb = COMPRESS[coding](bytes(50 * MEBIBYTE))
    budget = Budget(2 * MEBIBYTE)
    with pytest.raises(TooLargeError, match="inflates to more than 1048576 bytes"):
        read(bomb, coding, budget=budget, cut=65_536)
    with pytest.raises(BusyError):
        read(bomb, coding, budget=budget, most=50 * MEBIBYTE, cut=65_536)
    assert budget.taken == 0


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_body_just_as_large_as_allowed_is_read(coding: str) -> None:
    body = b"x" * 5000
    assert read(COMPRESS[coding](body), coding, most=5000) == body
    with pytest.raises(TooLargeError):
        read(COMPRESS[coding](body + b"x"), coding, most=5000)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda body: body[:-1], "cut off"),
        (lambda _body: b"", "cut off"),
        (lambda body: body + b"x", "more follows"),
        (lambda body: body + body, "more follows"),
        (lambda _body: b"text", "damaged"),
    ],
)
def test_what_is_not_compressed_so_is_refused(
    coding: str, spoil: Callable[[bytes], bytes], told: str
) -> None:
    with pytest.raises(BadRequestError, match=told):
        read(spoil(COMPRESS[coding](b"body")), coding, cut=1000)


@pytest.mark.parametrize("codings", [["br"], ["gzip, gzip"], ["gzip", "gzip"], ["x"], ["zstd"]])
def test_other_codings_are_refused(codings: list[str]) -> None:
    with pytest.raises(UnsupportedTypeError):
        read(b"", *codings)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate", "gzip"),
        ("deflate, gzip", "deflate"),
        ("gzip;q=0.5, deflate", "deflate"),
        ("br, GZIP ; q=0.9, *;q=0.1", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0.000, deflate;q=0.001", "deflate"),
        ("gzip;q=x", None),
        ("br", None),
        ("gzip" * 100_000, None),
    ],
)
def test_an_answer_is_compressed_as_the_client_likes(accepted: str, coding: str | None) -> None:
    body = b"0.25," * 1000
    sent, used = encoded(body, accepted)
    assert used == coding
    assert EXPAND[used](sent) == body
    assert (len(sent) < len(body)) == (coding is not None)


def test_a_short_answer_is_not_compressed() -> None:
    assert encoded(b"x" * 1000, "gzip") == (b"x" * 1000, None)
