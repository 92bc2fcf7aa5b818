from __future__ import annotations

import asyncio
import contextlib
import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from inference import uploads
from inference.budget import Budget
from inference.errors import (
    BadRequestError,
    BusyError,
    RequestError,
    TooLargeError,
    UnsupportedTypeError,
)
from inference.forms import parts
from inference.uploads import Limits, Upload, read_uploads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message, Receive

    from inference.forms import Part

FORM = "multipart/form-data; boundary=b"


def read(  # noqa: PLR0913 - what is sent, and the limits
    chunks: list[bytes],
    kind: str | None = "image/png",
    length: str | None = None,
    budget: Budget | None = None,
    most: int = 100,
    *,
    more: dict[str, str] | None = None,
) -> list[Upload]:
    """What is read of a body that comes in these chunks, with limits of `most` bytes, 2 files."""
    headers = {"content-type": kind, "content-length": length, **(more or {})}
    messages: list[Message] = [
        *({"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks),
        {"type": "http.request", "body": b"", "more_body": False},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    sent = {key: value for key, value in headers.items() if value is not None}
    return asyncio.run(receive_with(receive, sent, budget or Budget(100_000), most))


async def receive_with(
    receive: Receive, headers: dict[str, str], budget: Budget, most: int = 100
) -> list[Upload]:
    raw = [(key.lower().encode(), value.encode("latin-1")) for key, value in headers.items()]
    request = Request({"type": "http", "headers": raw, "method": "POST"}, receive)
    with budget.lease() as memory:
        return await read_uploads(request, Limits(most, 2, memory))


def part(head: bytes, content: bytes = b"x") -> bytes:
    return b"--b\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + content + b"\r\n"


@pytest.mark.parametrize("kind", ["image/png", "IMAGE/x-own", "application/octet-stream; a=b"])
def test_a_raw_body_is_one_image(kind: str) -> None:
    assert read([b"ab", b"c"], kind) == [Upload(None, b"abc")]


def test_a_body_of_many_small_pieces_takes_no_more_memory_than_it_has() -> None:
    size = left = 400_000

    async def receive() -> Message:
        nonlocal left
        left -= 2
        return {"type": "http.request", "body": left.to_bytes(4)[2:], "more_body": left > 0}

    async def measured() -> int:
        (upload,) = await receive_with(
            receive, {"content-type": "image/png"}, Budget(size), most=size
        )
        assert len(upload.content) == size
        return tracemalloc.get_traced_memory()[1]

    tracemalloc.start()
    try:
        peak = asyncio.run(measured())
    finally:
        tracemalloc.stop()
    assert peak < 4 * size


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/json", "multipart/mixed"])
def test_other_types_are_refused(kind: str | None) -> None:
    with pytest.raises(UnsupportedTypeError):
        read([b"x"], kind)


@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, gzip", ""])
def test_a_compressed_body_is_refused(coding: str) -> None:
    with pytest.raises(UnsupportedTypeError, match="without a Content-Encoding"):
        read([b"x"], more={"content-encoding": coding})


def test_a_second_coding_is_not_overlooked() -> None:
    with pytest.raises(UnsupportedTypeError):
        read([b"x"], more={"content-encoding": "identity", "Content-Encoding": "gzip"})


def test_the_coding_that_changes_nothing_is_taken() -> None:
    assert read([b"x"], more={"content-encoding": "Identity"}) == [Upload(None, b"x")]


def test_a_body_of_exactly_the_limit_passes() -> None:
    assert read([b"x" * 60, b"x" * 40], length="100")[0].content == b"x" * 100


@pytest.mark.parametrize("length", ["101", "9" * 5000, None])
def test_a_longer_body_is_refused(length: str | None) -> None:
    with pytest.raises(TooLargeError, match="100 bytes"):
        read([b"x" * 60, b"x" * 41], length=length)


def test_an_announced_length_is_refused_before_the_body_is_read() -> None:
    with pytest.raises(TooLargeError):
        read([], length="101")


def test_a_length_that_lies_is_counted() -> None:
    with pytest.raises(TooLargeError):
        read([b"x" * 101], length="5")


@pytest.mark.parametrize("chunks", [[], [b""]])
def test_an_empty_body_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(BadRequestError, match="no image"):
        read(chunks)


def test_bodies_together_have_a_limit() -> None:
    budget = Budget(5)
    with pytest.raises(BusyError):
        read([b"abc", b"def"], budget=budget)
    assert budget.taken == 0


def test_a_client_that_goes_away_is_no_fault() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        asyncio.run(receive_with(gone, {"content-type": FORM}, Budget(9)))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_files_of_a_form_are_read_in_order_however_they_are_cut(size: int) -> None:
    body = part(b'name="file"; filename="a.png"', b"A\r\n-") + b"--b--\r\n"
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    assert read(chunks, FORM) == [Upload("a.png", bytearray(b"A\r\n-"))]


@pytest.mark.parametrize(
    ("head", "filename"),
    [
        (b'name="file"', None),
        (b'name="file"; filename=""', ""),
        (b'name="file"; filename="\xc3\xa4.png"', "ä.png"),
        (b'name="file"; filename="\xff"', "\ufffd"),
        (b'name="file"; filename="../../x"', "../../x"),
    ],
)
def test_file_names_are_text(head: bytes, filename: str | None) -> None:
    assert read([part(head) + b"--b--"], FORM)[0].filename == filename


def test_a_long_file_name_is_cut() -> None:
    head = b'name="file"; filename="' + b"n" * 300 + b'"'
    assert read([part(head) + b"--b--"], FORM, most=10_000)[0].filename == "n" * 255


def test_other_fields_are_passed_over() -> None:
    assert read([part(b'name="a"') + part(b'name="file"') + b"--b--"], FORM, most=1000) == [
        Upload(None, bytearray(b"x"))
    ]


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b"--b--", FORM, "no image"),
        (part(b'name="a"') + b"--b--", FORM, "no image"),
        (b"", FORM, "cut off"),
        (part(b'name="file"'), FORM, "cut off"),
        (b"nonsense", FORM, "broken"),
        (b"--b\r\nno header\r\n\r\nx\r\n--b--", FORM, "broken"),
        (b"x", "multipart/form-data", "names no boundary"),
        (b"x", "multipart/form-data; boundary=", "names no boundary"),
        (b"x", "multipart/form-data; boundary=" + "b" * 71, "1 to 70 letters"),
    ],
)
def test_a_broken_form_is_refused(body: bytes, kind: str, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        read([body], kind)


def test_a_content_type_of_too_many_parameters_is_refused() -> None:
    with pytest.raises(BadRequestError, match=r"Content-Type.*too many parameters"):
        read([b"--b--"], FORM + ";" * 100)


def test_a_long_form_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[threading.Thread] = []

    def noting(body: bytes, boundary: bytes) -> Iterator[Part]:
        readers.append(threading.current_thread())
        return parts(body, boundary)

    monkeypatch.setattr(uploads, "parts", noting)
    for size in (10, 1024 * 1024):
        form = part(b'name="file"', bytes(size)) + b"--b--"
        (found,) = read([form], FORM, budget=Budget(2 * len(form)), most=len(form))
        assert len(found.content) == size
    assert [each is threading.main_thread() for each in readers] == [True, False]


def test_too_many_files_are_refused() -> None:
    body = b"--b\r\nContent-Disposition:x;name=file\r\n\r\n\r\n" * 3 + b"--b--"
    with pytest.raises(BadRequestError, match="at most 2"):
        read([body], FORM, most=10_000)


def test_too_many_fields_are_refused() -> None:
    body = b"--b\r\nContent-Disposition:x;name=y\r\n\r\n\r\n" * 21 + b"--b--"
    with pytest.raises(BadRequestError, match="too many form fields"):
        read([body], FORM, most=10_000)


@given(
    st.lists(st.sampled_from([b"--b", b"\r\n", b"--", b":", b"name=", b"file", b"\xff", b"\0"])),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30),
)
def test_any_form_is_read_or_refused(pieces: list[bytes], options: str) -> None:
    for kind in (FORM, f"multipart/form-data; {options}", options):
        with contextlib.suppress(RequestError):
            read([b"".join(pieces)], kind)
