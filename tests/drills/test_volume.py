"""The model volume, full, unreadable and hanging."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from backend import running_backend
from engine import wait_until
from network_volume import network_volume
from publishing import running_publisher
from traffic import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backend import Backend
    from publishing import Publisher

    Report = Callable[[str, str, str], None]

FULL = """
volumes:
  model:
    driver_opts: {type: tmpfs, device: tmpfs, o: "size=2m,uid=10001,gid=10001"}
"""
BOUND = """
volumes:
  model:
    driver_opts: {{type: none, device: {folder}, o: bind}}
"""
FILE_SECONDS = 15.0  # a file has 10 to come from the volume
TEMPORARY = 75

pytestmark = pytest.mark.usefixtures("docker_engine")


def test_full_while_publishing(image: bytes, report: Report, tmp_path: Path) -> None:
    settings = tmp_path / "full.yaml"
    settings.write_text(FULL)
    with running_backend(settings) as backend, running_publisher(backend) as publisher:
        (good,) = publisher.letters
        with load(backend.url, image) as traffic:
            publisher.tell("fill")
            refusal = publisher.tell("publish", "b")
            left = publisher.tell("names")
            traffic.wait_for(good)
            publisher.tell("drain")
            new = publisher.publish()
            traffic.wait_for(new)
    measured = f"exit {refusal.split()[0]}, left {left}; with room, version {new} is served; "
    measured += f"{len(traffic.failures)} failures"
    wanted = f"exit {TEMPORARY}, nothing half-published, the same command publishes; 0 failures"
    report("model volume full", measured, wanted)
    assert refusal.startswith(f"{TEMPORARY} ")
    assert "No space left" in refusal
    assert left == f".lock {good} current.json training.json"
    assert (new, traffic.failures) == (good + 1, [])


def test_unreadable(
    backend: Backend, publisher: Publisher, image: bytes, report: Report, *, full: bool
) -> None:
    seconds = 30 if full else 5
    good = publisher.publish()
    with load(backend.url, image) as traffic:
        traffic.wait_for(good)
        publisher.tell("hide")
        try:
            wait_until(lambda: "reason" in backend.get("/models").json(), "a fault in /models")
            traffic.go_on(seconds)
        finally:
            publisher.tell("show")
        new = publisher.publish()
        traffic.wait_for(new)
    measured = f"{len(traffic.failures)} of {len(traffic.answers)} requests failed in {seconds} s"
    report("model volume unreadable", measured, "0 failed")
    assert traffic.failures == []


def test_hanging(image: bytes, report: Report, tmp_path: Path, *, full: bool) -> None:
    seconds = 30 if full else 0  # at least; a file takes its time
    settings = tmp_path / "bound.yaml"
    with network_volume(tmp_path) as volume:
        settings.write_text(BOUND.format(folder=volume.mounted))
        with running_backend(settings) as backend, running_publisher(backend) as publisher:
            (good,) = publisher.letters
            with load(backend.url, image) as traffic:
                with volume.hanging():
                    began = time.monotonic()
                    pages = ("/models", "/training", f"/models/{good}/files/padding.bin")
                    statuses = [backend.get(page).status_code for page in pages]
                    file_seconds = time.monotonic() - began
                    traffic.go_on(seconds - file_seconds)
                new = publisher.publish()
                traffic.wait_for(new)
    measured = f"{len(traffic.failures)} of {len(traffic.answers)} requests failed, "
    measured += f"a file 503 after {file_seconds:.1f} s, then version {new} is served"
    wanted = f"0 failed, 503 in ≤ {FILE_SECONDS:.0f} s, a new version is seen"
    report("model volume hangs", measured, wanted)
    assert traffic.failures == []
    assert statuses == [200, 200, 503]
    assert file_seconds <= FILE_SECONDS
