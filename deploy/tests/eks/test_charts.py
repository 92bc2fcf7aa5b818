from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.eks import charts, helm
from deploy.eks.deployment import Deployment
from deploy.errors import DeployError, UnreachableError, UsageError
from deploy.kubectl import Kubectl

HERE = Path(__file__).resolve().parent
BALANCER, SCALER = "aws-load-balancer-controller", "cluster-autoscaler"
VALUES = {"VpcId": "vpc-1"}


@dataclass(frozen=True, slots=True)
class Releases:
    """A stand-in for helm, and what it has installed."""

    state: Path
    kubectl: Kubectl

    def install(self, mirror: Path | None = None, name: str = "trial") -> list[str]:
        return charts.install(self.kubectl, Deployment(name, "eu-west-1"), VALUES, mirror)

    def read(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.state / name).read_text()))

    def change(self, name: str, **values: object) -> None:
        (self.state / name).write_text(json.dumps(self.read(name) | values))

    def calls(self, verb: str) -> list[list[str]]:
        lines = (self.state / "calls").read_text().splitlines()
        return [call for call in map(json.loads, lines) if call[0] == verb]


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Releases:
    state, programs = tmp_path / "releases", tmp_path / "bin"
    state.mkdir()
    programs.mkdir()
    program = programs / "helm"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{HERE}/fake_helm.py" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_HELM", str(state))
    monkeypatch.setattr(helm, "PENDING_SECONDS", 0.05)
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: time.sleep(0.02))
    monkeypatch.setattr("deploy.eks.waiting.time", clock)
    return Releases(state, Kubectl("trial", "ml-pipeline", tmp_path / "kubeconfig"))


def test_both_are_installed_and_told_what_they_need(releases: Releases) -> None:
    versions = {each.chart: each.version for each in charts.read()}
    assert releases.install() == [f"{name} {versions[name]}" for name in (BALANCER, SCALER)]
    balancer, scaler = releases.read(BALANCER), releases.read(SCALER)
    assert balancer["chart"] == f"{BALANCER}-{versions[BALANCER]}"
    assert balancer["values"]["vpcId"] == "vpc-1"
    assert balancer["values"]["replicaCount"] == 2  # of the file that all deployments share
    assert balancer["values"]["region"] == "eu-west-1"
    assert balancer["values"]["defaultTags"] == {"ml-pipeline:deployment": "trial"}
    assert scaler["values"]["autoDiscovery"]["clusterName"] == "trial"
    assert scaler["values"]["awsRegion"] == "eu-west-1"
    for call in releases.calls("upgrade"):
        assert {"--install", "--wait", "--atomic"} <= set(call)
        assert f"--kubeconfig={releases.kubectl.kubeconfig}" in call
        assert call[call.index("--repo") + 1].startswith("https://")


def test_a_second_time_nothing_is_upgraded(releases: Releases) -> None:
    releases.install()
    assert releases.install() == []
    assert len(releases.calls("upgrade")) == 2


@pytest.mark.parametrize(
    "change", [{"chart": f"{SCALER}-1.0.0"}, {"values": {}}, {"status": "failed"}]
)
def test_what_is_not_as_it_should_be_is_upgraded(
    releases: Releases, change: dict[str, object]
) -> None:
    releases.install()
    releases.change(SCALER, **change)
    assert [each.split()[0] for each in releases.install()] == [SCALER]
    assert releases.install() == []


def test_another_deployment_s_values_are_other_ones(releases: Releases) -> None:
    releases.install()
    assert len(releases.install(name="other")) == 2


def test_charts_may_come_from_a_folder(releases: Releases, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--chart-mirror .*: there is no aws-load-balancer"):
        releases.install(tmp_path)
    for each in charts.read():
        (tmp_path / f"{each.chart}-{each.version}.tgz").touch()
    assert len(releases.install(tmp_path)) == 2
    assert all("--repo" not in call for call in releases.calls("upgrade"))
    assert releases.install() == []


def test_a_registry_is_named_as_one() -> None:
    chart = charts.Chart("x", "1.2.3", "oci://public.ecr.aws/eks", "kube-system", {})
    assert charts.source(chart, None) == ["oci://public.ecr.aws/eks/x", "--version", "1.2.3"]


def test_newer_ones_of_helm_undo_by_another_name(releases: Releases) -> None:
    (releases.state / "version").write_text("v4.1.0")
    releases.install()
    for call in releases.calls("upgrade"):
        assert "--rollback-on-failure" in call
        assert "--atomic" not in call


def test_somebody_at_work_is_waited_for(
    releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases.install()
    releases.change(SCALER, status="pending-upgrade")
    (releases.state / "waits").write_text("2")
    monkeypatch.setattr(helm, "PENDING_SECONDS", 60.0)
    assert releases.install() == []
    assert releases.calls("rollback") == []


@pytest.mark.parametrize(
    ("status", "verb"), [("pending-install", "uninstall"), ("pending-upgrade", "rollback")]
)
def test_what_was_left_halfway_is_taken_back_first(
    releases: Releases, status: str, verb: str
) -> None:
    releases.install()
    releases.change(SCALER, status=status)
    assert [each.split()[0] for each in releases.install()] == [SCALER]
    assert [call[1] for call in releases.calls(verb)] == [SCALER]
    assert releases.read(SCALER)["status"] == "deployed"


def test_a_failure_is_helm_s_and_the_pods(releases: Releases) -> None:
    (releases.state / "fails").write_text("Error: context deadline exceeded\n")
    with pytest.raises(DeployError, match=f"chart {BALANCER}: context deadline exceeded"):
        releases.install()
    (releases.state / "fails").write_text("Error: Kubernetes cluster unreachable: EOF\n")
    with pytest.raises(UnreachableError):
        releases.install()


def test_what_its_pods_wait_for_is_told(
    releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting_for = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    pod = {
        "metadata": {"name": "scaler-1", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"containers": [{"name": "scaler"}]},
        "status": {"containerStatuses": [{"name": "scaler", "state": waiting_for}]},
    }
    (tmp_path / "pods").write_text(json.dumps({"items": [pod]}))
    kubectl = tmp_path / "bin/kubectl"
    events = 'case "$*" in *" events "*) echo "{\\"items\\": []}" ;; *) cat'
    kubectl.write_text(f"#!/bin/sh\n{events} {tmp_path}/pods ;; esac\n")
    kubectl.chmod(0o755)
    (releases.state / "fails").write_text("Error: timed out\n")
    monkeypatch.setattr(helm, "LOOK_SECONDS", 0.0)
    with pytest.raises(DeployError, match=r"timed out; last: scaler-1: .*ImagePullBackOff"):
        releases.install()


def test_values_are_merged_as_helm_does() -> None:
    shared = {"a": {"x": 1, "y": 2}, "b": [1], "c": 1}
    own = {"a": {"y": 3}, "b": [2], "d": {}}
    assert charts.merged(shared, own) == {"a": {"x": 1, "y": 3}, "b": [2], "c": 1, "d": {}}
    assert shared["a"] == {"x": 1, "y": 2}
