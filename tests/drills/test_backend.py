"""The model server, killed, stopped, throttled and out of memory."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from held import held_requests
from stack import run, wait_until
from traffic import CLIENTS, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack import Publisher, Stack

    Report = Callable[[str, str, str], None]

IN_FLIGHT = 50
BACK = 30.0  # seconds
THREADS = "import os; print(len(os.listdir('/proc/1/task')))"
# The kernel chooses by size, and would choose the program that has taken the memory.
EAT = """
open("/proc/1/oom_score_adj", "w").write("1000")
taken = [bytearray(1 << 24) for _ in range(256)]
"""


@pytest.fixture(autouse=True)
def published(publisher: Publisher) -> Publisher:
    return publisher


def test_killed_under_load(stack: Stack, image: bytes, report: Report) -> None:
    with load(stack.url, image) as traffic:
        kill(stack)
        back = wait_until(lambda: restarts(stack) > 0, "a restart") + stack.wait_until_ready()
        at_hand = len(traffic.failures)
        traffic.wait_for(lambda answer: answer.version > 0)
    measured = f"{at_hand} of {CLIENTS} requests in flight failed, {back:.1f} s until ready"
    report("backend killed", measured, f"≤ {CLIENTS} failures, ≤ {BACK:.0f} s")
    assert len(traffic.failures) == at_hand <= CLIENTS
    assert at_hand > 0
    assert back <= BACK


def test_stopped_with_requests_in_flight(stack: Stack, image: bytes, report: Report) -> None:
    with held_requests(stack.url, image, IN_FLIGHT) as requests:
        began = time.monotonic()
        run(["docker", "kill", "--signal=TERM", stack.container("inference")])
        wait_until(lambda: not stack.accepts(), "the model server refuses new requests")
        answers = [request.finish() for request in requests]
    wait_until(lambda: not state(stack)["Running"], "the model server has ended")
    seconds, code = time.monotonic() - began, state(stack)["ExitCode"]
    stack.compose("start", "inference")
    stack.wait_until_ready()
    right = answers.count(200)
    measured = f"{right} of {IN_FLIGHT} answered, exit {code} after {seconds:.1f} s"
    report("backend stopped", measured, f"{IN_FLIGHT} answered, exit 0")
    assert (right, code) == (IN_FLIGHT, 0)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core leaves no choice")
def test_threads_follow_the_quota(stack: Stack, image: bytes, report: Report) -> None:
    threads = {}
    for cores in (2, 1):
        run(["docker", "update", f"--cpus={cores}", stack.container("inference")])
        stack.compose("restart", "inference")
        stack.wait_until_ready()
        with load(stack.url, image):
            threads[cores] = int(stack.execute("inference", THREADS))
    more = threads[2] - threads[1]
    measured = f"{threads[1]} threads with 1 CPU, {threads[2]} with 2"
    report("CPU quota", measured, "2 more with 2 CPUs: one decodes, one classifies")
    assert more == 2


def test_out_of_memory(stack: Stack, image: bytes, report: Report) -> None:
    container, before = stack.container("inference"), restarts(stack)
    began = time.time()
    with load(stack.url, image) as traffic:
        stack.execute_until_killed("inference", EAT)
        seconds = wait_until(lambda: restarts(stack) > before, "a restart")
        seconds += stack.wait_until_ready()
        traffic.wait_for(lambda answer: answer.version > 0)
    window = (f"--since={began:.6f}", f"--until={time.time():.6f}")
    kills = run(
        ["docker", "events", *window, f"--filter=container={container}", "--filter=event=oom"]
    )
    failed = len(traffic.failures)
    measured = f"serving after {seconds:.1f} s, {failed} of {CLIENTS} requests in flight failed"
    report("backend out of memory", measured, f"≤ {BACK:.0f} s, ≤ {CLIENTS} failures")
    assert kills
    assert seconds <= BACK
    assert failed <= CLIENTS


def kill(stack: Stack) -> None:
    """From the host's namespace: `docker kill` counts as a manual stop, which is left alone.

    In a container, so that nobody has to be root.
    """
    image, pid = stack.inspect("inference")["Image"], state(stack)["Pid"]
    namespace = ("--rm", "--pid=host", "--user=0", "--cap-drop=ALL", "--cap-add=KILL")
    program = f"import os; os.kill({pid}, 9)"
    run(["docker", "run", *namespace, "--entrypoint=python", image, "-c", program])


def state(stack: Stack) -> dict[str, int]:
    return dict(stack.inspect("inference")["State"])


def restarts(stack: Stack) -> int:
    return int(stack.inspect("inference")["RestartCount"])
