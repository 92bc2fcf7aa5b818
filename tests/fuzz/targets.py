"""What is fuzzed: each takes any bytes, and raises only where the server would fail."""

from __future__ import annotations

import contextlib

import numpy as np
from inference.errors import RequestError
from inference.forms import FormError, parts
from inference.infer_request import Takes, read_request
from inference.recipes import TooManyPixelsError, UnreadableImageError, decode

SIDE = 8
MAX_PIXELS = 1_000_000
MOST_IMAGES = 16
WHOLE = 0xFFFF


def images(data: bytes) -> None:
    """`recipes.decode`."""
    with contextlib.suppress(UnreadableImageError, TooManyPixelsError):
        pixels = decode(data, SIDE, SIDE, MAX_PIXELS)
        assert pixels.shape == (SIDE, SIDE, 3)
        assert pixels.dtype == np.uint8


def forms(data: bytes) -> None:
    """`forms.parts`; the first line is the boundary."""
    boundary, _, body = data.partition(b"\n")
    with contextlib.suppress(FormError):
        for part in parts(body, boundary):
            assert part.content in body
            assert b"\r\n--" + boundary not in part.content


def tensors(data: bytes) -> None:
    """`infer_request.read_request`; the first two bytes are the length of the JSON."""
    length, body = int.from_bytes(data[:2], "big"), data[2:]
    json_bytes = None if length == WHOLE else min(length, len(body))
    with contextlib.suppress(RequestError):
        asked = read_request(body, json_bytes, Takes(SIDE, SIDE, MOST_IMAGES))
        assert 1 <= len(asked.images) <= MOST_IMAGES


TARGETS = {target.__name__: target for target in (images, forms, tensors)}
