"""The autoscaler, under load and after it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import httpx

from engine import wait_until
from kubectl import PAUSE
from pictures import plain_png
from scaling import BACKEND, hasty, wait_for_replicas
from traffic import ask, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl import Kubectl
    from traffic import Answer

    Report = Callable[[str, str, str], None]

MANY = 3
UP_SECONDS, DOWN_SECONDS = 240.0, 600.0


def test_up_and_down_again(
    deployed: Kubectl, page_url: str, image: bytes, report: Report, *, full: bool
) -> None:
    url = f"{page_url}/api"
    picture = plain_png(1000, 200, 30, 30)  # work for the backend, and for nobody else
    with nullcontext() if full else hasty(deployed):
        wait_for_replicas(deployed, 1)
        began = time.monotonic()
        with load(url, picture) as traffic:
            many = f"{MANY} are ready"
            wait_until(lambda: serving(deployed) >= MANY, many, UP_SECONDS, every=PAUSE)
            up = time.monotonic() - began
            traffic.wait_for()
        began = time.monotonic()
        few = ask_until(url, image, lambda: serving(deployed) == 1)
        down = time.monotonic() - began
    answers = traffic.answers + few
    failures = [answer for answer in answers if answer.status != httpx.codes.OK]
    measured = f"{MANY} after {up:.0f} s, 1 again {down:.0f} s after the load; "
    measured += f"{len(failures)} of {len(answers):,} requests failed"
    report("autoscaler", measured, f"from 1 to ≥ {MANY} and back, 0 failed")
    assert failures == []


def ask_until(url: str, image: bytes, condition: Callable[[], bool]) -> list[Answer]:
    """A request now and then, until the condition holds."""
    answers = []
    with httpx.Client(base_url=url, trust_env=False) as client:

        def asked() -> bool:
            answers.append(ask(client, image))
            return condition()

        wait_until(asked, "one is left", DOWN_SECONDS, every=PAUSE)
    return answers


def serving(kubectl: Kubectl) -> int:
    """How many there are, and ready."""
    status = kubectl.get("deployment", BACKEND)["status"]
    return int(status.get("readyReplicas", 0))
