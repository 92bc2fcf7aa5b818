from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fake_cluster
import fake_deployment
import fake_page
import pytest
from fake_deployment import MINE
from scenarios import status as job_status

from deploy.eks import cluster as clusters
from deploy.eks import stacks, status, verification
from deploy.eks.deployment import Stack
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_cluster import Cluster
    from fake_page import Page


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    with fake_page.serving() as found:
        monkeypatch.setattr(verification, "url_of", lambda _: found.url)
        yield found


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = fake_cluster.install(tmp_path, monkeypatch)
    monkeypatch.setattr(stacks, "find", lambda *_: Stack(MINE.name, "UPDATE_COMPLETE", {}))
    monkeypatch.setattr(clusters, "connect", lambda *_: found.kubectl)
    found.will(lists=well())
    return found


def well(**changes: list[Any]) -> dict[str, Any]:
    """What a cluster that is well has."""
    job = {"metadata": {"name": "ml-training-job-2", "creationTimestamp": "2026-01-01T00:00:00Z"}}
    done = {**job_status("Complete"), "completionTime": "2026-01-01T00:05:00Z"}
    lists: dict[str, list[Any]] = {
        "ingresses": [{"metadata": {"name": "ml-frontend"}}],
        "deployments": [
            fake_cluster.deployment("ml-backend", 2, 2),
            fake_cluster.deployment("ml-frontend", 2, 2),
        ],
        "horizontalpodautoscalers": [scaler()],
        "jobs": [{**job, "status": done}],
        "nodes": [node("a", "serving"), node("b", "serving")],
    }
    return {kind: [items] for kind, items in (lists | changes).items()}


def scaler() -> dict[str, Any]:
    target = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}
    current = {"name": "cpu", "current": {"averageUtilization": 35}}
    return {
        "spec": {
            "scaleTargetRef": {"name": "ml-backend"},
            "minReplicas": 2,
            "maxReplicas": 10,
            "metrics": [{"type": "Resource", "resource": target}],
        },
        "status": {"currentMetrics": [{"type": "Resource", "resource": current}]},
    }


def node(name: str, group: str, ready: str = "True") -> dict[str, Any]:
    labels = {"ml-pipeline/nodes": group}
    conditions = [{"type": "Ready", "status": ready}]
    return {"metadata": {"name": name, "labels": labels}, "status": {"conditions": conditions}}


def show() -> None:
    status.show(fake_deployment.open_account(), MINE)


def show_ill(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(DeployError, match="ml-pipeline is not well: ") as caught:
        show()
    return f"{capsys.readouterr().out}{caught.value}"


@pytest.mark.usefixtures("cluster")
def test_all_is_told_and_well(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    show()
    told = capsys.readouterr().out
    assert (
        told
        == f"""ml-pipeline in us-west-2
stack     UPDATE_COMPLETE
cluster   Kubernetes v1.35.4
page      {page.url}
model     version 3 of classifier is served
          version  state      created               accuracy  images
          3        serving    -                     93.0%     3,000
          2        available  2026-01-01T00:00:00Z  93.0%     3,000
pods      deployment   ready  autoscaler
          ml-backend   2/2    2 to 10; cpu 35% of 60%
          ml-frontend  2/2    -
training  ml-training-job-2: done at 2026-01-01T00:05:00Z
nodes     serving 2 of 2 ready, training 0 of 0 ready
all is well
"""
    )


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize(
    ("kind", "items", "told"),
    [
        ("deployments", [fake_cluster.deployment("ml-backend", 2, 1)], "is not well: pods"),
        ("deployments", [], "none is deployed"),
        ("ingresses", [], "there is no Ingress in ml-pipeline"),
        ("nodes", [node("a", "serving", "Unknown")], "serving 0 of 1 ready"),
        ("nodes", [], "is not well: nodes"),
    ],
)
def test_what_is_not_well_is_told(
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    items: list[Any],
    told: str,
) -> None:
    cluster.will(lists=well(**{kind: items}))
    assert told in show_ill(capsys)


@pytest.mark.usefixtures("cluster")
def test_a_page_without_a_model(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    failed = {"version": 1, "state": "failed", "reason": "its sha256 is another one"}
    page.answers["/api/ready"] = (503, {"error": {"message": "no model is loaded yet"}})
    page.answers["/api/models"] = (200, {"name": "c", "current": None, "versions": [failed]})
    told = show_ill(capsys)
    assert "          /api/ready answers 503 (no model is loaded yet)" in told
    assert "model     none is served" in told
    assert "failed: its sha256 is another one" in told
    assert told.endswith("is not well: page, model")


@pytest.mark.usefixtures("page")
def test_a_training_that_failed_leaves_all_else_well(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    (job,) = well()["jobs"][0]
    failed = job_status("Failed", reason="DeadlineExceeded", message="too long")
    cluster.will(lists=well(jobs=[{**job, "status": failed}]))
    show()
    assert "ml-training-job-2: failed, DeadlineExceeded: too long" in capsys.readouterr().out


def test_a_cluster_that_does_not_answer(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.will(faults={"version": ["The connection to the server was refused"]})
    assert "--admin-cidrs" in show_ill(capsys)

    def gone(*_: object) -> None:
        raise DeployError("DescribeCluster: no such cluster")

    monkeypatch.setattr(clusters, "connect", gone)
    monkeypatch.setattr(stacks, "find", lambda *_: Stack(MINE.name, "DELETE_FAILED", {}))
    assert show_ill(capsys).endswith("is not well: stack, cluster")
