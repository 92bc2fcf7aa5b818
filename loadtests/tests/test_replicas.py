from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.errors import LoadError
from loadtests.replicas import Replicas, check_at_rest, look, parse

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Kubectl

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["items", "kind", "status", "spec"]) | st.text(), inner)
    ),
)


def document(scaler: dict[str, Any], deployment: dict[str, Any]) -> str:
    items = [
        {"kind": "Deployment", "spec": {"replicas": 1}, "status": deployment},
        {"kind": "HorizontalPodAutoscaler", "spec": {"minReplicas": 2}, "status": scaler},
    ]
    return json.dumps({"kind": "List", "items": items})


def condition(kind: str, status: str) -> dict[str, Any]:
    return {"desiredReplicas": 1, "conditions": [{"type": kind, "status": status}]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (document({"desiredReplicas": 4}, {"readyReplicas": 3}), Replicas(4, 3, 2)),
        (document({}, {}), Replicas(0, 0, 2)),  # both are new
        (document(condition("ScalingActive", "False"), {}), Replicas(1, 0, 2, measured=False)),
        (document(condition("ScalingActive", "True"), {}), Replicas(1, 0, 2)),
        (document(condition("ScalingLimited", "False"), {}), Replicas(1, 0, 2)),
    ],
)
def test_replicas_are_read(text: str, expected: Replicas) -> None:
    assert parse(text) == expected


@given(JSON.map(json.dumps) | st.text())
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(LoadError, match="tells of no HPA"):
        parse(text)


def test_what_is_no_status_is_refused() -> None:
    with pytest.raises(LoadError, match="tells of no HPA"):
        parse(document({}, {}).replace("{}", "[]"))


def test_kubectl_is_asked_for_one_context_and_namespace(kubectl: Kubectl) -> None:
    kubectl.answers((3, 2))
    assert look("kind-some") == Replicas(3, 2)
    told = " ".join(kubectl.calls[0][1])
    assert told.startswith("--context kind-some ")
    assert "-n ml-pipeline get hpa/ml-backend deployment/ml-backend -o json" in told


def test_at_rest_is_what_has_not_scaled_up(kubectl: Kubectl) -> None:
    kubectl.answers((1, 1), (1, 2), (2, 1))
    check_at_rest("any")
    for told in ("has 2 replicas, of which the HPA wants 1", "has 1 replicas, of which"):
        with pytest.raises(LoadError, match=told) as caught:
            check_at_rest("any")
        assert caught.value.exit_code == 75


def test_an_hpa_without_figures_is_not_drilled(kubectl: Kubectl) -> None:
    kubectl.answers((0, 1))
    with pytest.raises(LoadError, match="has no figures to scale by; wait a minute") as caught:
        check_at_rest("any")
    assert caught.value.exit_code == 75


def test_a_cluster_that_does_not_answer(kubectl: Kubectl) -> None:
    kubectl.answers(None)
    with pytest.raises(LoadError, match=r"^--context any: The connection .* refused; start") as no:
        look("any")
    assert no.value.exit_code == 75


def test_kubectl_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LoadError, match=r"^kubectl: No such file or directory; install") as no:
        look("any")
    assert no.value.exit_code == 2


def test_the_program_goes_on_when_the_cluster_is_away_for_a_time(kubectl: Kubectl) -> None:
    kubectl.answers((1, 1), None, (3, 2))
    command = [sys.executable, "-m", "loadtests.replicas", "any"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.stdout.close()  # it ends, since nobody reads
        assert process.wait(60) == -13  # by SIGPIPE
    assert [each.get("ready") for each in told] == [1, None, 2]
    assert "refused" in told[1]["fault"]
