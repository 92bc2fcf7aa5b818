from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import BadRequestError
from inference.tensor_binary import packed, read_elements, read_pixels

SHAPE = (2, 1, 2, 3)


@pytest.mark.parametrize(("datatype", "kind"), [("UINT8", "u1"), ("FP32", "<f4")])
@pytest.mark.parametrize("offset", range(4))
def test_pixels_are_read_wherever_they_begin(datatype: str, kind: str, offset: int) -> None:
    values = np.arange(12).reshape(SHAPE).astype(kind)
    raw = memoryview(b"x" * offset + values.tobytes())[offset:]
    images = read_pixels(raw, datatype, SHAPE)
    assert [image.tolist() for image in images] == values.tolist()
    assert {image.dtype for image in images} == {np.dtype(np.uint8)}


@pytest.mark.parametrize(("datatype", "size"), [("UINT8", 12), ("FP32", 48)])
@pytest.mark.parametrize("more", [-1, 1])
def test_more_or_fewer_bytes_are_refused(datatype: str, size: int, more: int) -> None:
    with pytest.raises(BadRequestError, match=f"{size + more} bytes came .* takes {size}"):
        read_pixels(memoryview(bytes(size + more)), datatype, SHAPE)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_what_is_packed_is_read(texts: list[str]) -> None:
    raw = packed(texts)
    assert [each.decode() for each in read_elements(memoryview(raw), len(texts))] == texts
    for count in (len(texts) - 1, len(texts) + 1):
        with pytest.raises(BadRequestError):
            read_elements(memoryview(raw), count)


@given(st.binary(max_size=40), st.integers(1, 5))
def test_whatever_comes_is_read_or_refused(raw: bytes, count: int) -> None:
    try:
        elements = read_elements(memoryview(raw), count)
    except BadRequestError:
        return
    assert b"".join(len(each).to_bytes(4, "little") + each for each in elements) == raw


def test_a_length_beyond_the_end_is_refused() -> None:
    for raw in (b"\xff\xff\xff\xff", b"\x02\x00\x00\x00x", b"\x00\x00\x00", b""):
        with pytest.raises(BadRequestError, match="1 elements"):
            read_elements(memoryview(raw), 1)
