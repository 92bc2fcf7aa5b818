"""The training Job, killed in the middle of an epoch, and with what it cannot train on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import wait_until
from kubectl import PAUSE
from training import condition_of, epochs_of, exit_code, pods_of, training_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster import Cluster
    from kubectl import Kubectl, Manifest

    Report = Callable[[str, str, str], None]

SECONDS = 180.0


def test_killed_mid_epoch(
    deployed: Kubectl, cluster: Cluster, report: Report, *, full: bool
) -> None:
    epochs = 20 if full else 4
    with training_job(deployed, "drilled", "run", EPOCHS=str(epochs)) as job:
        wait_until(lambda: trained(deployed, job) >= 2, "two epochs", SECONDS, every=PAUSE)
        cluster.kill(pods_of(deployed, job)[0])
        deployed.wait("condition=complete", f"job/{job}", seconds=SECONDS)
        first, second = pods_of(deployed, job)
        logged = [epochs_of(deployed, pod) for pod in (first, second)]
        code = exit_code(first)
    lost = logged[0][-1] + 1 - logged[1][0] + 1
    told = ", then ".join(f"{each[0]} to {each[-1]}" for each in logged)
    report("a training's pod killed", f"{lost} epoch lost at most (epochs {told})", "≤ 1 epoch")
    assert code == 137
    assert lost <= 1
    assert logged[1][-1] == epochs


@pytest.mark.parametrize(
    ("arguments", "settings", "code"),
    [
        (("run", "--data", "/etc/hostname"), {}, 3),
        (("run",), {"EPOCHS": "none"}, 2),
    ],
    ids=["data", "settings"],
)
def test_what_is_wrong_fails_at_once(
    deployed: Kubectl, arguments: tuple[str, ...], settings: dict[str, str], code: int
) -> None:
    with training_job(deployed, f"wrong-{code}", *arguments, **settings) as job:
        deployed.wait("condition=failed", f"job/{job}")
        (pod,) = pods_of(deployed, job)
        reason = condition_of(deployed, job, "Failed")
    assert (exit_code(pod), reason) == (code, "PodFailurePolicy")


def trained(kubectl: Kubectl, job: str) -> int:
    """How many epochs its pods have finished."""
    pods: list[Manifest] = pods_of(kubectl, job)
    return sum(len(epochs_of(kubectl, pod)) for pod in pods)
