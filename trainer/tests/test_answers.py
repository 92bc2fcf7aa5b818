"""What an HTTP answer says about how to go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from trainer.answers import check_redirect, gives_the_rest, retry_after
from trainer.errors import DataError


def test_retry_after() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    past = "Wed, 21 Oct 2015 07:28:00 GMT"
    assert asked("7") == 7
    assert asked("86400") == 60
    assert 20 < (asked(soon) or 0) <= 30
    assert asked(past) == 0
    assert asked("soon") is None
    assert asked("-5") is None


def asked(value: str) -> float | None:
    return retry_after(httpx.Response(503, headers={"Retry-After": value}))


@pytest.mark.parametrize(
    ("place", "fits"),
    [
        ("bytes 3-9/10", True),
        ("bytes 0-9/10", False),
        ("bytes 3-8/10", False),
        ("bytes 3-9/*", False),
        ("", False),
        ("bytes 3-99999999999999999999/10", False),
    ],
)
def test_partial_answer_must_be_the_rest(place: str, *, fits: bool) -> None:
    response = httpx.Response(206, headers={"Content-Range": place})
    assert gives_the_rest(response, 3, '"1"') is fits


@pytest.mark.parametrize(
    ("headers", "fits"),
    [
        ({"ETag": '"1"', "Content-Length": "7"}, True),
        ({"ETag": '"2"'}, False),
        ({"Content-Length": "6"}, False),
    ],
)
def test_partial_answer_must_be_of_the_same_file(headers: dict[str, str], *, fits: bool) -> None:
    response = httpx.Response(206, headers={"Content-Range": "bytes 3-9/10", **headers})
    assert gives_the_rest(response, 3, '"1"') is fits


@pytest.mark.parametrize("target", ["http://h.test/", "file:///etc/passwd", "gopher://h.test/"])
def test_redirect_that_is_not_followed(target: str) -> None:
    request = httpx.Request("GET", "https://h.test/")
    with pytest.raises(DataError, match="redirected"):
        check_redirect(httpx.Response(302, headers={"Location": target}, request=request))


@pytest.mark.parametrize("target", ["/other", "https://other.test/"])
def test_redirect_that_is_followed(target: str) -> None:
    request = httpx.Request("GET", "https://h.test/")
    check_redirect(httpx.Response(302, headers={"Location": target}, request=request))
