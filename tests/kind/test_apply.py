"""`kubectl apply -k`, as Tilt does it: without a model, then with the one that the Job trains."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING

import httpx

from engine import start, unmet, wait_until
from kubectl import is_ready, restarts
from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cluster import Cluster
    from kubectl import Kubectl

    Report = Callable[[str, str, str], None]

PICTURE_SECONDS = 300.0
READY_SECONDS = 5.0 + 2.0  # a poll of the volume; loading, and a probe each second
CURRENT = "/var/lib/ml-pipeline/model/classifier/current.json"
SUITE = ("test_api.py", "test_hardening.py", "test_page.py", "test_browser.py")


def test_without_a_model(applied: Kubectl, page_url: str) -> None:
    applied.wait_for_rollout("ml-frontend")
    started = "jsonpath={.status.containerStatuses[0].started}=true"  # lives, by its startup probe
    applied.wait(started, "pod", "--selector=app.kubernetes.io/component=inference")
    (pod,) = applied.pods("inference")
    assert (is_ready(pod), restarts(pod)) == (False, 0)
    wait_until(lambda: is_served(page_url), "the page is served")
    wait_until(lambda: ask(page_url, "ping").is_success, "the server that is not ready is asked")
    assert refusal(ask(page_url, "ready")) == (503, "no_model")
    assert refusal(ask(page_url, "training")) == (404, "not_found")
    assert ask(page_url, "models").raise_for_status().json()["current"] is None
    predicted = httpx.post(f"{page_url}/api/predict", content=b"pixels", trust_env=False)
    assert refusal(predicted) == (502, "bad_gateway")


def test_the_first_training_is_followed(applied: Kubectl, overlay: Path, page_url: str) -> None:
    def is_followed() -> bool:
        without_model = ask(page_url, "ready").status_code == httpx.codes.SERVICE_UNAVAILABLE
        return ask(page_url, "training").is_success and without_model

    applied.kustomize("apply", overlay)
    wait_until(is_followed, "the page tells of the training before there is a model", 120)


def test_from_nothing_to_a_classified_picture(
    deployed: Kubectl, page_url: str, began: float, image: bytes, report: Report
) -> None:
    del deployed
    answer = httpx.post(
        f"{page_url}/api/predict",
        content=image,
        headers={"content-type": "image/png"},
        trust_env=False,
    )
    seconds = time.monotonic() - began
    report("from ctlptl apply to a classified picture", f"{seconds:.0f} s", "≤ 300 s")
    assert answer.raise_for_status().json()["predictions"][0]["top"][0]["label"]
    assert seconds <= PICTURE_SECONDS


def test_ready_within_a_poll_of_the_publication(
    deployed: Kubectl, cluster: Cluster, report: Report
) -> None:
    published = float(cluster.on_node("date", f"--reference={CURRENT}", "+%s.%N"))
    (pod,) = deployed.pods("inference")
    (ready,) = [each for each in pod["status"]["conditions"] if each["type"] == "Ready"]
    seconds = datetime.fromisoformat(ready["lastTransitionTime"]).timestamp() - published
    measured = f"{seconds:.1f} s after the publication, {restarts(pod)} restarts"
    report("started without a model", measured, f"≤ {READY_SECONDS:.0f} s, 0 restarts")
    assert seconds <= READY_SECONDS
    assert restarts(pod) == 0


def test_the_cluster_has_what_was_applied(deployed: Kubectl, overlay: Path) -> None:
    deployed.kustomize("diff", overlay)


def test_the_model_server_cannot_write(deployed: Kubectl) -> None:
    for path in ("/src/model/classifier/current.json", "/src/model/new", "/app/new", "/new"):
        program = f"open({path!r}, 'a')"
        done = deployed.start("exec", "deployment/ml-backend", "--", "python", "-c", program)
        assert "Read-only file system" in done.stderr, path


def test_the_suite_of_every_mode_passes(deployed: Kubectl, page_url: str) -> None:
    del deployed
    files = [str(ROOT / "tests/e2e" / name) for name in SUITE]
    command = (sys.executable, "-m", "pytest", "-rs", f"--base-url={page_url}", *files)
    done = start(*command, environment=os.environ, seconds=300)
    assert done.returncode == 0, done.stdout
    if "SKIPPED" in done.stdout:
        unmet(f"the suite has left something out:\n{done.stdout}", "REQUIRE_BROWSER")


def is_served(page_url: str) -> bool:
    """Whether the page is; a node can drop connections for a moment after a rollout."""
    try:
        return httpx.get(page_url, trust_env=False).is_success
    except httpx.TransportError:
        return False


def ask(page_url: str, route: str) -> httpx.Response:
    return httpx.get(f"{page_url}/api/{route}", trust_env=False)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of the API's error."""
    return answer.status_code, str(answer.json()["error"]["code"])
