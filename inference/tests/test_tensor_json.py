from __future__ import annotations

import base64
import itertools
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference.errors import BadRequestError, RequestError, TooLargeError
from inference.tensor_json import Array, read_base64, read_document, read_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPE = (2, 1, 3)
VALID = "[[[1,2,3]],[[4,5,255]]]"
PLAIN = st.characters(exclude_categories=["Cs"], exclude_characters='"\\')
SCALARS = st.none() | st.booleans() | st.integers(-9, 999) | st.text() | st.just('"data":[1]')
DATA = st.lists(st.integers(0, 300) | st.floats(0, 1), max_size=5) | st.lists(
    st.text(PLAIN), max_size=5
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6), inner, max_size=4)
        | st.builds(
            lambda fields, data: {**fields, "data": data, "z": 0},
            st.dictionaries(st.text(max_size=6), inner, max_size=3),
            DATA,
        )
    ),
    max_leaves=12,
)


def restored(node: Any) -> Any:  # noqa: ANN401 - any part of a document
    """A document as it was, with its data."""
    if isinstance(node, Array):
        return json.loads(node.raw)
    if isinstance(node, dict):
        return {key: restored(value) for key, value in node.items()}
    return [restored(value) for value in node] if isinstance(node, list) else node


@given(st.dictionaries(st.text(max_size=6), DOCUMENTS, max_size=4), st.sampled_from([None, 1]))
@example({"a\\": 1, "data": [1, 2], '"data': '"data":[3]', "\\": {"data": ["]", "[", ","]}}, None)
@example({"data": ["a", "data"], "data ": [["x"]], "z": ['"data"', 1]}, None)
def test_a_document_is_read_with_its_data_apart(document: dict[str, Any], indent: int) -> None:
    for ascii_only in (True, False):
        text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
        raw = text.encode("utf-8", "surrogatepass")
        try:
            raw.decode()
        except UnicodeDecodeError:
            continue
        assert restored(read_document(raw)) == document


def test_data_is_cut_out() -> None:
    raw = b'{"inputs":[{"data" :\n[[1, 2],[3,4]] , "name": "data"}, {"data":["a]","b"],"x":1}]}'
    assert read_document(raw) == {
        "inputs": [
            {"data": Array(b"[[1, 2],[3,4]]"), "name": "data"},
            {"data": Array(b'["a]","b"]'), "x": 1},
        ]
    }


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":NaN}',
        b'{"a":NaN,"data":[1]}',
        b'{"data":[1],"a":NaN}',
        b'{"data":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"data":[1',
        b'{"data":["a',
        b'{"data":["a\\"b"]}',
        b'{"data":[1]x}',
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":' * 1000,
        b"[" * 60_000,
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"data":[' * 1000,
        b'{"data":[' + b'"",' * 100_001 + b'""]}',
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequestError):
        read_document(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"' + b"x" * 70_000 + b'"}',
        b"[" * 5_000_000,
        b'"data"' * 1_000_000,
        b'{"a":' * 1_000_000,
        b'{"data":' + b" " * 70_000 + b"[1]}",
        b'{"data":[1]' + b" " * 70_000 + b"}",
        b'{"data":["' + b"A" * 70_000,
    ],
)
def test_much_json_beside_the_data_is_too_large(raw: bytes) -> None:
    with pytest.raises(TooLargeError):
        read_document(raw)


def test_much_data_is_not_too_large() -> None:
    raw = b'{"data":[' + b"1," * 100_000 + b'1],"a":["' + b"x" * 60_000 + b'"]}'
    assert len(read_document(raw)["data"].raw) == 200_003  # type: ignore[attr-defined]


def numbers_of(text: str, shape: tuple[int, ...] = SHAPE) -> NDArray[np.uint8] | None:
    try:
        return read_numbers(Array(text.encode()), shape)
    except BadRequestError:
        return None


def expected(text: str) -> NDArray[np.uint8] | None:
    """What Python's own parser makes of it."""
    try:
        found = json.loads(text)
        values = np.array(found, float)
    except (ValueError, TypeError, OverflowError):
        return None
    if values.shape not in {SHAPE, (6,)} or not np.isin(values, np.arange(256)).all():
        return None
    return values.astype(np.uint8).reshape(SHAPE)


EDITS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 2), st.text("[],[],012e.-+ \n", max_size=2)),
    max_size=3,
)


@given(st.sampled_from([VALID, "[1,2,3,4,5,255]", "[ [[1, 2, 3.0]],[[4,\n5,2.55e2]]]"]), EDITS)
def test_numbers_are_read_as_strictly_as_by_pythons_parser(
    text: str, edits: list[tuple[int, int, str]]
) -> None:
    for at, dropped, put in edits:
        text = text[:at] + put + text[at + dropped :]
    np.testing.assert_equal(numbers_of(text), expected(text))


def test_brackets_that_are_all_there_but_not_in_place_are_refused() -> None:
    tokens = ["[", "[", "1", ",", "2", "]", ",", "[", "3", ",", "4", "]", "]"]
    sound = "".join(tokens)
    for first, second in itertools.combinations(range(len(tokens)), 2):
        moved = tokens.copy()
        moved.insert(second, moved.pop(first))
        text = "".join(moved)
        if text != sound:
            assert numbers_of(text, (2, 2)) is None or json.loads(text)


@given(st.data(), st.sampled_from([(1, 4, 4, 3), (3, 2, 5, 3), (1, 1, 1, 3)]))
def test_flat_and_nested_numbers_are_read_alike(
    data: st.DataObject, shape: tuple[int, ...]
) -> None:
    seed = data.draw(st.integers(0, 2**32 - 1))
    values = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    for kind in (values, values.astype(float)):
        for found in (kind, kind.ravel()):
            raw = json.dumps(found.tolist(), indent=data.draw(st.sampled_from([None, 1]))).encode()
            assert (read_numbers(Array(raw), shape) == values).all()


def test_numbers_in_many_pieces_are_read_whole() -> None:
    shape = (5, 100, 100, 3)
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    raw = json.dumps(values.tolist(), separators=(",", ":")).encode()
    assert len(raw) > 500_000
    tracemalloc.start()
    assert (read_numbers(Array(raw), shape) == values).all()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(raw)  # which is what the service counts with
    with pytest.raises(BadRequestError):
        read_numbers(Array(raw.replace(b"255", b"256")), shape)


@pytest.mark.parametrize("shift", range(8))
def test_a_bracket_out_of_place_is_found_wherever_it_is(shift: int) -> None:
    sound = b"[1,1,1]"
    rows = [sound] * 6000
    rows[0] = b"[1" + b"." * (shift > 1) + b"0" * (shift - 1) + b",1,1]"
    assert read_numbers(Array(b"[" + b",".join(rows) + b"]"), (6000, 3)).all()
    for row in range(2040, 2055):
        for spoilt in (b"[1,1,]1", b"1[,1,1]"):
            moved = [*rows[:row], spoilt, *rows[row + 1 :]]
            with pytest.raises(BadRequestError):
                read_numbers(Array(b"[" + b",".join(moved) + b"]"), (6000, 3))


def test_a_shape_that_is_only_announced_costs_nothing() -> None:
    tracemalloc.start()
    for raw in (b"[1]", b"[" * 1000, b"[1," + b" " * 1000 + b"2]"):
        with pytest.raises(BadRequestError):
            read_numbers(Array(raw), (100, 1024, 1024, 3))
        with pytest.raises(BadRequestError):
            read_base64(Array(raw), 100_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_number_of_many_digits_is_not_even_parsed() -> None:
    with pytest.raises(BadRequestError, match="too many digits"):
        read_numbers(Array(b"[" + b"1" * 500_000 + b",2,3]"), (3,))


@pytest.mark.parametrize(
    ("raw", "shape"),
    [
        (b"[1]", (64, 1024, 1024, 3)),
        (b"[" * 100_000, (1, 1, 3)),
        (b"[[1],2,3]", (3,)),
        (b"[" + b"1" * 5000 + b",2,3]", (3,)),
        (b"[" + b"1" * 400 + b",2,3]", (3,)),
        (b"[1e999,2,3]", (3,)),
        (b"[1e-999,-2,3]", (3,)),
        (b"[01,2,3]", (3,)),
        (b"[+1,2,3]", (3,)),
        (b"[1 2,3,4]", (3,)),
        (b"[1.,2,3]", (3,)),
        (b"[1,2,3,]", (3,)),
        (b"[,1,2,3]", (3,)),
        (b"[1,2,,3]", (3,)),
        (b"[" + b"1," * 40_000 + b"]", (40_000,)),
        (b"[" + b"1," * 32_768 + b"]", (32_769,)),
        (b'["1","2","3"]', (3,)),
        (b"[]", (1,)),
    ],
)
def test_other_numbers_are_refused(raw: bytes, shape: tuple[int, ...]) -> None:
    with pytest.raises(BadRequestError):
        read_numbers(Array(raw), shape)


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5), st.booleans())
def test_base64_is_read(elements: list[bytes], column: bool) -> None:  # noqa: FBT001 - drawn
    texts: list[Any] = [base64.b64encode(each).decode() for each in elements]
    raw = json.dumps([[text] for text in texts] if column else texts)
    for written in (raw, raw.replace("/", "\\/"), raw.replace(",", " ,\n")):
        assert read_base64(Array(written.encode()), len(elements)) == elements


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b'["AAAA","AAAA"]',
        b'["AAA"]',
        b'["AA=A"]',
        b'["AAAA\\n"]',
        b'["A A A A"]',
        b'["====" ]',
        b'["_-_-"]',
        '["ä"]'.encode(),
        b'["\\ud800"]',
        b"[1]",
        b"[[]]",
        b'[["AAAA"],["AAAA"]]',
        b'[[["AAAA"]]]',
        b'["AAAA"',
        b'["AAAA",]',
        b"[" * 100_000,
        b"[" + b"1," * 100_000 + b"1]",
    ],
)
def test_what_is_no_base64_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequestError, match=r"1 strings|not base64"):
        read_base64(Array(raw), 1)


def test_much_base64_is_read_whole() -> None:
    element = np.random.default_rng(0).bytes(100_001)
    text = base64.b64encode(element)
    assert read_base64(Array(b'["' + text + b'"]'), 1) == [element]
    for at in (16_384, 100_000, 133_332):
        spoilt = text[: at - 2] + b"==" + text[at:]
        with pytest.raises(BadRequestError):
            read_base64(Array(b'["' + spoilt + b'"]'), 1)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_whatever_comes_is_read_or_refused(noise: bytes, at: int) -> None:
    raw = b'{"id":"x","inputs":[{"name":"image","data":[[1,2],[3,4]],"shape":[2,2]}]}'
    try:
        document = read_document(raw[:at] + noise + raw[at:])
        for tensor in document["inputs"]:  # type: ignore[attr-defined]
            read_numbers(tensor["data"], (2, 2))
    except (RequestError, KeyError, TypeError, AttributeError):
        pass
