from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.forms import FormError, Part, parts

LARGEST = 20_971_520
PIECE = 256 * 1024
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
#: Seen with these, with a parser that looks at every byte in Python: 10 to 15 s each.
SLOWEST = {
    "padding": HEAD + b"x\r\n--b" + b" " * LARGEST,
    "no end of the line": HEAD + b"\r\n--bX" * (LARGEST // 6),
    "no end of the form": HEAD + b"\r\n--b-X" * (LARGEST // 7),
    "half an end": HEAD + b"\r\n--b\rX" * (LARGEST // 7),
    "empty lines": b"\r\n" * (LARGEST // 2),
    "a header": b"--b\r\nA:" + b" " * LARGEST,
    "nearly headers": (HEAD[:-2] + b";" * 4000 + b"\r\n\r\nx\r\n") * 84,
}


def read(body: bytes, boundary: bytes = b"b") -> list[Part]:
    return list(parts(body, boundary))


def part(header: bytes, content: bytes) -> bytes:
    return b"\r\n--b\r\n" + header + b"\r\n\r\n" + content


CONTENT = st.binary().filter(lambda content: b"--b" not in content)


@given(st.lists(CONTENT), st.sampled_from([b"", b"\r\n", b"any epilogue"]))
def test_contents_come_as_they_were_sent(contents: list[bytes], epilogue: bytes) -> None:
    body = b"".join(part(b'Content-Disposition: a; name="n"', each) for each in contents)
    got = read(body + b"\r\n--b--" + epilogue)
    assert got == [Part(b"n", None, content) for content in contents]


@pytest.mark.parametrize(
    ("header", "name", "filename"),
    [
        (b"Content-Disposition: form-data; name=n", b"n", None),
        (b'content-disposition:form-data;name="n";filename=""', b"n", ""),
        (b'Content-Type: a/b\r\nContent-Disposition: x; filename="a;b"; name=n', b"n", "a;b"),
        (b"Content-Disposition: form-data", b"", None),
        (b"Content-Type: a/b", b"", None),
    ],
)
def test_a_header_names_the_part(header: bytes, name: bytes, filename: str | None) -> None:
    assert read(part(header, b"x") + b"\r\n--b--") == [Part(name, filename, b"x")]


def test_a_part_may_have_no_header() -> None:
    assert read(b"--b\r\n\r\nx\r\n--b--") == [Part(b"", None, b"x")]


def test_delimiters_may_be_padded() -> None:
    assert [each.content for each in read(b"--b \t\r\n\r\nx\r\n--b  \r\n\r\ny\r\n--b--")] == [
        b"x",
        b"y",
    ]


def test_a_part_is_looked_for_when_it_is_asked_for() -> None:
    found = parts(part(b"A: b", b"x") + b"\r\n--b broken", b"b")
    assert next(found).content == b"x"
    with pytest.raises(FormError, match="broken"):
        next(found)


@pytest.mark.parametrize("before", range(PIECE - 8, PIECE + 3))
def test_a_delimiter_is_found_wherever_it_begins(before: int) -> None:
    assert [each.content for each in read(part(b"A: b", bytes(before)) + b"\r\n--b--")] == [
        bytes(before)
    ]


def test_a_header_has_not_any_number_of_parameters() -> None:
    disposition = b'Content-Disposition: form-data; name=x; filename="%b"'
    (found,) = read(part(disposition % (b";" * 98), b"") + b"\r\n--b--")
    assert found.filename == ";" * 98
    with pytest.raises(FormError, match="too many parameters"):
        read(part(disposition % (b";" * 99), b"") + b"\r\n--b--")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "cut off"),
        (b"--", "cut off"),
        (b"--b", "cut off"),
        (b"--b\r", "cut off"),
        (b"--b\r\nA: b", "cut off"),
        (b"--b\r\nA: b\r\n\r\nx", "cut off"),
        (b"--b\r\nA: b\r\n\r\nx\r\n--b", "cut off"),
        (b"--c--", "broken"),
        (b"text\r\n--b--", "broken"),
        (b"--bc\r\n\r\n\r\n--b--", "broken"),
        (b"--b\r\nno header\r\n\r\n\r\n--b--", "broken"),
        (b"--b\r\nA b: c\r\n\r\n\r\n--b--", "broken"),
        (b"--b\r\nA: b\n: c\r\n\r\n\r\n--b--", "broken"),
        (b"--b\r\nA: " + b"b" * 4096 + b"\r\n\r\n\r\n--b--", "too long"),
        (b"--b\r\nA: " + b"b" * LARGEST, "too long"),
    ],
)
def test_what_is_no_whole_form_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(FormError, match=reason):
        read(body)


@pytest.mark.parametrize("boundary", [b"", b"b" * 71])
def test_a_boundary_has_a_length(boundary: bytes) -> None:
    with pytest.raises(FormError, match="1 to 70"):
        read(b"", boundary)
    assert read(b"--" + b"b" * 70 + b"--", b"b" * 70) == []


@pytest.mark.parametrize("body", SLOWEST.values(), ids=SLOWEST)
def test_no_form_keeps_the_event_loop_busy(body: bytes) -> None:
    began = time.process_time()
    with pytest.raises(FormError):
        read(body)
    assert time.process_time() - began < 1
