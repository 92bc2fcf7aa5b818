"""The page's own refusals, in the words of the model server."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx

from page_sandbox import SECURITY_HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable

DOWN_SECONDS = 3.0


def assert_down(site: httpx.Client, report: Callable[[str, str, str], None]) -> None:
    """That a visitor is told soon, and again, that the model server does not answer."""
    for _ in range(2):
        began = time.monotonic()
        answer = site.get("/api/models")
        seconds = time.monotonic() - began
        report("a backend that is down is told", f"{seconds:.2f} s", f"<= {DOWN_SECONDS} s")
        assert answer.status_code == httpx.codes.BAD_GATEWAY
        assert_error(answer.headers["content-type"], answer.content, "bad_gateway")
        assert answer.headers.keys() >= SECURITY_HEADERS
        assert seconds <= DOWN_SECONDS


def assert_error(content_type: str, body: bytes, code: str) -> None:
    """That an answer is an error of the API, with this code and one line."""
    error = json.loads(body)["error"]
    assert (content_type, error["code"]) == ("application/json", code)
    assert "\n" not in error["message"]
