"""Forms that are small to send and large to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bombs import MEGABYTE, chunked, form, part
from verdicts import Bound, judge
from wire import head, post

if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_process import Inference

FORM = "multipart/form-data; boundary=b"
LARGEST = 20 * MEGABYTE
BOUND = Bound(3.0, 3 * LARGEST)
IMAGE = b"GIF89a"
NESTED = b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n" * 2_000


def broken(start: bytes, piece: bytes) -> bytes:
    """As much of a piece as a body may hold."""
    return start + piece * ((LARGEST - len(start)) // len(piece))


HEADER = b"--b\r\n" + part(b"")
BODIES = {
    "10,000 files": (FORM, form([part(IMAGE)] * 10_000)),
    "10,000 fields": (FORM, form([part(b"x", f"n{number}") for number in range(10_000)])),
    "10,000 fields of one name": (FORM, form([part(b"x", "n")] * 10_000)),
    "names nested 10,000 deep": (FORM, form([part(b"x", "file" + "[a]" * 10_000)])),
    "dotted names": (FORM, form([part(b"x", "file" + ".a" * 1_000)])),
    "forms nested 2,000 deep": (FORM, form([NESTED])),
    "no boundary": ("multipart/form-data", form([part(IMAGE)])),
    "an empty boundary": ("multipart/form-data; boundary=", form([part(IMAGE)])),
    "another boundary": (FORM, form([part(IMAGE)], b"c")),
    "a boundary of 10 kB": (
        f"multipart/form-data; boundary={'b' * 10_000}",
        form([part(IMAGE)], b"b" * 10_000),
    ),
    "a part header of 1 MB": (FORM, form([part(IMAGE, more="; x=" + "x" * MEGABYTE)])),
    "1 MB of part headers": (FORM, form([b"a: b\r\n" * (MEGABYTE // 6) + part(IMAGE)])),
    "a file name of 1 MB": (FORM, form([part(IMAGE, more=f'; filename="{"x" * MEGABYTE}"')])),
    "no end": (FORM, form([part(IMAGE)], end=b"")),
    "20 MB of what is nearly an end": (FORM, broken(HEADER, b"\r\n--b-")),
    "20 MB of what is nearly a part": (FORM, broken(HEADER, b"\r\n--bX")),
    "20 MB of padding": (FORM, broken(HEADER + b"\r\n--b", b" ")),
    "20 MB of empty lines": (FORM, broken(b"", b"\r\n")),
    "20 MB of an unfinished header": (FORM, broken(b"--b\r\nA: ", b"x")),
    "parameters without end": (f"{FORM}{';' * 30_000}", form([part(IMAGE)])),
    "quotes without end": (f'{FORM}; a="{";" * 30_000}', form([part(IMAGE)])),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_form_is_refused_and_costs_little(
    inference: Inference, name: str, report: Callable[[str, str, str], None]
) -> None:
    kind, body = BODIES[name]
    reply = judge(inference, name, post("/predict", kind, body), BOUND, report)
    assert 400 <= reply.status < 500


def test_a_million_tiny_chunks_are_one_form(
    inference: Inference, red: bytes, report: Callable[[str, str, str], None]
) -> None:
    filler = part(b"x" * (1_000_000 - len(red) - 300), "n")
    body = chunked(form([filler, part(red)]), 1)
    request = head("POST", "/predict", **{"content-type": FORM, "transfer-encoding": "chunked"})
    name = "a form of a million chunks"
    reply = judge(inference, name, request + body, Bound(15.0, BOUND.growth), report)
    assert reply.status in {200, 400, 413}
