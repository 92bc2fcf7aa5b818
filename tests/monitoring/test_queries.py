"""Every expression, asked of a real Prometheus that reads a real model server."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from configuration import ALERTS, RULES, metrics_named, queries
from engine import wait_until
from processes import GOLDEN, copy_models, get, running_inference, running_prometheus, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from configuration import Query

VARIABLES = {
    "$__rate_interval": "1m",
    "$__range": "1m",
    "$job": "inference",
    "$instance": ".+",
}
NOTE = "New version served"
#: Alerts that look for what is missing; all other expressions look at something.
SILENT = {
    "InferenceDown": "absent() of a target that is up",
    "InferenceReplicaDown": "looks for a target that is down",
    "InferenceNoModel": "`unless` a model is served, and one is",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden models, of which version 2 is served."""
    return copy_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_inference(tmp_path_factory.mktemp("inference"), models) as url:
        yield url


@pytest.fixture(scope="module")
def prometheus(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Has seen requests come in, so that there are rates."""
    folder = tmp_path_factory.mktemp("prometheus")
    with running_prometheus(folder, server.removeprefix("http://")) as url:
        _classify(server)
        seen = 'inference_requests_total{route="/predict", status="200"}'
        wait_until(lambda: bool(_ask(url, seen)), "requests are seen")
        _classify(server)
        rate = f"rate({seen}[1m]) > 0"
        recorded = "job:inference_predict_seconds:p95_rate5m > 0"
        wait_until(lambda: bool(_ask(url, rate) and _ask(url, recorded)), "there are rates")
        yield url


@pytest.mark.parametrize(
    "query",
    [query for query in queries() if query.place != NOTE],
    ids=lambda query: str(query.place),
)
def test_the_dashboard_has_something_to_draw(prometheus: str, query: Query) -> None:
    values = _ask(prometheus, _filled_in(query))
    assert any(map(math.isfinite, values))


def test_the_dashboard_notes_a_new_version(models: Path, prometheus: str) -> None:
    (query,) = (query for query in queries() if query.place == NOTE)
    note = _filled_in(query).replace("offset 1m", "offset 3s")
    assert note != _filled_in(query), "a minute of waiting is what the test does without"
    wait_until(lambda: _versions(prometheus, note) == [], "version 2 is no news")
    serve(models, 1)
    wait_until(lambda: _versions(prometheus, note) == ["1"], "version 1 is news")
    wait_until(lambda: _versions(prometheus, note) == [], "version 1 is no news any more")


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_looks_at_something_and_does_not_fire(
    prometheus: str, alert: dict[str, Any]
) -> None:
    assert _ask(prometheus, alert["expr"]) == []
    if alert["alert"] not in SILENT:
        looked_at = re.split(r" > |\nor\n", alert["expr"])[0]
        assert any(map(math.isfinite, _ask(prometheus, looked_at)))


def test_the_rules_are_loaded_and_healthy(prometheus: str) -> None:
    groups = get(f"{prometheus}/api/v1/rules").json()["data"]["groups"]
    rules = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    assert rules == {rule.get("alert") or rule["record"]: "ok" for rule in RULES}


def test_both_targets_are_read(prometheus: str) -> None:
    wait_until(lambda: _ask(prometheus, "sum(up)") == [2.0], "both are up")


def test_every_metric_named_exists(server: str, prometheus: str) -> None:
    assert prometheus, "which has made the requests that some metrics begin with"
    expressions = [query.expression for query in queries()] + [rule["expr"] for rule in RULES]
    named = set().union(*map(metrics_named, expressions))
    text = get(f"{server}/metrics").text
    assert named <= set(re.findall(r"^\w+", text, re.MULTILINE))


def _filled_in(query: Query) -> str:
    """Its expression, with values for Grafana's variables."""
    expression = query.expression
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def _ask(prometheus: str, expression: str) -> list[float]:
    return [float(sample["value"][1]) for sample in _samples(prometheus, expression)]


def _versions(prometheus: str, expression: str) -> list[str]:
    return [sample["metric"]["version"] for sample in _samples(prometheus, expression)]


def _samples(prometheus: str, expression: str) -> list[dict[str, Any]]:
    answer = get(f"{prometheus}/api/v1/query", query=expression).json()
    assert answer["status"] == "success", answer
    samples: list[dict[str, Any]] = answer["data"]["result"]
    return samples


def _classify(server: str) -> None:
    for name in ("plain.jpg", "plain.png", "grey.jpg"):
        content = (GOLDEN / "images" / name).read_bytes()
        httpx.post(f"{server}/predict", files={"file": content}, trust_env=False).raise_for_status()
    httpx.get(f"{server}/models", trust_env=False).raise_for_status()
