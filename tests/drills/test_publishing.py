"""Publications under load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import wait_until
from traffic import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend import Backend
    from publishing import Publisher

    Report = Callable[[str, str, str], None]


def test_many_publications(
    backend: Backend, publisher: Publisher, image: bytes, report: Report, *, full: bool
) -> None:
    many = 100 if full else 20
    with load(backend.url, image) as traffic:
        for _ in range(many):
            version = publisher.publish()
            traffic.wait_for(version)
    mixed = [
        answer
        for answer in traffic.answers
        if answer.version and answer.label != f"red-{publisher.letters[answer.version]}"
    ]
    failed = traffic.failures
    measured = f"{many} publications under {len(traffic.answers)} requests: "
    measured += f"{len(failed)} failures, {len(mixed)} mixed answers"
    report("publications", measured, "0 failures, 0 mixed answers")
    assert (failed, mixed) == ([], [])


def test_a_corrupt_model(
    backend: Backend, publisher: Publisher, image: bytes, report: Report
) -> None:
    good = publisher.publish()
    with load(backend.url, image) as traffic:
        traffic.wait_for(good)
        broken = int(publisher.tell("break"))
        wait_until(lambda: fault_of(backend, broken) != "", "a fault in /models")
        traffic.wait_for(good)
    fault, current = fault_of(backend, broken), backend.get("/models").json()["current"]
    served = {answer.version for answer in traffic.answers if answer.version >= good}
    measured = f"{len(traffic.failures)} failures, version {broken} {fault!r}"
    wanted = "0 failures, the old version serves, /models tells why"
    report("corrupt model", measured, wanted)
    publisher.publish()  # or a restart would find nothing to serve
    assert (traffic.failures, served, current) == ([], {good}, good)


def fault_of(backend: Backend, version: int) -> str:
    """What `/models` says against a version."""
    versions = backend.get("/models").json()["versions"]
    faults = [str(each.get("reason", "")) for each in versions if each["version"] == version]
    return "".join(faults)
