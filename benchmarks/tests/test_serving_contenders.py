from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from serving_contenders import (
    CONTENDERS,
    OURS,
    Answer,
    agree,
    encode,
    parse_answer,
    request,
)

if TYPE_CHECKING:
    from serving_contenders import (
        Contender,
    )

PHOTO = b"\xff\xd8 photo"


@pytest.mark.parametrize(
    "content",
    [
        b'{"predictions": [{"filename": null, "top": [{"label": "a", "probability": 0.5}]}]}',
        b'{"label": "a", "probability": 0.5}',
        b'[{"label": "a", "probability": 0.5}]',
        b'{"outputs": [{"data": ["{\\"label\\": \\"a\\", \\"probability\\": 0.5}"]}]}',
    ],
    ids=["this server", "a plain object", "BentoML", "MLServer"],
)
def test_answers_are_understood(content: bytes) -> None:
    assert parse_answer(content) == Answer("a", 0.5)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"3", b'{"predictions": []}'])
def test_what_names_no_class_is_no_answer(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_answer(content)


def test_one_photo_in_eight_may_be_near_a_tie() -> None:
    first = [Answer("a", 0.5)] * 8
    assert agree(first, [*first[1:], Answer("b", 0.5)])
    assert not agree(first, [*first[2:], Answer("b", 0.5), Answer("a", 0.6)])


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: str(contender.name))
def test_every_form_has_the_photo_in_it(contender: Contender) -> None:
    _, body = encode(contender.form, PHOTO)
    assert PHOTO in body or base64.b64encode(PHOTO) in body


def test_a_request_tells_its_length() -> None:
    head, _, body = request(OURS, OURS.form, PHOTO).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /predict HTTP/1.1\r\nHost: ")
    assert f"Content-Length: {len(PHOTO)}".encode() in head
    assert body == PHOTO
