"""What holds for every Deployment and every Job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from manifests import name, of_kind
from rendering import sets

if TYPE_CHECKING:
    from collections.abc import Callable

SETS = sets()
PROBES = {"startupProbe", "livenessProbe", "readinessProbe"}


def _spec(each: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = each["spec"]["template"]["spec"]
    return spec


def _pre_stop(each: dict[str, Any]) -> int:
    """The seconds that it still serves after it was told to end."""
    hooks = [container.get("lifecycle", {}) for container in _spec(each)["containers"]]
    return max(int(hook["preStop"]["sleep"]["seconds"]) if hook else 0 for hook in hooks)


RULES: dict[str, dict[str, Callable[[dict[str, Any]], bool]]] = {
    "Deployment": {
        "has every probe": lambda each: all(
            container.keys() >= PROBES for container in _spec(each)["containers"]
        ),
        "lets requests end after its last seconds as a target": lambda each: (
            _spec(each).get("terminationGracePeriodSeconds", 30) >= _pre_stop(each) + 30
        ),
        "is there throughout an update": lambda each: (
            each["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        ),
    },
    "Job": {
        "starts no container anew": lambda each: _spec(each)["restartPolicy"] == "Never",
        "ends": lambda each: 0 < each["spec"]["activeDeadlineSeconds"] <= 1800,
        "is cleaned up": lambda each: "ttlSecondsAfterFinished" in each["spec"],
        "fails at once where another try is of no use": lambda each: (
            _codes(each, "FailJob") == {2, 3, 4}
        ),
        "does not count disruptions": lambda each: any(
            rule["action"] == "Ignore"
            and [on["type"] for on in rule.get("onPodConditions", [])] == ["DisruptionTarget"]
            for rule in _failure_rules(each)
        ),
    },
}

#: Which rules of Deployments an overlay breaks, and why it may.
ALLOWED = {
    ("dev", "has every probe"): "a process that a mistake has ended waits for its developer",
    (
        "dev",
        "lets requests end after its last seconds as a target",
    ): "a developer does not wait for it to end",
}


def _failure_rules(job: dict[str, Any]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = job["spec"]["podFailurePolicy"]["rules"]
    return rules


def _codes(job: dict[str, Any], action: str) -> set[int]:
    """The exit codes of the container `trainer` that an action is for."""
    conditions = [
        rule["onExitCodes"]
        for rule in _failure_rules(job)
        if rule["action"] == action and "onExitCodes" in rule
    ]
    names = {container["name"] for container in _spec(job)["containers"]}
    assert {each["containerName"] for each in conditions} <= names
    return {code for each in conditions if each["operator"] == "In" for code in each["values"]}


@pytest.mark.parametrize(
    ("kind", "rule"), [(kind, rule) for kind, rules in RULES.items() for rule in rules]
)
@pytest.mark.parametrize("together", SETS)
def test_every_workload(together: str, kind: str, rule: str) -> None:
    holds = RULES[kind][rule]
    broken = {name(each) for each in of_kind(kind, SETS[together]()) if not holds(each)}
    if (together, rule) in ALLOWED:
        assert broken, "the entry is too many"
    else:
        assert broken == set()


@pytest.mark.parametrize("kind", RULES)
def test_there_are_some(kind: str) -> None:
    assert of_kind(kind, SETS["local"]())
