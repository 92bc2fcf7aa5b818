from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import fake_cluster
import pytest
import yaml
from fake_cluster import deployment, warning
from fake_cluster import pod as inference_pod
from scenarios import OVERLAY, event, status

from deploy import jobs
from deploy.eks import record, rollout
from deploy.eks.data import Given
from deploy.errors import DeployError
from deploy.follow import Follower

if TYPE_CHECKING:
    from pathlib import Path

    from fake_cluster import Cluster

    from deploy.follow import Outcome

MANIFESTS = list(yaml.safe_load_all((OVERLAY / "rendered.yaml").read_text()))
JOB = jobs.find_training_job(MANIFESTS)
IMAGE = jobs.trainer(JOB)["image"]
PUBLISHED = event(1, "version 4 of classifier is published: /src/model/classifier/4")
DONE = {"state": {"terminated": {"exitCode": 0}}, "name": "trainer"}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ml-backend"}}
REFUSING_HOOK = (
    "Error from server (InternalError): error when creating: failed calling webhook "
    '"vingress.elbv2.k8s.aws": no endpoints available for service'
)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(rollout, "LOOK_SECONDS", 0.0)
    return fake_cluster.install(tmp_path, monkeypatch)


def training_pod(code: int = 0, name: str = "a") -> dict[str, Any]:
    state = {"terminated": {"exitCode": code}}
    return {
        "metadata": {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "status": {
            "phase": "Failed" if code else "Succeeded",
            "containerStatuses": [{"name": "trainer", "state": state}],
        },
    }


def ends(code: int = 0, log: str = PUBLISHED, name: str = "ml-training-job") -> dict[str, Any]:
    """The story of a training that ends like this."""
    condition = status("Failed", reason="PodFailurePolicy") if code else status("Complete")
    return {
        "status": {f"job/{name}": [condition]},
        "lists": {"pods": [[training_pod(code)]]},
        "logs": {"a": log},
    }


def train(cluster: Cluster, job: dict[str, Any] = JOB) -> str | None:
    return rollout.train(cluster.kubectl, job, IMAGE)


def with_epochs(value: str) -> dict[str, Any]:
    job = copy.deepcopy(JOB)
    jobs.trainer(job)["env"].append({"name": "EPOCHS", "value": value})
    return job


def test_what_is_like_this_already_is_left_alone(cluster: Cluster) -> None:
    assert rollout.apply(cluster.kubectl, [SERVICE, MANIFESTS[0]]) == [
        "service/ml-backend",
        f"configmap/{MANIFESTS[0]['metadata']['name']}",
    ]
    changed = {**SERVICE, "spec": {}}
    assert rollout.apply(cluster.kubectl, [changed, MANIFESTS[0]]) == ["service/ml-backend"]
    assert rollout.apply(cluster.kubectl, [changed, MANIFESTS[0]]) == []
    assert sum("apply" in call for call in cluster.calls) == 2


def test_the_cluster_is_that_of_the_kubeconfig(cluster: Cluster) -> None:
    rollout.apply(cluster.kubectl, [SERVICE])
    place = ["--context", "the-cluster", "--namespace", "ml-pipeline"]
    config = ["--kubeconfig", str(cluster.state / "kubeconfig")]
    assert [call[:7] for call in cluster.calls] == [
        [*config, *place, "diff"],
        [*config, *place, "apply"],
    ]


def test_a_controller_that_was_just_installed_is_waited_for(cluster: Cluster) -> None:
    cluster.will(faults={"apply": [REFUSING_HOOK, REFUSING_HOOK]})
    assert rollout.apply(cluster.kubectl, [SERVICE]) == ["service/ml-backend"]


def test_what_is_refused_is_told_at_once(cluster: Cluster) -> None:
    cluster.will(faults={"apply": ["Error from server (Forbidden): no such right"]})
    with pytest.raises(DeployError, match="no such right"):
        rollout.apply(cluster.kubectl, [SERVICE])


def claim(phase: str) -> dict[str, Any]:
    return {"metadata": {"name": "model"}, "status": {"phase": phase}}


def test_claims_are_waited_for(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.will(
        lists={"persistentvolumeclaims": [[claim("Pending")], [claim("Bound")]]},
        events={"model": [warning("FailedBinding", "no persistent volumes available")]},
    )
    rollout.wait_for_claims(cluster.kubectl)
    assert "0 of 1 bound; model: FailedBinding: no persistent volumes" in capsys.readouterr().err


def test_claims_that_stay_unbound(cluster: Cluster) -> None:
    cluster.will(lists={"persistentvolumeclaims": [[claim("Pending")]]})
    with pytest.raises(DeployError, match="check the EFS mount and permissions: `kubectl "):
        rollout.wait_for_claims(cluster.kubectl, 0.0)


def test_a_training_is_the_overlay_s_job_and_is_remembered(cluster: Cluster) -> None:
    cluster.will(**ends())
    assert train(cluster) == "version 4 of classifier is published"
    made = cluster.objects("Job")["ml-training-job"]
    change = jobs.Change(["run"], {})
    assert made["spec"] == jobs.training_job(JOB, "any", change)["spec"]
    known = record.read(cluster.kubectl)
    assert known == record.Record(IMAGE, record.hash_of(JOB))


def test_what_was_trained_is_not_trained_again(cluster: Cluster) -> None:
    cluster.will(**ends())
    train(cluster)
    before = len(cluster.calls)
    assert train(cluster) is None
    assert [call[6] for call in cluster.calls[before:]] == ["get"]


def test_another_specification_is_a_job_of_the_next_name(cluster: Cluster) -> None:
    cluster.will(**ends())
    train(cluster)
    cluster.will(**ends(name="ml-training-job-2"))
    train(cluster, with_epochs("40"))
    made = cluster.objects("Job")["ml-training-job-2"]
    assert {"name": "EPOCHS", "value": "40"} in jobs.trainer(made)["env"]


def test_a_training_that_a_stopped_deployment_left_is_followed(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(_: Follower) -> Outcome:
        raise KeyboardInterrupt

    cluster.will(**ends())
    with monkeypatch.context() as patch:
        patch.setattr(Follower, "follow", stop)
        with pytest.raises(KeyboardInterrupt):
            train(cluster)
    assert "ml-training-job goes on; to see its log again: kubectl" in capsys.readouterr().err
    assert train(cluster) == "version 4 of classifier is published"
    assert "of an earlier run; it is followed" in capsys.readouterr().err
    assert list(cluster.objects("Job")) == ["ml-training-job"]
    assert train(cluster) is None


def test_an_older_success_is_none_of_the_stopped_deployment_s(cluster: Cluster) -> None:
    cluster.will(**ends())
    train(cluster)
    cluster.will(**ends(name="ml-training-job-2"))
    train(cluster, with_epochs("40"))
    story = ends(name="ml-training-job-3")
    story["status"]["job/ml-training-job"] = [status("Complete")]
    cluster.will(**story)
    train(cluster)
    assert "ml-training-job-3" in cluster.objects("Job")


def test_data_of_one_s_own_is_trained_on_once(cluster: Cluster) -> None:
    mine = Given("$(TRAINING_DATA)", {"TRAINING_DATA": "https://s3/x?signed"}, "mine")
    cluster.will(**ends())
    rollout.train(cluster.kubectl, JOB, IMAGE, mine)
    made = cluster.objects("Job")["ml-training-job"]
    assert jobs.trainer(made)["args"] == ["run", "--data", "$(TRAINING_DATA)"]
    assert "signed" not in json.dumps(made)
    secret = cluster.objects("Secret")["ml-training-job"]
    assert secret["stringData"] == {"TRAINING_DATA": "https://s3/x?signed"}
    assert secret["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    again = Given("$(TRAINING_DATA)", {"TRAINING_DATA": "https://s3/x?signed-anew"}, "mine")
    assert rollout.train(cluster.kubectl, JOB, IMAGE, again) is None
    assert train(cluster) is None
    cluster.will(**ends(name="ml-training-job-2"))
    other = Given("flowers", {}, "flowers")
    assert rollout.train(cluster.kubectl, JOB, IMAGE, other) is not None


def test_without_its_secret_there_is_no_job(cluster: Cluster) -> None:
    cluster.has("Secret", "ml-training-job")
    mine = Given("$(TRAINING_DATA)", {"TRAINING_DATA": "https://s3/x?signed"}, "mine")
    with pytest.raises(DeployError, match="already exists") as caught:
        rollout.train(cluster.kubectl, JOB, IMAGE, mine)
    assert "signed" not in str(caught.value)
    assert cluster.objects("Job") == {}


def test_a_training_that_failed_is_told_and_tried_again(cluster: Cluster) -> None:
    cluster.will(**ends(75, event(1, "/src/model: cannot be written", "error")))
    with pytest.raises(DeployError) as caught:
        train(cluster)
    told = str(caught.value)
    assert "ml-training-job failed, network, server or volume" in told
    assert "/src/model: cannot be written" in told
    assert "check the EFS mount and permissions" in told
    assert record.read(cluster.kubectl) is None
    story = ends(name="ml-training-job-2")
    story["status"]["job/ml-training-job"] = [status("Failed")]
    cluster.will(**story)
    train(cluster)
    assert list(cluster.objects("Job")) == ["ml-training-job", "ml-training-job-2"]


def test_a_training_that_never_ran(cluster: Cluster) -> None:
    job = {"status": {"job/ml-training-job": [status("Failed", reason="DeadlineExceeded")]}}
    cluster.will(**job, lists={"pods": [[]]})
    with pytest.raises(DeployError, match="no node, give more of --training-instance-types"):
        train(cluster)


def wait(cluster: Cluster, seconds: float = 60.0) -> None:
    rollout.wait_for_deployment(cluster.kubectl, "ml-backend", seconds)


def has_backend(cluster: Cluster, *ready: int, **story: Any) -> None:  # noqa: ANN401 - JSON
    """Of two pods, first so many are ready, then so many."""
    made = deployment("ml-backend", 2, 0)
    cluster.has("Deployment", "ml-backend", metadata=made["metadata"], spec=made["spec"])
    series = [deployment("ml-backend", 2, each)["status"] for each in ready]
    cluster.will(status={"deployment/ml-backend": series}, **story)


def test_a_deployment_is_waited_for_and_why_it_waits_is_told(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    no_image = inference_pod("a", waiting={"reason": "ErrImagePull", "message": "no such image"})
    has_backend(
        cluster,
        *(1, 1, 2),
        lists={"pods": [[no_image], [inference_pod("a", running={})]]},
        events={"a": [warning("Unhealthy", "Readiness probe failed: statuscode: 503")]},
    )
    wait(cluster)
    told = capsys.readouterr().err
    assert "1 of 2 pods ready, 2 of the newest kind; a: ErrImagePull: no such image" in told
    assert "a: Unhealthy: Readiness probe failed: statuscode: 503" in told


def test_the_autoscaler_s_pods_are_waited_for(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    has_backend(cluster, 1, 2)
    cluster.has("HorizontalPodAutoscaler", "ml-backend", spec={"minReplicas": 2})
    rollout.wait_for_scaler(cluster.kubectl, "ml-backend", 60.0)
    assert "1 of 2 pods are ready" in capsys.readouterr().err
    has_backend(cluster, 1)
    with pytest.raises(DeployError, match="autoscaler ml-backend: not done within 0 s"):
        rollout.wait_for_scaler(cluster.kubectl, "ml-backend", 0.0)


def test_why_there_is_no_pod_is_told(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    has_backend(
        cluster,
        *(0, 2),
        lists={"pods": [[]], "replicasets": [[{"metadata": {"name": "ml-backend-1"}}]]},
        events={"ml-backend-1": [warning("FailedCreate", "violates PodSecurity")]},
    )
    wait(cluster)
    assert "FailedCreate: violates PodSecurity" in capsys.readouterr().err


def test_a_deployment_that_fails_quotes_events_and_the_log_s_end(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    crashed = inference_pod("a", restarts=3, waiting={"reason": "CrashLoopBackOff"})
    has_backend(
        cluster,
        0,
        lists={"pods": [[crashed]]},
        events={"a": [warning("BackOff", "back-off restarting", 7)]},
        logs={"a": "PORT is 0;\x1b[31m give a port\n"},
    )
    with pytest.raises(DeployError, match=r"CrashLoopBackOff; `kubectl .* describe deployment/ml"):
        wait(cluster, 0.0)
    told = capsys.readouterr().err
    assert "event of a: BackOff: back-off restarting (7 times)" in told
    assert "log of a: PORT is 0;\\x1b[31m give a port" in told
    assert "--previous" in cluster.calls[-1]


def test_a_deployment_that_is_not_there(cluster: Cluster) -> None:
    with pytest.raises(DeployError, match="not done within 0 s; last: it is not there"):
        wait(cluster, 0.0)


def test_a_cluster_that_is_away_for_a_moment_ends_no_wait(cluster: Cluster) -> None:
    refused = "The connection to the server 127.0.0.1:1 was refused"
    has_backend(cluster, 2, faults={"get": [refused, refused]})
    wait(cluster)
