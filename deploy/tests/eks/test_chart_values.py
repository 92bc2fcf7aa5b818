"""The controllers' values: what they name is in the stack, and versions are pinned."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from deploy.eks import charts, stacks, template

STACK = template.read(stacks.template())
CHARTS = {each.chart: each for each in charts.read()}
PROMETHEUS = ("kube-prometheus-stack", "amazon-managed-prometheus")


def bodies(kind: str) -> list[dict[str, Any]]:
    """The properties of the stack's resources of one type."""
    found = [each for each in STACK["Resources"].values() if each["Type"] == kind]
    return [each["Properties"] for each in found]


def accounts() -> set[tuple[str, str]]:
    """The namespaces and service accounts that the stack gives roles to."""
    given = bodies("AWS::EKS::PodIdentityAssociation")
    return {(each["Namespace"], each["ServiceAccount"]) for each in given}


def own_account(chart: str) -> str:
    values = CHARTS[chart].values
    name: str = values.get("rbac", values)["serviceAccount"]["name"]
    return name


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_is_pinned_to_a_version(chart: str) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", CHARTS[chart].version)
    assert CHARTS[chart].repository.startswith("https://")


@pytest.mark.parametrize("chart", CHARTS)
def test_a_controller_has_the_role_that_the_stack_gives(chart: str) -> None:
    assert (CHARTS[chart].namespace, own_account(chart)) in accounts()


@pytest.mark.parametrize("chart", CHARTS)
def test_a_controller_runs_on_nodes_that_are_always_there(chart: str) -> None:
    labels = [each["Labels"] for each in bodies("AWS::EKS::Nodegroup")]
    assert CHARTS[chart].values["nodeSelector"] == {"ml-pipeline/nodes": "serving"}
    assert {"ml-pipeline/nodes": "serving"} in labels


@pytest.mark.parametrize("chart", CHARTS)
def test_a_controller_is_bounded_and_gains_nothing(chart: str) -> None:
    values = CHARTS[chart].values
    assert values["resources"].keys() == {"requests", "limits"}
    container = values.get("containerSecurityContext", values["securityContext"])
    assert container["allowPrivilegeEscalation"] is False
    assert container["readOnlyRootFilesystem"] is True
    assert container["capabilities"] == {"drop": ["ALL"]}


def test_the_autoscaler_is_of_the_clusters_minor_version() -> None:
    version = STACK["Parameters"]["KubernetesVersion"]["Default"]
    assert CHARTS["cluster-autoscaler"].values["image"]["tag"].startswith(f"v{version}.")


def test_prometheus_has_the_role_that_the_stack_gives() -> None:
    (values, beside) = (
        yaml.safe_load((charts.CHARTS / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in PROMETHEUS
    )
    assert ("monitoring", values["prometheus"]["serviceAccount"]["name"]) in accounts()
    (write,) = beside["prometheus"]["prometheusSpec"]["remoteWrite"]
    assert "sigv4" in write


def test_every_file_of_values_is_known() -> None:
    files = {path.stem for path in charts.CHARTS.glob("*.yaml")}
    assert files == {*CHARTS, *PROMETHEUS}
