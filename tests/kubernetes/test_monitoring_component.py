"""The component for monitoring: it finds the backend's pods, by the name that the rules have."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from configuration import ALERTS, DASHBOARD, GROUPS, program
from configuration import MONITORING as OUTSIDE
from rendering import LOCAL, MONITORING, render, render_component

if TYPE_CHECKING:
    from pathlib import Path

JOB = "inference"


@pytest.fixture(scope="module")
def monitoring() -> list[dict[str, Any]]:
    return render_component(MONITORING)


@pytest.fixture(scope="module")
def backend() -> dict[str, Any]:
    """The backend's Deployment, as on the local cluster."""
    named = [each for each in render(LOCAL) if each["metadata"]["name"] == "ml-backend"]
    return _only("Deployment", named)


def test_every_object_is_in_the_backends_namespace(
    monitoring: list[dict[str, Any]], backend: dict[str, Any]
) -> None:
    namespaces = {each["metadata"]["namespace"] for each in monitoring}
    assert namespaces == {backend["metadata"]["namespace"]}


def test_the_rules_are_those_of_prometheus_outside_a_cluster(
    monitoring: list[dict[str, Any]],
) -> None:
    spec = _only("PrometheusRule", monitoring)["spec"]
    remedy = (
        "have below `spec:` of k8s/components/monitoring/ml-backend-prometheusrule.yaml, indented "
        "by two, what monitoring/alerts.yml has from `groups:` on"
    )
    assert spec == {"groups": GROUPS}, remedy


def test_promtool_accepts_the_rules(monitoring: list[dict[str, Any]], tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump(_only("PrometheusRule", monitoring)["spec"]))
    command = [program("promtool"), "check", "rules", "--lint-fatal", str(rules)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pods_read_are_the_backends(
    monitoring: list[dict[str, Any]], backend: dict[str, Any]
) -> None:
    spec = _only("PodMonitor", monitoring)["spec"]
    template = backend["spec"]["template"]
    assert spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    (endpoint,) = spec["podMetricsEndpoints"]
    (container,) = template["spec"]["containers"]
    assert endpoint["port"] in {port["name"] for port in container["ports"]}


def test_the_job_is_called_as_in_the_rules(
    monitoring: list[dict[str, Any]], backend: dict[str, Any]
) -> None:
    label = _only("PodMonitor", monitoring)["spec"]["jobLabel"]
    assert backend["spec"]["template"]["metadata"]["labels"][label] == JOB
    assert all(f'job="{JOB}"' in each["expr"] or "job:" in each["expr"] for each in ALERTS)


def test_an_instance_is_a_pod_by_its_name(monitoring: list[dict[str, Any]]) -> None:
    (endpoint,) = _only("PodMonitor", monitoring)["spec"]["podMetricsEndpoints"]
    assert endpoint["relabelings"] == [
        {"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "instance"}
    ]


def test_metrics_are_read_as_often_as_outside_a_cluster(monitoring: list[dict[str, Any]]) -> None:
    (endpoint,) = _only("PodMonitor", monitoring)["spec"]["podMetricsEndpoints"]
    outside = yaml.safe_load((OUTSIDE / "prometheus.yml").read_bytes())
    assert endpoint["interval"] == outside["global"]["scrape_interval"]
    job = next(each for each in outside["scrape_configs"] if each["job_name"] == JOB)
    assert endpoint["path"] == job.get("metrics_path", "/metrics")


def test_grafanas_sidecar_finds_the_dashboard(monitoring: list[dict[str, Any]]) -> None:
    config = _only("ConfigMap", monitoring)
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert {name: json.loads(text) for name, text in config["data"].items()} == {
        "dashboard.json": DASHBOARD
    }


def test_prometheus_is_let_in_to_the_backends_port(
    monitoring: list[dict[str, Any]], backend: dict[str, Any]
) -> None:
    spec = _only("NetworkPolicy", monitoring)["spec"]
    (rule,) = spec["ingress"]
    assert rule["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    ]
    (container,) = backend["spec"]["template"]["spec"]["containers"]
    names = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert [names[port["port"]] for port in rule["ports"]] == [5000]


def _only(kind: str, objects: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = (each for each in objects if each["kind"] == kind)
    return found
