"""The profile monitoring: Prometheus as compose starts it, and what Grafana is given.

Debian's prometheus stands in for prom/prometheus: an older version, with the same user, folders
and command line. So this shows that compose.yaml and the repository's files fit together, not that
they fit the version that compose.yaml names. Nothing stands in for Grafana: it is not started, and
only what compose would mount into it is looked at. The model is a golden one, not a trained one,
and is mounted in the place of the volume `model`.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from configuration import COMPONENT, MONITORING, RULES
from engine import run, wait_until
from project import ROOT, compose_project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project

IMAGE = "ml-pipeline/prometheus:test"
GOLDEN = ROOT / "tests/contract/golden/model/good"
NOBODY = "65534"
GRAFANA = MONITORING / "grafana"


@pytest.fixture(scope="module")
def project(images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Prometheus and a model server, once both are healthy."""
    del images
    run("docker", "build", "--quiet", f"--tag={IMAGE}", f"{Path(__file__).parent}/prometheus")
    golden = tmp_path_factory.mktemp("compose") / "golden.yaml"
    volumes = [f"{GOLDEN}:/src/model:ro"]
    golden.write_text(yaml.safe_dump({"services": {"inference": {"volumes": volumes}}}))
    settings = {"MODEL_NAME": "golden", "PROMETHEUS_IMAGE": IMAGE}
    with compose_project(golden, profiles=("monitoring",), **settings) as project:
        done = project.start("up", "--wait", "--no-deps", "prometheus", "inference")
        assert done.returncode == 0, done.stderr + project.compose("logs")
        yield project


@pytest.fixture(scope="module")
def prometheus(project: Project) -> Iterator[httpx.Client]:
    url = f"http://127.0.0.1:{project.environment['PROMETHEUS_PORT']}"
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        yield client


def test_prometheus_is_healthy_as_nobody(project: Project) -> None:
    found = project.inspect("prometheus")
    assert found["State"]["Health"]["Status"] == "healthy"
    rows = run("docker", "top", found["Id"], "-o", "pid,uid").splitlines()[1:]
    assert {row.split()[1] for row in rows} == {NOBODY}


@pytest.mark.parametrize("path", ["/bin/new", "/etc/prometheus/alerts.yml"])
def test_prometheus_cannot_write(project: Project, path: str) -> None:
    done = project.start("exec", "-T", "--user=root", "prometheus", "touch", path)
    assert "Read-only file system" in done.stderr


def test_both_targets_are_up(prometheus: httpx.Client) -> None:
    wait_until(lambda: len(ask(prometheus, "up == 1")) == 2, "two targets are up")
    assert {each["metric"]["instance"] for each in ask(prometheus, "up")} == {
        *("inference:5000", "localhost:9090")
    }


def test_every_rule_is_evaluated_without_an_error(prometheus: httpx.Client) -> None:
    def health() -> dict[str, str]:
        groups = prometheus.get("/api/v1/rules").raise_for_status().json()["data"]["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    wait_until(lambda: "unknown" not in health().values(), "each rule is evaluated")
    assert health() == {rule.get("alert") or rule["record"]: "ok" for rule in RULES}


def test_the_models_metrics_arrive(project: Project, prometheus: httpx.Client) -> None:
    ready = httpx.get(f"{project.inference_url}/ready", trust_env=False).json()["model"]
    wait_until(lambda: bool(ask(prometheus, "inference_model_info")), "metrics of the model")
    (info,) = ask(prometheus, "inference_model_info")
    told = {name: info["metric"][name] for name in ("job", "name", "version")}
    assert told == {"job": "inference", "name": "golden", "version": str(ready["version"])}


def test_grafana_is_given_the_repositorys_files(docker: None) -> None:
    del docker
    with compose_project(profiles=("monitoring",)) as project:
        service = json.loads(project.compose("config", "--format=json"))["services"]["grafana"]
    binds = [mount for mount in service["volumes"] if mount["type"] == "bind"]
    provisioning, dashboard = "/etc/grafana/provisioning", home(service)
    assert {mount["target"]: Path(mount["source"]) for mount in binds} == {
        provisioning: GRAFANA / "provisioning",
        dashboard: COMPONENT / "dashboard.json",
    }
    assert all(mount["read_only"] and Path(mount["source"]).exists() for mount in binds)
    assert str(PurePosixPath(dashboard).parent) == dashboards_folder()


def ask(prometheus: httpx.Client, expression: str) -> list[dict[str, Any]]:
    """The samples that an expression has now."""
    answer = prometheus.get("/api/v1/query", params={"query": expression}).raise_for_status()
    return list(answer.json()["data"]["result"])


def home(grafana: dict[str, Any]) -> str:
    """The dashboard that is shown first."""
    return str(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])


def dashboards_folder() -> str:
    """Where Grafana is told to look for dashboards."""
    told = yaml.safe_load((GRAFANA / "provisioning/dashboards/inference.yaml").read_bytes())
    (provider,) = told["providers"]
    return str(provider["options"]["path"])
