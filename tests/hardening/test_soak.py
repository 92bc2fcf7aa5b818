"""Mixed load for minutes, and hot swaps: what the process holds must not grow."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bombs import form, part
from hardening_fixtures import CORPUS
from inference_process import wait_for
from load import BUSY, OK, OpenLoop, ask_all, closed_loop
from wire import JPEG, head, post

if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_process import Inference
    from load import Answer

MINUTES = float(os.environ.get("SOAK_MINUTES", "1"))  # .ci/run has more patience
FULL_MINUTES = 30.0
WARM_SHARE = 0.25
RATE_SHARE = 0.3  # of the capacity
CROWD, CROWD_SECONDS = 80, 5.0  # clients, who fill the queue: what that takes is kept
BUSY_SHARE = 0.01  # of the requests, when the machine does something else
SAMPLE_SECONDS = 0.5
GROWTH = 0.02  # of the resident memory, by the line that fits the samples best
SETTLE_SECONDS = 30.0
INFER = "/v2/models/golden/infer"
PIXELS = b",".join([b"9"] * 8 * 8 * 3)
TENSOR = b'{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,8,8,3],"data":[%b]}]}' % PIXELS


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds at a time, without a client's connection."""

    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class Soak:
    """Samples of the memory, in seconds and bytes, and what was asked meanwhile."""

    samples: list[tuple[float, int]]
    answers: list[Answer]
    before: Held
    after: Held
    swapped: int


def requests(photo: bytes, red: bytes) -> list[bytes]:
    """What a server is asked in its life, the most of it in order."""
    images = [file.read_bytes() for file in sorted((CORPUS / "images").iterdir())]
    boundary = "multipart/form-data; boundary=b"
    return [
        *(post("/predict", "image/any", image) for image in images),
        *([post("/predict", JPEG, photo)] * 10),
        post("/predict", boundary, form([part(red), part(photo, more='; filename="a"')])),
        post(INFER, "application/json", TENSOR),
        post("/predict", JPEG, photo[:1000]),
        post("/predict", "text/plain", red),
        post("/predict?top_k=0", JPEG, photo),
        post(INFER, "application/json", TENSOR[:-9]),
        *(head("GET", path) for path in ("/ready", "/models", "/metrics", "/nothing")),
    ]


@pytest.fixture(scope="module")
def soak(inference: Inference, photo: bytes, red: bytes, full: bool) -> Soak:  # noqa: FBT001
    minutes = FULL_MINUTES if full else MINUTES
    return asyncio.run(_run(inference, requests(photo, red), minutes * 60))


async def _run(inference: Inference, mixed: list[bytes], seconds: float) -> Soak:
    port = inference.port
    peak = len(await closed_loop(port, mixed, 8, 3.0)) / 3.0
    load = OpenLoop(port, mixed)
    await closed_loop(port, mixed, CROWD, CROWD_SECONDS)
    inference.versions.publish()  # what a process keeps of a first swap is no growth
    await load.run(RATE_SHARE * peak, WARM_SHARE * seconds)
    before = await asyncio.to_thread(_settled, inference, None)
    load.answers.clear()
    samples: list[tuple[float, int]] = []
    watching = asyncio.create_task(_watch(inference, samples))
    coming = asyncio.create_task(_come_and_go(port, mixed, load.answers))
    swapping = asyncio.create_task(_swap(inference, (1 - WARM_SHARE) * seconds / 2))
    await load.run(RATE_SHARE * peak, (1 - WARM_SHARE) * seconds)
    for task in (watching, coming):
        task.cancel()
    await asyncio.gather(watching, coming, return_exceptions=True)
    after = await asyncio.to_thread(_settled, inference, before)
    return Soak(samples, load.answers, before, after, await swapping)


async def _watch(inference: Inference, samples: list[tuple[float, int]]) -> None:
    while True:
        samples.append((time.monotonic(), inference.resident()))
        await asyncio.sleep(SAMPLE_SECONDS)


async def _come_and_go(port: int, mixed: list[bytes], answers: list[Answer]) -> None:
    """Connections for one request each, beside those that are kept."""
    while True:
        for request in mixed:
            answers.extend(await ask_all(port, iter([request]), 1))
            await asyncio.sleep(SAMPLE_SECONDS / 10)


async def _swap(inference: Inference, after: float) -> int:
    await asyncio.sleep(after)
    return inference.versions.publish()


def _settled(inference: Inference, wanted: Held | None) -> Held:
    """What is held once the connections are closed, as they are to be."""
    last: list[Held] = []

    def steady() -> bool:
        last.append(Held(inference.descriptors(), inference.threads()))
        return last[-1] == wanted if wanted else last[-20:] == [last[-1]] * 20

    try:
        wait_for("connections are closed", SETTLE_SECONDS, steady)
    except AssertionError:
        if not wanted:
            raise
    return last[-1]


def test_memory_does_not_grow(soak: Soak, report: Callable[[str, str, str], None]) -> None:
    times, sizes = zip(*soak.samples, strict=True)
    middle, mean = sum(times) / len(times), sum(sizes) / len(sizes)
    slope = sum((at - middle) * size for at, size in soak.samples) / sum(
        (at - middle) ** 2 for at in times
    )
    seconds = times[-1] - times[0]
    growth = slope * seconds / mean
    report(
        f"memory in {seconds / 60:.1f} minutes of {len(soak.answers)} requests",
        f"{slope * 3600 / 2**20:+.2f} MB an hour, {growth:+.2%} of {mean / 2**20:.0f} MB",
        f"within {GROWTH:.0%}",
    )
    assert growth < GROWTH


def test_nothing_else_grows(soak: Soak, report: Callable[[str, str, str], None]) -> None:
    report(
        "descriptors and threads after it",
        f"{soak.after.descriptors} and {soak.after.threads}",
        f"{soak.before.descriptors} and {soak.before.threads}, as before",
    )
    assert soak.after == soak.before


def test_every_request_gets_its_answer(soak: Soak, report: Callable[[str, str, str], None]) -> None:
    statuses = Counter(answer.status for answer in soak.answers)
    busy = statuses.pop(BUSY, 0) / len(soak.answers)
    report("of them refused as too many", f"{busy:.2%}", f"< {BUSY_SHARE:.0%}")
    assert [answer for answer in soak.answers if answer.status == 0] == []
    assert set(statuses) == {OK, 400, 404, 415}
    assert {answer.version for answer in soak.answers if answer.version} == {
        soak.swapped - 1,
        soak.swapped,
    }
    assert busy < BUSY_SHARE
