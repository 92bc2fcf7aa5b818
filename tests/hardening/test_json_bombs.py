"""JSON that is small to send and large to read, by the Open Inference Protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bombs import MEGABYTE
from verdicts import Bound, judge
from wire import post, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_process import Inference

INFER = "/v2/models/golden/infer"
LARGEST = 20 * MEGABYTE - 1024
BOUND = Bound(4.0, 400 * MEGABYTE)  # 20 MB of JSON are up to 16 times as much in Python
PIXELS = 8 * 8 * 3


def infer(shape: object, data: bytes, datatype: str = "FP32", more: bytes = b"") -> bytes:
    """A request's JSON; its data is given as it is to be sent."""
    start = b'{"inputs": [{"name": "image", "datatype": "%b", "shape": %b, "data": '
    told = start % (datatype.encode(), json.dumps(shape).encode())
    return told + data + b"}]" + more + b"}"


def test_a_sound_request_is_answered(inference: Inference) -> None:
    data = json.dumps([0] * PIXELS).encode()
    body = infer([1, 8, 8, 3], data, "UINT8")
    assert send(inference.port, post(INFER, "application/json", body)).status == 200


HALF = LARGEST // 2
BODIES = {
    "nested 10 million deep": b"[" * LARGEST,
    "nested and closed": b"[" * HALF + b"]" * HALF,
    "objects nested": b'{"a":' * (LARGEST // 5),
    "data nested": infer([1, 8, 8, 3], b"[" * HALF + b"]" * HALF),
    "data nested 900 deep": infer([1, 8, 8, 3], b"[" * 900 + b"]" * 900),
    "a shape of 2^62": infer([2**62, 8, 8, 3], b"[]"),
    "a shape of 10^9": infer([10**9, 8, 8, 3], b"[0]"),
    "a shape whose product is 0 modulo 2^64": infer([2**32, 2**32, 8, 3], b"[]"),
    "a negative shape": infer([-1, 8, 8, 3], b"[]"),
    "a shape of many": infer([1] * 100_000, b"[0]"),
    "a shape of digits": b'{"inputs": [{"name": "image", "datatype": "FP32", "shape": ['
    + b"9" * MEGABYTE
    + b'], "data": [0]}]}',
    "1e999": infer([1, 8, 8, 3], b"[" + b",".join([b"1e999"] * PIXELS) + b"]"),
    "1e999 in integers": infer([1, 8, 8, 3], b"[" + b",".join([b"1e999"] * PIXELS) + b"]", "UINT8"),
    "NaN": infer([1, 8, 8, 3], b"[" + b",".join([b"NaN"] * PIXELS) + b"]"),
    "numbers that are too large": infer(
        [1, 8, 8, 3], b"[" + b",".join([b"9" * 4000] * PIXELS) + b"]", "UINT8"
    ),
    "20 MB of digits": infer([1, 8, 8, 3], b"[" + b"9" * (LARGEST - 200) + b"]"),
    "20 MB of decimals": infer([1, 8, 8, 3], b"[0." + b"9" * (LARGEST - 200) + b"]"),
    "20 MB of an exponent": infer([1, 8, 8, 3], b"[1e" + b"9" * (LARGEST - 200) + b"]"),
    "5 million numbers": infer([1, 8, 8, 3], b"[" + b"0,1," * (LARGEST // 4 - 99) + b"0]"),
    "5 million lists": infer([1, 8, 8, 3], b"[" + b"[]," * (LARGEST // 3 - 99) + b"0]"),
    "a million keys": b"{" + b",".join(b'"%d":0' % key for key in range(1_000_000)) + b"}",
    "one key a million times": b"{" + b'"inputs":[],' * 1_000_000 + b'"x":0}',
    "a million inputs": b'{"inputs": [' + b"{}," * 1_000_000 + b"{}]}",
    "20 MB of a string": b'{"id": "' + b"x" * (LARGEST - 99) + b'"}',
    "lone surrogates": b'{"id": "' + rb"\ud800" * 1_000 + b'"}',
    "no JSON": b"\xff" * LARGEST,
    "no end": b'{"inputs": [',
    "nothing": b"",
    "null": b"null",
}


@pytest.mark.parametrize("name", BODIES)
def test_a_bomb_is_refused_and_costs_little(
    inference: Inference, name: str, report: Callable[[str, str, str], None]
) -> None:
    request = post(INFER, "application/json", BODIES[name])
    reply = judge(inference, f"JSON: {name}", request, BOUND, report)
    assert 400 <= reply.status < 500
    assert list(reply.document) == ["error"]
    assert len(reply.body) < 2_000


@pytest.mark.parametrize("length", ["-1", "0", "5", "99999999999999999999", "1e3", "x"])
def test_a_binary_header_s_length_that_lies_is_refused(inference: Inference, length: str) -> None:
    body = infer([1, 8, 8, 3], b"[]")
    request = post(INFER, "application/octet-stream", body, Inference_Header_Content_Length=length)
    reply = send(inference.port, request)
    assert 400 <= reply.status < 500
    assert list(reply.document) == ["error"]
