"""The model server, killed, stopped, throttled and out of memory."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from engine import run, wait_until
from held import held_requests
from traffic import CLIENTS, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend import Backend
    from publishing import Publisher

    Report = Callable[[str, str, str], None]

IN_FLIGHT = 50
SLOW = 2.0  # seconds that clients still take for their bodies
BACK = 30.0  # seconds
IN_PYTHON = ("exec", "-T", "inference", "python", "-c")
THREADS = "import os; print(len(os.listdir('/proc/1/task')))"
# The kernel chooses by size, and would choose the program that has taken the memory.
EAT = """
open("/proc/1/oom_score_adj", "w").write("1000")
taken = [bytearray(1 << 24) for _ in range(256)]
"""


@pytest.fixture(autouse=True)
def published(publisher: Publisher) -> Publisher:
    return publisher


def test_killed_under_load(backend: Backend, image: bytes, report: Report) -> None:
    with load(backend.url, image) as traffic:
        before = backend.restarts
        backend.kill()
        back = backend.wait_until_restarted(before)
        at_hand = len(traffic.failures)
        traffic.wait_for()
    measured = f"{at_hand} of {CLIENTS} requests in flight failed, {back:.1f} s until ready"
    report("backend killed", measured, f"≤ {CLIENTS} failures, ≤ {BACK:.0f} s")
    assert len(traffic.failures) == at_hand <= CLIENTS
    assert at_hand > 0
    assert back <= BACK


def test_stopped_with_requests_in_flight(backend: Backend, image: bytes, report: Report) -> None:
    with held_requests(backend.url, image, IN_FLIGHT) as requests:
        began = time.monotonic()
        run("docker", "kill", "--signal=TERM", backend.container)
        wait_until(lambda: not backend.accepts(), "the model server refuses new requests")
        time.sleep(SLOW)
        answers = [request.finish() for request in requests]
    wait_until(lambda: not backend.state["Running"], "the model server has ended")
    seconds, code = time.monotonic() - began, backend.state["ExitCode"]
    backend.project.compose("start", "inference")
    backend.wait_until_ready()
    right = answers.count(200)
    measured = f"{right} of {IN_FLIGHT} answered, exit {code} after {seconds:.1f} s"
    report("backend stopped", measured, f"{IN_FLIGHT} answered, exit 0")
    assert (right, code) == (IN_FLIGHT, 0)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core leaves no choice")
def test_threads_follow_the_quota(backend: Backend, image: bytes, report: Report) -> None:
    threads = {}
    try:
        for cores in (2, 1):
            limit(backend, cores)
            with load(backend.url, image):
                threads[cores] = int(backend.project.compose(*IN_PYTHON, THREADS))
    finally:
        limit(backend, 1)  # as compose.yaml has it
    more = threads[2] - threads[1]
    measured = f"{threads[1]} threads with 1 CPU, {threads[2]} with 2"
    report("CPU quota", measured, "2 more with 2 CPUs: one decodes, one classifies")
    assert more == 2


def test_out_of_memory(backend: Backend, image: bytes, report: Report) -> None:
    before = backend.restarts
    began = time.time()
    with load(backend.url, image) as traffic:
        backend.project.start(*IN_PYTHON, EAT)  # until it is killed too
        seconds = backend.wait_until_restarted(before)
        traffic.wait_for()
    chosen = (f"--filter=container={backend.container}", "--filter=event=oom")
    window = (f"--since={began:.6f}", f"--until={time.time():.6f}")
    kills = run("docker", "events", *chosen, *window)
    failed = len(traffic.failures)
    measured = f"serving after {seconds:.1f} s, {failed} of {CLIENTS} requests in flight failed"
    report("backend out of memory", measured, f"≤ {BACK:.0f} s, ≤ {CLIENTS} failures")
    assert kills
    assert seconds <= BACK
    assert failed <= CLIENTS


def limit(backend: Backend, cores: int) -> None:
    """Give it so many CPUs, and start it again."""
    run("docker", "update", f"--cpus={cores}", backend.container)
    backend.project.compose("restart", "inference")
    backend.wait_until_ready()
