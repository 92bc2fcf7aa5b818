"""The components for Argo CD and for Flux: they point at the overlay, and what they change fits it.

Their kinds are no part of Kubernetes, whose schemas do not know them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from manifests import name, of_kind
from rendering import EKS, GITOPS, ROOT, render

if TYPE_CHECKING:
    from pathlib import Path

WAVE = "argocd.argoproj.io/sync-wave"
ORDER = {  # what is not named is in the first wave, with what is stored
    "job/ml-training-job": 1,
    "deployment/ml-backend": 2,
    "service/ml-backend": 2,
    "service/ml-backend-unready": 2,
    "deployment/ml-frontend": 3,
    "service/ml-frontend": 3,
    "horizontalpodautoscaler/ml-backend": 4,
    "poddisruptionbudget/ml-backend": 4,
    "poddisruptionbudget/ml-frontend": 4,
    "ingress/ml-frontend": 5,
}


def _argocd() -> dict[str, Any]:
    (application,) = of_kind("Application", render(GITOPS["argocd"]))
    source: dict[str, Any] = application["spec"]["source"]
    return {"path": source["path"], "patches": source["kustomize"]["patches"]}


def _flux() -> dict[str, Any]:
    (kustomization,) = of_kind("Kustomization", render(GITOPS["flux"]))
    spec: dict[str, Any] = kustomization["spec"]
    return {"path": spec["path"], "patches": spec["patches"]}


SOURCES = {"argocd": _argocd, "flux": _flux}


@pytest.fixture(params=GITOPS)
def tool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def applied(tool: str, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """The overlay as the tool applies it, by kind and name."""
    return _patched(SOURCES[tool]()["patches"], tmp_path)


def test_it_points_at_the_overlay(tool: str) -> None:
    assert (ROOT / SOURCES[tool]()["path"]).resolve() == EKS


def test_it_adds_and_takes_away_nothing(applied: dict[str, dict[str, Any]]) -> None:
    assert applied.keys() == {name(each) for each in render(EKS)}


def test_a_job_is_made_anew_where_it_differs_and_only_then(
    tool: str, applied: dict[str, dict[str, Any]]
) -> None:
    job = applied["job/ml-training-job"]
    assert "ttlSecondsAfterFinished" not in job["spec"], "else it trains again when it is gone"
    annotations = job["metadata"]["annotations"]
    if tool == "argocd":
        assert annotations["argocd.argoproj.io/sync-options"] == "Force=true,Replace=true"
    else:
        assert annotations["kustomize.toolkit.fluxcd.io/force"] == "enabled"


def test_argocd_applies_in_the_order_of_a_deployment(tmp_path: Path) -> None:
    applied = _patched(_argocd()["patches"], tmp_path)
    waves = {
        each: int(found["metadata"].get("annotations", {}).get(WAVE, "0"))
        for each, found in applied.items()
    }
    assert {each: wave for each, wave in waves.items() if wave} == ORDER


def test_all_else_stays_as_it_is(applied: dict[str, dict[str, Any]]) -> None:
    for each in render(EKS):
        changed = applied[name(each)]
        assert {**changed, "metadata": {}, "spec": {}} == {**each, "metadata": {}, "spec": {}}
        if each["kind"] != "Job":
            assert changed.get("spec") == each.get("spec")


def test_flux_reads_the_repository_that_it_names() -> None:
    (kustomization,) = of_kind("Kustomization", render(GITOPS["flux"]))
    (repository,) = of_kind("GitRepository", render(GITOPS["flux"]))
    assert kustomization["spec"]["sourceRef"] == {
        "kind": "GitRepository",
        "name": repository["metadata"]["name"],
    }
    assert kustomization["metadata"]["namespace"] == repository["metadata"]["namespace"]


def _patched(patches: list[dict[str, Any]], folder: Path) -> dict[str, dict[str, Any]]:
    content = {"resources": [os.path.relpath(EKS, folder.resolve())], "patches": patches}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))
    return {name(each): each for each in render(folder)}
