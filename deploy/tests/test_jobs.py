from __future__ import annotations

import copy
import json
import os
import re
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scenarios import OVERLAY, SETTINGS

from deploy import jobs
from deploy.errors import UsageError
from deploy.jobs import Change
from deploy.target import find_target

GOLDEN = Path(__file__).parent / "golden"
MANIFESTS = list(yaml.safe_load_all((OVERLAY / "rendered.yaml").read_text()))
RENDERED = jobs.find_training_job(MANIFESTS)
CHANGE = Change(["run", "--data", "flowers", "--retrain"], {"EPOCHS": "40"}, "registry/trainer:2")
NUMBERS = st.integers(1, 999_999_999)


def golden(name: str, made: dict[str, Any]) -> None:
    """Compares with a file; UPDATE_GOLDEN=1 writes it anew."""
    path, text = GOLDEN / name, json.dumps(made, indent=1) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_a_training_is_the_overlay_s_job_with_what_was_asked_for() -> None:
    golden("training.json", jobs.training_job(RENDERED, "ml-training-job-7", CHANGE))


def test_a_command_gets_the_model_volume_alone_and_is_no_training() -> None:
    golden("one-off.json", jobs.one_off_job(RENDERED, "list", Change(["list"], {})))


def test_a_command_runs_where_the_servers_do_and_not_on_nodes_for_trainings() -> None:
    rendered = copy.deepcopy(RENDERED)
    pod = rendered["spec"]["template"]["spec"]
    pod["nodeSelector"] = {"ml-pipeline/nodes": "training", "kubernetes.io/arch": "arm64"}
    pod["tolerations"] = [{"key": "ml-pipeline/nodes", "value": "training"}]
    made = jobs.one_off_job(rendered, "list", Change(["list"], {}))["spec"]["template"]["spec"]
    assert made["nodeSelector"] == {"ml-pipeline/nodes": "serving", "kubernetes.io/arch": "arm64"}
    assert "tolerations" not in made
    training = jobs.training_job(rendered, "name", CHANGE)["spec"]["template"]["spec"]
    assert training["nodeSelector"] == pod["nodeSelector"]
    assert training["tolerations"] == pod["tolerations"]


def test_what_is_secret_is_in_no_manifest_but_the_secret_s() -> None:
    change = Change(["run", "--data", "$(TRAINING_DATA)"], {"SEED": "1"}, secrets=["TRAINING_DATA"])
    job = jobs.training_job(RENDERED, "ml-training-job-7", change)
    reference = {"secretKeyRef": {"name": "ml-training-job-7", "key": "TRAINING_DATA"}}
    assert jobs.trainer(job)["env"][-1] == {"name": "TRAINING_DATA", "valueFrom": reference}
    job["metadata"]["uid"] = "the-uid"
    secret = jobs.secret(job, {"TRAINING_DATA": "https://example.com/?signature"})
    assert secret["stringData"] == {"TRAINING_DATA": "https://example.com/?signature"}
    assert secret["metadata"]["name"] == "ml-training-job-7"
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Job", "the-uid")


@pytest.mark.parametrize("make", [jobs.training_job, jobs.one_off_job])
def test_the_rendered_job_stays_as_it_is(make: Any) -> None:  # noqa: ANN401 - either function
    before = copy.deepcopy(RENDERED)
    make(RENDERED, "name", CHANGE)
    assert before == RENDERED


def test_a_setting_goes_before_the_overlay_s() -> None:
    job = jobs.training_job(RENDERED, "name", Change(["run"], {"TRAINER_COMMAND": "mine"}))
    assert jobs.trainer(job)["env"] == [{"name": "TRAINER_COMMAND", "value": "mine"}]


def test_a_program_takes_the_place_of_the_entry_point() -> None:
    job = jobs.one_off_job(RENDERED, "break", Change([], {}, program=["python", "-c", "pass"]))
    assert jobs.trainer(job)["command"] == ["python", "-c", "pass"]
    assert jobs.trainer(job)["args"] == []


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ([], "ml-training-job-2"),
        (["ml-training-job"], "ml-training-job-2"),
        (["ml-training-job-9", "ml-training-job-10"], "ml-training-job-11"),
        (["ml-model-list-x2", "ml-training-job-x", "ml-training-job-02"], "ml-training-job-2"),
    ],
)
def test_the_next_name(taken: list[str], name: str) -> None:
    assert jobs.next_name(taken) == name


@given(st.sets(NUMBERS))
def test_the_next_number_is_one_more_than_the_highest_and_of_the_overlay_s(
    numbers: set[int],
) -> None:
    taken = [f"ml-training-job-{number}" for number in numbers]
    name = jobs.next_name(taken)
    assert name not in taken
    assert jobs.run_number(name) == max({1, *numbers}) + 1


def made(name: str, day: int, *, succeeded: bool) -> dict[str, Any]:
    job = jobs.training_job(RENDERED, name, Change([], {}, f"image-of-{name}"))
    job["metadata"]["creationTimestamp"] = f"2026-01-{day:02}T00:00:00Z"
    return job | {"status": {"succeeded": 1} if succeeded else {"failed": 1}}


def test_the_image_of_the_applied_job_comes_first() -> None:
    found = [
        made("ml-training-job", 1, succeeded=False),
        made("ml-training-job-2", 2, succeeded=True),
    ]
    assert jobs.image_in_use(found) == "image-of-ml-training-job"


def test_an_image_that_takes_the_overlay_s_place_may_be_pulled() -> None:
    never = copy.deepcopy(RENDERED)
    jobs.trainer(never)["imagePullPolicy"] = "Never"
    policies = [
        jobs.trainer(jobs.training_job(never, "name", Change([], {}, image)))["imagePullPolicy"]
        for image in ("registry/trainer:2", jobs.trainer(RENDERED)["image"], None)
    ]
    assert policies == ["IfNotPresent", "Never", "Never"]


def test_else_the_image_of_the_newest_training_that_succeeded() -> None:
    found = [
        made("ml-training-job-3", 3, succeeded=True),
        made("ml-training-job-2", 2, succeeded=True),
        made("ml-training-job-4", 4, succeeded=False),
        made("another", 5, succeeded=True),
    ]
    assert jobs.image_in_use(found) == "image-of-ml-training-job-3"
    assert jobs.image_in_use(found[2:]) is None


def test_the_config_maps_that_a_pod_cannot_do_without() -> None:
    assert jobs.config_maps(RENDERED) == (SETTINGS,)
    job = copy.deepcopy(RENDERED)
    jobs.trainer(job)["envFrom"] = [{"configMapRef": {"name": "maybe", "optional": True}}]
    jobs.trainer(job)["env"] = [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "needed", "key": "a"}}},
        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    assert jobs.config_maps(job) == ("needed",)


def test_an_overlay_without_the_job_is_refused() -> None:
    with pytest.raises(UsageError, match="no Job ml-training-job"):
        jobs.find_training_job(MANIFESTS[:1])


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="it renders with kubectl")
def test_an_overlay_s_settings_are_of_its_config_maps_also_of_an_empty_one(tmp_path: Path) -> None:
    text = (OVERLAY / "rendered.yaml").read_text()
    resources = "resources: [rendered.yaml]\n"
    (tmp_path / "kustomization.yaml").write_text(resources)
    for written, settings in ((text, 11), (re.sub(r"data:\n(  .*\n)+", "", text, count=1), 0)):
        (tmp_path / "rendered.yaml").write_text(written)
        target = find_target(Namespace(overlay=tmp_path, context="kind-test"))
        assert len(target.settings) == settings
