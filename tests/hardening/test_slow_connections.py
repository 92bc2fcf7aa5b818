"""200 connections that say half a request, or a byte a second, beside clients that work."""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from load import OK, OpenLoop, closed_loop, p99
from slow_clients import connect_slowly
from wire import JPEG, post

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inference_process import Inference
    from load import Answer
    from slow_clients import SlowClient

SLOW = 200
RATE_SHARE = 0.3  # of the capacity: what a good client waits is the server's time, not a queue's
PASSES, PASS_SECONDS = 5, 3.0
WORSE = 2.0
CLOSED_SECONDS = 90.0  # until the last slow connection is closed


@dataclass(frozen=True, slots=True)
class Drill:
    """What good clients got, by pass, without and with slow ones beside them."""

    without: list[list[Answer]]
    beside: list[list[Answer]]
    slow: list[SlowClient]
    swapped: int


@pytest.fixture(scope="module")
def drill(inference: Inference, photo: bytes) -> Drill:
    return asyncio.run(_run(inference, [post("/predict", JPEG, photo)]))


async def _run(inference: Inference, requests: Sequence[bytes]) -> Drill:
    port = inference.port
    peak = len(await closed_loop(port, requests, 8, PASS_SECONDS)) / PASS_SECONDS
    drill = Drill([], [], [], inference.versions.last + 1)
    for number in range(PASSES):
        drill.without.append(await _good_answers(port, requests, RATE_SHARE * peak))
        slow = await connect_slowly(port, SLOW)
        if number == PASSES // 2:
            inference.versions.publish()
        drill.beside.append(await _good_answers(port, requests, RATE_SHARE * peak))
        if number < PASSES - 1:
            for client in slow:
                client.close()
        else:
            drill.slow.extend(slow)
    async with asyncio.timeout(CLOSED_SECONDS):
        for client in drill.slow:
            await client.ended.wait()
    return drill


async def _good_answers(port: int, requests: Sequence[bytes], rate: float) -> list[Answer]:
    good = OpenLoop(port, requests)
    await good.run(rate, PASS_SECONDS)
    return good.answers


def test_good_requests_are_as_fast_as_without(
    drill: Drill, report: Callable[[str, str, str], None]
) -> None:
    without = statistics.median(p99(answers) for answers in drill.without)
    beside = statistics.median(p99(answers) for answers in drill.beside)
    report(
        f"p99 of good requests beside {SLOW} slow connections",
        f"{beside * 1000:.1f} ms, {beside / without:.2f} x the {without * 1000:.1f} ms without",
        f"< {WORSE:g} x",
    )
    assert beside < WORSE * without


def test_no_good_request_fails_nor_does_a_new_version_change_that(drill: Drill) -> None:
    answers = [answer for each in (*drill.without, *drill.beside) for answer in each]
    assert [answer for answer in answers if answer.status != OK] == []
    assert {answer.version for answer in answers} == {drill.swapped - 1, drill.swapped}


def test_slow_connections_are_closed(drill: Drill, report: Callable[[str, str, str], None]) -> None:
    seconds = [client.seconds for client in drill.slow if client.ended.is_set()]
    report(
        f"the last of {SLOW} slow connections is closed",
        f"after {max(seconds):.1f} s",
        f"< {CLOSED_SECONDS:.0f} s",
    )
    assert len(seconds) == SLOW
