from __future__ import annotations

import pytest
from fake_cluster import deployment, pod, warning

from deploy.eks import reasons


@pytest.mark.parametrize(
    ("told", "remedy"),
    [
        ("a: FailedMount: MountVolume.SetUp failed", "check the EFS mount and permissions"),
        ("Readiness probe failed: HTTP probe failed with statuscode: 503", "training completed"),
        ("readiness gate target-health.elbv2.k8s.aws/x is not passed", "service's networking"),
        ("killed, for it took more memory than its limit", "watch CPU and memory"),
        ("Unschedulable: 0/3 nodes: Insufficient cpu", "--serving-instance-types"),
        ("a: ImagePullBackOff", "pushes what ECR lacks"),
        ("whatever else", "the log tells"),
    ],
)
def test_what_to_do(told: str, remedy: str) -> None:
    assert remedy in reasons.remedy(told, "the log tells")


def test_a_deployment_is_rolled_out_when_all_pods_are_new_and_serve() -> None:
    done = deployment("ml-backend", 2, 2)
    assert reasons.is_rolled_out(done)
    for key, value in (
        ("observedGeneration", 1),
        ("replicas", 3),
        ("updatedReplicas", 1),
        ("availableReplicas", 1),
    ):
        assert not reasons.is_rolled_out({**done, "status": {**done["status"], key: value}}), key


def test_older_pods_are_told() -> None:
    status = {"replicas": 3, "updatedReplicas": 1, "readyReplicas": 2}
    told = reasons.progress(deployment("ml-backend", 2, 2) | {"status": status})
    assert told == "2 of 2 pods ready, 1 of the newest kind; 2 older to end"


def test_the_newest_pod_that_is_not_ready_is_asked() -> None:
    ready = pod("c")
    ready["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    assert reasons.unready([pod("b"), ready, pod("a")]) == pod("b")
    assert reasons.unready([ready]) is None


def test_a_load_balancer_that_does_not_reach_a_pod_is_told() -> None:
    gated = pod("a", running={})
    gated["spec"]["readinessGates"] = [{"conditionType": "target-health.elbv2.k8s.aws/x"}]
    told = "readiness gate target-health.elbv2.k8s.aws/x is not passed yet"
    assert reasons.pod_reason(gated, []) == told
    assert reasons.pod_reason(pod("a"), []) == "it is being started"
    assert reasons.pod_reason(gated, [warning("Failed", "why")]) == "Failed: why"


def test_the_log_of_a_container_that_runs_again_is_its_own() -> None:
    assert reasons.has_restarted(pod("a", restarts=1, waiting={"reason": "CrashLoopBackOff"}))
    assert not reasons.has_restarted(pod("a", restarts=1, running={}))
    assert not reasons.has_restarted(pod("a"))
