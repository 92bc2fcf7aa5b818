from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from inference.errors import BrokenOffError
from inference.metrics import Metrics
from inference.requests import RequestLog

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send


def run(
    raised: Exception | None, *, begun: bool, route: str = "/x", status: int = 200
) -> list[Message]:
    """What is sent when the application raises, perhaps in the midst of its answer."""
    sent: list[Message] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        scope["route"] = Route(route, lambda _request: Response())
        if begun:
            await send({"type": "http.response.start", "status": status, "headers": []})
        if raised:
            raise raised

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/x\r\ny", "client": ("192.0.2.1", 5)}
    asyncio.run(RequestLog(app, Metrics())(scope, receive, send))
    return sent


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "inference.requests")


def test_a_fault_is_logged_and_answered_without_detail(caplog: pytest.LogCaptureFixture) -> None:
    start, body = run(RuntimeError("secret"), begun=False)
    assert start["status"] == 500
    assert json.loads(body["body"])["error"]["code"] == "internal"
    assert b"secret" not in body["body"]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert "secret" in str(record.exc_info[1])


def test_an_answer_that_was_begun_is_only_broken_off(caplog: pytest.LogCaptureFixture) -> None:
    assert [message["type"] for message in run(RuntimeError(), begun=True)] == [
        "http.response.start"
    ]
    assert caplog.records[0].levelno == logging.ERROR


def test_why_an_answer_was_broken_off_is_told_in_its_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run(BrokenOffError("no more came"), begun=True)
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.ERROR, None)
    assert record.__dict__["fields"]["error"] == "no more came"


def test_a_client_that_went_is_noted_as_499(caplog: pytest.LogCaptureFixture) -> None:
    assert run(ClientDisconnect(), begun=False) == []
    assert caplog.records[0].__dict__["fields"]["status"] == 499


def test_a_request_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    run(None, begun=True)
    (record,) = caplog.records
    told = record.__dict__["fields"]
    assert told.pop("milliseconds") >= 0
    assert told == {"method": "GET", "path": "/x\r\ny", "status": 200, "client": "192.0.2.1"}


@pytest.mark.parametrize(
    ("route", "status", "level"),
    [
        ("/ping", 200, logging.DEBUG),
        ("/metrics", 200, logging.DEBUG),
        ("/ping", 405, logging.INFO),
        ("/ready", 200, logging.DEBUG),
        ("/ready", 503, logging.DEBUG),
        ("/ready", 404, logging.INFO),
        ("/v2/health/live", 200, logging.DEBUG),
        ("/v2/health/ready", 503, logging.DEBUG),
        ("/predict", 503, logging.INFO),
        ("/predict", 200, logging.INFO),
    ],
)
def test_probes_with_an_expected_answer_do_not_fill_the_log(
    route: str, status: int, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    run(None, begun=True, route=route, status=status)
    assert [record.levelno for record in caplog.records] == [level]


def test_a_probe_that_fails_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    run(RuntimeError(), begun=True, route="/ping")
    assert caplog.records[0].levelno == logging.ERROR
