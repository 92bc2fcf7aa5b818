"""What a hostile request costs the server, and that it serves on afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wire import head, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_process import Inference
    from wire import Reply

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Bound:
    """What a request may cost.

    Attributes:
        seconds: until it is answered.
        growth: bytes of memory, at the worst moment.
    """

    seconds: float
    growth: int


def judge(
    inference: Inference,
    name: str,
    request: bytes,
    bound: Bound,
    report: Callable[[str, str, str], None],
) -> Reply:
    """Send a request and tell what it took; the server has to serve on, and to have logged it once.

    Returns:
        The answer; its status is what the test has to judge.
    """
    before, lines = inference.resident(), len(inference.lines())
    inference.forget_peak()
    reply = send(inference.port, request)
    growth = max(0, inference.peak() - before)
    report(
        name,
        f"{reply.status or 'closed'} after {reply.seconds * 1000:.0f} ms, "
        f"{growth / MEGABYTE:.0f} MB more at worst",
        f"refused in < {bound.seconds * 1000:.0f} ms, < {bound.growth / MEGABYTE:.0f} MB",
    )
    assert send(inference.port, head("GET", "/ready")).status == 200
    assert inference.process.poll() is None
    assert len(inference.lines()) <= lines + 1, inference.lines()[lines:]
    assert reply.seconds < bound.seconds
    assert growth < bound.growth
    return reply
