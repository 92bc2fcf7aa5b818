from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendering_overlays import example

from deploy.eks import stages
from deploy.errors import DeployError

if TYPE_CHECKING:
    from random import Random


def told(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def an_object(kind: str, component: str = "") -> dict[str, Any]:
    labels = {"app.kubernetes.io/component": component} if component else {}
    return {"kind": kind, "metadata": {"name": "some", "labels": labels}}


@given(st.randoms(use_true_random=False), st.integers(0, 20))
def test_every_object_is_in_exactly_one_stage(shuffle: Random, count: int) -> None:
    some = shuffle.sample(example(), len(example()) - count)
    split = stages.split(some)
    assert tuple(stage.name for stage in split) == stages.NAMES
    applied = [each for stage in split for each in stage.manifests]
    assert sorted(map(told, applied)) == sorted(map(told, some))
    assert all(any(each is one for one in some) for each in applied)


@given(st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_they_come(shuffle: Random) -> None:
    shuffled = shuffle.sample(example(), len(example()))
    assert stages.split(shuffled) == stages.split(example())


def test_the_stages_are_the_seeds() -> None:
    split = {stage.name: [told(each) for each in stage.manifests] for stage in split_all()}
    assert split["storage"][0] == "Namespace/ml-pipeline"
    assert {each.partition("/")[0] for each in split["storage"]} == {
        *("ConfigMap", "Namespace", "NetworkPolicy", "PersistentVolume", "PersistentVolumeClaim"),
        *("ServiceAccount", "StorageClass"),
    }
    del split["storage"]
    assert split == {
        "training": ["Job/ml-training-job"],
        "backend": [
            "Service/ml-backend",
            "Service/ml-backend-unready",
            "Deployment/ml-backend",
        ],
        "frontend": ["Service/ml-frontend", "Deployment/ml-frontend"],
        "autoscaling": [
            "HorizontalPodAutoscaler/ml-backend",
            "PodDisruptionBudget/ml-backend",
            "PodDisruptionBudget/ml-frontend",
        ],
        "ingress": ["Ingress/ml-frontend"],
    }


def test_policies_are_there_before_the_pods_that_they_close() -> None:
    kinds = [each["kind"] for stage in split_all() for each in stage.manifests]
    assert max(i for i, kind in enumerate(kinds) if kind == "NetworkPolicy") < min(
        i for i, kind in enumerate(kinds) if kind in {"Deployment", "Job"}
    )


@pytest.mark.parametrize("kind", ["PodMonitor", "PrometheusRule"])
def test_what_a_component_adds_goes_with_its_service(kind: str) -> None:
    (stage,) = (each for each in stages.split([an_object(kind, "inference")]) if each.manifests)
    assert stage.name == "backend"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(DeployError, match="DaemonSet some: of a kind that is in no stage"):
        stages.split([*example(), an_object("DaemonSet", "frontend")])


@pytest.mark.parametrize("component", ["", "trainer"])
def test_a_deployment_of_no_stage_is_refused(component: str) -> None:
    with pytest.raises(DeployError, match=f"Deployment some: .* is '{component}'"):
        stages.split([an_object("Deployment", component)])


def split_all() -> tuple[stages.Stage, ...]:
    return stages.split(example())
