from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fake_deployment
import pytest
from fake_deployment import IMAGE, MINE, needs_kubectl
from scenarios import ended, event

from deploy import jobs
from deploy.eks import data, models, record, stacks, targets, training
from deploy.eks.training import Training
from deploy.errors import DeployError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from fake_cluster import Cluster

PUBLISHED = event(1, "version 4 of classifier is published: /src/model/classifier/4")
URL = "https://photos.s3.eu-west-1.amazonaws.com/pets.zip?X-Amz-Signature=0f0f"

pytestmark = needs_kubectl


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return fake_deployment.install(tmp_path, monkeypatch)


def ends(cluster: Cluster, name: str, code: int = 0, log: str = PUBLISHED) -> None:
    (moment,) = ended(code, log)["moments"]
    lists, status = {"pods": [moment["pods"]]}, {f"job/{name}": [moment["status"]]}
    cluster.will(lists=lists, status=status, logs={"a": log})


def train(**options: Any) -> None:  # noqa: ANN401 - a Training's own
    training.train(fake_deployment.open_account(), MINE, Training(**options))


def test_a_training_is_a_new_job_on_spot_with_the_image_that_was_deployed(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    ends(cluster, "ml-training-job-2")
    train(data="flowers", retrain=True, settings={"EPOCHS": "40"})
    (made,) = cluster.objects("Job").values()
    assert made["metadata"]["name"] == "ml-training-job-2"
    assert jobs.trainer(made)["image"] == IMAGE
    assert jobs.trainer(made)["args"] == ["run", "--data", "flowers", "--retrain"]
    assert {"name": "EPOCHS", "value": "40"} in jobs.trainer(made)["env"]
    pod = made["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"ml-pipeline/nodes": "training"}
    assert pod["tolerations"]
    told = capsys.readouterr()
    assert "version 4 of classifier is published" in told.out
    where = "--name ml-pipeline --region us-west-2"
    assert told.err.endswith(f"to go back: ./noxw -s rollback_eks -- {where}\n")


def test_a_signature_is_in_the_secret_alone(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "sign", lambda *_: URL)
    ends(cluster, "ml-training-job-2")
    train(data="s3://photos/pets.zip")
    (made,) = cluster.objects("Job").values()
    assert jobs.trainer(made)["args"] == ["run", "--data", "$(TRAINING_DATA)"]
    reference = {"name": "ml-training-job-2", "key": "TRAINING_DATA"}
    source = {"name": "TRAINING_DATA", "valueFrom": {"secretKeyRef": reference}}
    assert source in jobs.trainer(made)["env"]
    assert cluster.objects("Secret")["ml-training-job-2"]["stringData"] == {"TRAINING_DATA": URL}
    seen = [str(made), str(cluster.calls), *capsys.readouterr()]
    assert not any("0f0f" in each for each in seen)


def test_without_following_it_tells_how_to(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.will()
    train(follow=False)
    assert capsys.readouterr().err.endswith("logs --follow job/ml-training-job-2\n")


def test_a_training_that_fails_tells_why(cluster: Cluster) -> None:
    ends(cluster, "ml-training-job-2", 3, event(1, "no images at all", "error"))
    with pytest.raises(DeployError, match=r"bad data \(exit code 3\): no images at all"):
        train()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"settings": {"EPOCH": "4"}}, "--set EPOCH: there is no such setting, but DATASET"),
        ({"data": "/home"}, "data of this machine is not copied to EKS"),
        ({"data": "http://10.0.0.1/x.zip"}, "a training cannot reach 10.0.0.1"),
    ],
)
def test_what_cannot_be_used_makes_nothing(
    cluster: Cluster, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        train(**options)
    assert cluster.objects("Job") == {}


def test_going_back_is_a_job_on_the_nodes_that_serve(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    ends(cluster, "ml-model-rollback-abcde", log=event(1, "version 3 is the current one now"))
    models.rollback(fake_deployment.open_account(), MINE, 3)
    (made,) = [call for call in cluster.calls if "create" in call]
    assert made
    assert cluster.objects("Job") == {}
    told = capsys.readouterr().err
    assert "version 3 is the current one now" in told
    assert "./noxw -s status_eks -- --name ml-pipeline --region us-west-2" in told


def test_the_versions_are_a_result(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    ends(cluster, "ml-model-list-abcde", log="2026-01-01T00:00:00.000000000Z *    3  digits\n")
    models.show(fake_deployment.open_account(), MINE)
    assert capsys.readouterr().out == "*    3  digits\n"


def test_a_version_that_is_not_there(cluster: Cluster) -> None:
    ends(cluster, "ml-model-rollback-abcde", 2, event(1, "there is no version 9", "error"))
    with pytest.raises(DeployError, match=r"rollback failed, .*: there is no version 9"):
        models.rollback(fake_deployment.open_account(), MINE, 9)


@pytest.mark.usefixtures("cluster")
def test_without_a_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "find", lambda *_: None)
    with pytest.raises(UsageError, match="no deployment ml-pipeline in us-west-2"):
        targets.find(fake_deployment.open_account(), MINE)


def test_before_the_first_training(cluster: Cluster) -> None:
    cluster.kubectl.delete("configmap", record.NAME)
    with pytest.raises(UsageError, match="no training of ml-pipeline has succeeded; "):
        train(follow=False)


def test_settings_that_were_changed_since(cluster: Cluster) -> None:
    for name in cluster.objects("ConfigMap"):
        if name != record.NAME:
            cluster.kubectl.delete("configmap", name)
    with pytest.raises(UsageError, match=r"lacks the ConfigMap .* applies them"):
        train(follow=False)
