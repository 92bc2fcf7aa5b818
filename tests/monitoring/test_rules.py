"""The rules by promtool, and that each says what to do."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import yaml

from configuration import ALERTS, MONITORING, program

SEVERITIES = {"critical", "warning"}


@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint-fatal", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [program("promtool"), *command], cwd=MONITORING, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in SEVERITIES
    assert alert["annotations"].keys() == {"summary", "description"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_is_tested_to_fire_and_not_to(alert: dict[str, Any]) -> None:
    expression = f'ALERTS{{alertname="{alert["alert"]}", alertstate="firing"}}'
    tests = yaml.safe_load((MONITORING / "alerts_test.yml").read_bytes())["tests"]
    checks = [check for test in tests for check in test["promql_expr_test"]]
    fires = {bool(each["exp_samples"]) for each in checks if each["expr"] == expression}
    assert fires == {True, False}
