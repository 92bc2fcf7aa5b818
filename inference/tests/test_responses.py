from __future__ import annotations

import asyncio
import json

import pytest
from starlette.requests import Request

from inference.errors import BusyError, RequestError
from inference.responses import error_response, json_response, refusal, unrouted
from inference.service import Service
from inference.settings import Settings

REQUEST = Request({"type": "http", "method": "GET", "path": "/", "headers": []})


def test_text_that_utf_8_cannot_hold_is_escaped() -> None:
    answer = json_response({"label": "\ud800ä"})
    assert bytes(answer.body) == b'{"label":"\\ud800\\u00e4"}'


@pytest.mark.parametrize("path", ["/", "/models", "/v2x", "/models/v2/"])
def test_an_error_has_a_code_and_a_message(path: str) -> None:
    answer = error_response(path, 404, "not_found", "no such thing")
    assert answer.status_code == 404
    expected = {"error": {"code": "not_found", "message": "no such thing"}}
    assert json.loads(bytes(answer.body)) == expected


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v2/models/x"])
def test_an_error_is_told_to_the_open_inference_protocol_as_it_says(path: str) -> None:
    answer = error_response(path, 404, "not_found", "no such thing")
    assert json.loads(bytes(answer.body)) == {"error": "no such thing"}


@pytest.mark.parametrize(
    ("error", "status", "wait"), [(BusyError("b"), 503, "1"), (RequestError("r"), 400, None)]
)
def test_a_refusal_tells_when_to_try_again(
    error: RequestError, status: int, wait: str | None
) -> None:
    answer = refusal(error, "/")
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, wait)


def test_what_is_no_refusal_is_not_answered_as_one() -> None:
    for handler in (Service(Settings()).refused, unrouted):
        with pytest.raises(ZeroDivisionError):
            asyncio.run(handler(REQUEST, ZeroDivisionError()))
