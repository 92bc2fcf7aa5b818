"""The repository's files for Prometheus and Grafana, and what they ask."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine import unmet

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"
COMPONENT = ROOT / "k8s/components/monitoring"
GROUPS: list[dict[str, Any]] = yaml.safe_load((MONITORING / "alerts.yml").read_bytes())["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
DASHBOARD: dict[str, Any] = json.loads((COMPONENT / "dashboard.json").read_bytes())
PANELS: list[dict[str, Any]] = [each for each in DASHBOARD["panels"] if each["type"] != "row"]


@dataclass(frozen=True, slots=True)
class Query:
    """An expression of the dashboard, and where it stands."""

    place: str
    expression: str


def queries() -> list[Query]:
    """All of the dashboard's, Grafana's variables still in them."""
    of_panels = [
        Query(f"{panel['title']} {target['refId']}", target["expr"])
        for panel in PANELS
        for target in panel["targets"]
    ]
    of_notes = [Query(each["name"], each["expr"]) for each in DASHBOARD["annotations"]["list"]]
    return of_panels + of_notes


def metrics_named(expression: str) -> set[str]:
    """The inference service's own metrics in an expression."""
    return set(re.findall(r"(?<![\w:])(?:inference|process)_\w+", expression))


def program(name: str) -> str:
    """Where a program of Prometheus is; without it the test is skipped."""
    path = shutil.which(name)
    if path is None:
        remedy = "apt-get install --no-install-recommends prometheus"
        unmet(f"{name} is not installed: {remedy}", "REQUIRE_PROMETHEUS")
    return path
