"""Heads of requests that are too long, or that two servers would read in two ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wire import JPEG, head, post, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_process import Inference
    from wire import Reply

MEGABYTE = 2**20
SECONDS = 5.0
GROWTH = 16 * MEGABYTE
CHUNKED = {"transfer-encoding": "chunked", "content-type": JPEG}

TOO_LONG = {
    "one header of 1 MB": head("GET", "/ping", **{"x-long": "x" * MEGABYTE}),
    "one name of 1 MB": head("GET", "/ping", **{"x" * MEGABYTE: "x"}),
    "1 MB of small headers": head("GET", "/ping", **{f"x-{i}": "" for i in range(MEGABYTE // 10)}),
    "a path of 1 MB": head("GET", "/" + "x" * MEGABYTE),
    "a query of 1 MB": head("POST", "/predict?top_k=" + "1" * MEGABYTE),
    "1 MB without an end": b"GET /ping HTTP/1.1\r\nx: " + b"x" * MEGABYTE,
    "1 MB of what is no HTTP": b"x" * MEGABYTE,
}
CHUNKS = b"1\r\nx\r\n0\r\n\r\n"
TWO_LENGTHS = {
    "Content-Length with Transfer-Encoding": head(
        "POST", "/predict", **CHUNKED, **{"content-length": "11"}
    )
    + CHUNKS,
    "Transfer-Encoding with Content-Length": head(
        "POST", "/predict", **{"content-length": "11"}, **CHUNKED
    )
    + CHUNKS,
    "two lengths": head("POST", "/predict", **{"content-length": "1", "Content-Length": "2"})
    + b"xx",
    "a length and a sign": head("POST", "/predict", **{"content-length": "+1"}) + b"x",
    "a coding that is none": head("POST", "/predict", **{"transfer-encoding": "xchunked"}) + CHUNKS,
    "chunked, but not at the end": head(
        "POST", "/predict", **{"transfer-encoding": "chunked, gzip"}
    )
    + CHUNKS,
    "a space before the colon": head("POST", "/predict", **{"transfer-encoding ": "chunked"})
    + CHUNKS,
    "a line that is folded": b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding:\r\n chunked"
    b"\r\ncontent-length: 11\r\n\r\n" + CHUNKS,
    "a chunk of a length that is none": head("POST", "/predict", **CHUNKED)
    + b"0x1\r\nx\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("request_", TOO_LONG.values(), ids=TOO_LONG)
def test_what_is_too_long_is_refused(
    inference: Inference,
    request_: bytes,
    report: Callable[[str, str, str], None],
    request: pytest.FixtureRequest,
) -> None:
    before = inference.resident()
    inference.forget_peak()
    reply = send(inference.port, request_)
    growth = inference.peak() - before
    report(
        request.node.callspec.id,
        f"{reply.status or 'closed'} after {reply.seconds:.2f} s, "
        f"{growth / MEGABYTE:.1f} MB more at worst",
        f"refused in {SECONDS:.0f} s, < {GROWTH // MEGABYTE} MB",
    )
    assert_refused(reply)
    assert growth < GROWTH
    assert_serves_on(inference)


@pytest.mark.parametrize("request_", TWO_LENGTHS.values(), ids=TWO_LENGTHS)
def test_what_has_two_lengths_is_refused(
    inference: Inference,
    request_: bytes,
    report: Callable[[str, str, str], None],
    request: pytest.FixtureRequest,
) -> None:
    smuggled = head("GET", "/ready")
    reply = send(inference.port, request_ + smuggled)
    report(
        request.node.callspec.id,
        f"{reply.status or 'closed'} after {reply.seconds:.2f} s",
        "refused, and what follows is no second request",
    )
    assert_refused(reply)
    assert b"HTTP/1.1" not in reply.body
    assert b"ready" not in reply.body
    assert_serves_on(inference)


def assert_refused(reply: Reply) -> None:
    assert reply.status == 0 or 400 <= reply.status < 500, reply
    assert reply.seconds < SECONDS


def assert_serves_on(inference: Inference) -> None:
    assert send(inference.port, head("GET", "/ready")).status == 200
    assert inference.process.poll() is None


def test_a_head_that_is_long_and_right_is_answered(inference: Inference, red: bytes) -> None:
    """The bound must not be so low that what browsers and proxies add is refused."""
    cookies = {f"x-{number}": "x" * 400 for number in range(16)}
    assert send(inference.port, post("/predict", "image/png", red, **cookies)).status == 200
