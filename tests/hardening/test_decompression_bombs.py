"""Bodies and pictures of a few kilobytes that want gigabytes."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest

from bombs import MEGABYTE, png, zeros
from verdicts import Bound, judge
from wire import post

if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_process import Inference

INFER = "/v2/models/golden/infer"
BOUND = Bound(3.0, 128 * MEGABYTE)  # of which the largest body and its inflated form take 40
LARGE = 256  # megabytes
GIGABYTES = zeros(1024, 31)
TEXT = b"Comment\0\0" + zeros(LARGE)
PROFILE = b"icc\0\0" + zeros(LARGE)
INTERNATIONAL = b"Comment\0\1\0en\0\0" + zeros(LARGE)

PICTURES = {
    "a PNG of 900 million pixels": png(30_000, (b"IDAT", zeros(LARGE))),
    "a PNG of 2^62 pixels": png(2**31 - 1, (b"IDAT", zeros(1))),
    "a GIF of 4 billion pixels": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\0;",
    "a BMP of 2^62 pixels": b"BM"
    + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0),
    "a WebP of 268 million pixels": b"RIFF\x1e\0\0\0WEBPVP8L\x11\0\0\0/\xff\xff\xff\x0f"
    + bytes(13),
    "a JPEG of 4 billion pixels": b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\3"
    b"\1\x11\0\2\x11\0\3\x11\0",
}
CHUNKS = {
    "a zTXt chunk of 256 MB": (b"zTXt", TEXT),
    "an iTXt chunk of 256 MB": (b"iTXt", INTERNATIONAL),
    "an iCCP chunk of 256 MB": (b"iCCP", PROFILE),
}
PIXELS = (b"IDAT", zeros(1))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of_too_many_pixels_is_refused(
    inference: Inference, name: str, report: Callable[[str, str, str], None]
) -> None:
    request = post("/predict", "image/any", PICTURES[name])
    reply = judge(inference, name, request, BOUND, report)
    assert reply.status in {400, 413}


@pytest.mark.parametrize("name", CHUNKS)
def test_a_chunk_of_text_is_not_unpacked(
    inference: Inference, name: str, report: Callable[[str, str, str], None]
) -> None:
    for chunks in ((CHUNKS[name], PIXELS), (PIXELS, CHUNKS[name]), (CHUNKS[name],) * 100):
        request = post("/predict", "image/png", png(16, *chunks, PIXELS))
        reply = judge(inference, name, request, BOUND, report)
        assert reply.status in {200, 400, 413}


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_body_is_inflated_up_to_a_bound(
    inference: Inference, coding: str, report: Callable[[str, str, str], None]
) -> None:
    body = GIGABYTES if coding == "gzip" else zeros(1024)
    request = post(INFER, "application/json", body, content_encoding=coding)
    reply = judge(inference, f"1 GB in {len(body) // 1024} kB of {coding}", request, BOUND, report)
    assert reply.status in {400, 413}
    assert list(json.loads(reply.body)) == ["error"]


def test_a_gzip_of_many_members_is_counted_as_one(
    inference: Inference, report: Callable[[str, str, str], None]
) -> None:
    request = post(INFER, "application/json", zeros(1, 31) * 1_024, content_encoding="gzip")
    reply = judge(inference, "1 GB in 1,024 members of gzip", request, BOUND, report)
    assert reply.status in {400, 413}


def test_codings_are_not_stacked(
    inference: Inference, report: Callable[[str, str, str], None]
) -> None:
    request = post(INFER, "application/json", GIGABYTES, content_encoding="gzip, gzip")
    reply = judge(inference, "gzip in gzip", request, BOUND, report)
    assert reply.status in {400, 415}


def test_images_are_not_inflated_at_all(
    inference: Inference, report: Callable[[str, str, str], None]
) -> None:
    request = post("/predict", "image/png", GIGABYTES, content_encoding="gzip")
    assert judge(inference, "an image in gzip", request, BOUND, report).status == 415
