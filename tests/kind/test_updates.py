"""Rolling updates under load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import wait_until
from scaling import pinned
from traffic import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl import Kubectl

    Report = Callable[[str, str, str], None]

REQUESTS = 10_000
SECONDS = 300.0
COMPONENTS = {"ml-backend": "inference", "ml-frontend": "frontend"}


def test_rolling_updates(
    deployed: Kubectl, page_url: str, image: bytes, report: Report, *, full: bool
) -> None:
    rounds = 5 if full else 1
    with pinned(deployed, 1), load(f"{page_url}/api", image) as traffic:
        for _ in range(rounds):
            for deployment in COMPONENTS:
                update(deployed, deployment)
                traffic.wait_for()
        wait_until(lambda: len(traffic.answers) >= REQUESTS, f"{REQUESTS} requests", SECONDS)
    failed = len(traffic.failures)
    measured = f"{failed} of {len(traffic.answers):,} requests failed, in {rounds} of each"
    report("rolling updates of backend and page", measured, f"0 of ≥ {REQUESTS:,}")
    assert traffic.failures == []


def update(kubectl: Kubectl, deployment: str) -> None:
    """New pods, until none of the old is left."""
    old = [pod["metadata"]["name"] for pod in kubectl.pods(COMPONENTS[deployment])]
    kubectl("rollout", "restart", f"deployment/{deployment}")
    kubectl.wait_for_rollout(deployment)
    kubectl.wait("delete", *[f"pod/{name}" for name in old])
