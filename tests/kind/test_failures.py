"""Pods killed and a node drained, under load."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from engine import wait_until, with_engine
from kubectl import PAUSE, is_ready, restarts
from scaling import BACKEND, pinned
from traffic import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cluster import Cluster
    from kubectl import Kubectl, Manifest

    Report = Callable[[str, str, str], None]

BACK = 30.0  # seconds


@pytest.fixture(autouse=True, scope="module")
def two(deployed: Kubectl) -> Iterator[None]:
    """Two model servers, each on a node of its own."""
    with pinned(deployed, 2):
        yield


def test_a_pod_is_deleted_by_force(
    deployed: Kubectl, page_url: str, image: bytes, report: Report
) -> None:
    with load(f"{page_url}/api", image) as traffic:
        (victim, _) = (pod["metadata"]["name"] for pod in deployed.pods("inference"))
        began = time.monotonic()
        deployed("delete", "pod", victim, "--force", "--grace-period=0")
        wait_until(lambda: ready(deployed) == 2, "two are ready", every=PAUSE)
        seconds = time.monotonic() - began
        at_hand = len(traffic.failures)
        traffic.wait_for()
    measured = f"{at_hand} of {len(traffic.answers)} requests failed, two again after "
    measured += f"{seconds:.1f} s"
    report("a backend's pod deleted by force, of two", measured, f"≤ {BACK:.0f} s, then 0 failed")
    assert len(traffic.failures) == at_hand
    assert seconds <= BACK


def test_a_process_is_killed(
    deployed: Kubectl, cluster: Cluster, page_url: str, image: bytes, report: Report
) -> None:
    with load(f"{page_url}/api", image) as traffic:
        victim = deployed.pods("inference")[0]
        name, before = victim["metadata"]["name"], restarts(victim)
        began = time.monotonic()
        cluster.kill(victim)
        wait_until(
            lambda: restarts(deployed.get("pod", name)) > before, "a new process", every=PAUSE
        )
        wait_until(lambda: is_ready(deployed.get("pod", name)), "it is ready", every=PAUSE)
        seconds = time.monotonic() - began
        at_hand = len(traffic.failures)
        traffic.wait_for()
    measured = f"{at_hand} of {len(traffic.answers)} requests failed, ready after {seconds:.1f} s"
    report("a backend's process killed, of two", measured, f"≤ {BACK:.0f} s, then 0 failed")
    assert len(traffic.failures) == at_hand
    assert seconds <= BACK


def test_a_node_is_drained(
    deployed: Kubectl, cluster: Cluster, page_url: str, image: bytes, report: Report
) -> None:
    drained = cluster.nodes[1]  # the other one has the name server and the page's port
    try:
        with load(f"{page_url}/api", image) as traffic:
            by_node = {pod["spec"]["nodeName"]: pod for pod in deployed.pods("inference")}
            assert sorted(by_node) == cluster.nodes
            began = time.monotonic()
            drain = start_drain(deployed, drained)
            wait_until(lambda: disruptions_allowed(deployed) == 0, "one is gone", every=PAUSE)
            refusal = try_to_evict(deployed, by_node[cluster.nodes[0]])
            told, _ = drain.communicate()
            seconds = time.monotonic() - began
            wait_until(lambda: ready(deployed) == 2, "two are ready", every=PAUSE)
            traffic.wait_for()
    finally:
        deployed("uncordon", drained)
    measured = f"{len(traffic.failures)} of {len(traffic.answers):,} requests failed in "
    measured += f"{seconds:.0f} s, the other pod was not evicted meanwhile"
    report("node drained", measured, "0 failed, the disruption budget kept")
    assert drain.returncode == 0, told
    assert "disruption budget" in refusal
    assert traffic.failures == []


def ready(kubectl: Kubectl) -> int:
    """How many model servers there are that answer."""
    return sum(map(is_ready, kubectl.pods("inference")))


def start_drain(kubectl: Kubectl, node: str) -> subprocess.Popen[str]:
    options = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=150s")
    return subprocess.Popen(
        kubectl.command("drain", node, *options),
        env=with_engine({"KUBECONFIG": str(kubectl.kubeconfig)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def disruptions_allowed(kubectl: Kubectl) -> int:
    return int(kubectl.get("pdb", BACKEND)["status"]["disruptionsAllowed"])


def try_to_evict(kubectl: Kubectl, pod: Manifest) -> str:
    """What the API server has against it; it would not be done."""
    metadata = {name: pod["metadata"][name] for name in ("name", "namespace")}
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": metadata,
        "deleteOptions": {"dryRun": ["All"]},
    }
    path = "/api/v1/namespaces/{namespace}/pods/{name}/eviction".format(**metadata)
    return kubectl.start("create", "--raw", path, "-f", "-", given=json.dumps(eviction)).stderr
