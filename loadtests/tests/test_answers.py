from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests import answers
from loadtests.errors import AnswerError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def prediction(version: object = 1, *tops: object) -> bytes:
    shown = [{"top": top} for top in tops or ([{"probability": 0.6}, {"probability": 0.4}],)]
    return json.dumps({"model": {"version": version}, "predictions": shown}).encode()


def busy(body: object = None) -> bytes:
    return json.dumps({"error": {"code": "busy"}} if body is None else body).encode()


def test_a_right_prediction() -> None:
    answers.check(200, {}, prediction(), lambda body: answers.check_prediction(body, 1))


@pytest.mark.parametrize(
    "body",
    [
        prediction(None),
        prediction(0),
        prediction("1"),
        prediction(1, []),
        prediction(1, [{}]),
        prediction(1, [{"probability": None}]),
        prediction(1, [{"probability": 1.1}]),
        prediction(1, [{"probability": 0.9}, {"probability": 0.9}]),
        prediction(1, [{"probability": 1}], [{"probability": 1}]),
        b"{}",
        b"[]",
        b"no",
    ],
)
def test_a_wrong_prediction(body: bytes) -> None:
    with pytest.raises(AnswerError, match=r"^200 "):
        answers.check_prediction(body, 1)


@given(JSON)
def test_any_document_is_checked_without_another_error(document: Any) -> None:  # noqa: ANN401
    for check in (lambda body: answers.check_prediction(body, 1), answers.check_models):
        with pytest.raises(AnswerError):
            check(json.dumps(document).encode())
    with pytest.raises(AnswerError, match=r"^500"):
        answers.check(500, {}, json.dumps(document).encode(), answers.check_page)


@pytest.mark.parametrize(
    ("status", "headers", "body", "told"),
    [
        (503, {"retry-after": "1"}, busy(), "503 busy with Retry-After"),
        (503, {}, busy(), "503 busy without Retry-After"),
        (502, {}, b"<html>", "502"),
        (404, {}, busy([]), "404"),
        (413, {}, busy({"error": {"code": 3}}), "413"),
    ],
)
def test_a_refusal_has_its_own_name(
    status: int, headers: dict[str, str], body: bytes, told: str
) -> None:
    with pytest.raises(AnswerError) as caught:
        answers.check(status, headers, body, answers.check_page)
    assert str(caught.value) == told


def test_the_page_and_the_models() -> None:
    answers.check_page(b"<!doctype html><HTML>")
    answers.check_models(b'{"current": 3}')
    with pytest.raises(AnswerError, match="no page"):
        answers.check_page(b"{}")
    with pytest.raises(AnswerError, match="current"):
        answers.check_models(b'{"current": null}')
