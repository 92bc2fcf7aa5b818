"""One deployment from nothing to nothing, with everything that can come in between.

The tests go on from one another, in their order.
"""

from __future__ import annotations

import fnmatch
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from leftovers import amazon, objects
from program import ROOT, STEPS
from refusals import NAMESPACE, refused

from rehearsal.amazon.templates import read
from rehearsal.faults import Fault
from rehearsal.recording import read_calls

if TYPE_CHECKING:
    from program import Ended, Program

    from rehearsal.recording import Call
    from rehearsal.stand_ins import Rehearsal

pytest_plugins = ["whole_fixtures"]

POLICY = json.loads((ROOT / "deploy/deployer-policy.json").read_text())
TEMPLATE = read((ROOT / "deploy/stack.yaml").read_text())
FREE = "sts:GetCallerIdentity"  # needs no permission


@pytest.mark.parametrize("step", STEPS[:-1])
def test_killed_after_a_step_it_can_go_on(eks: Program, step: str) -> None:
    ended = eks.deploy_until(rf"step \d+/12 {step}: (done|nothing)")
    assert ended.code < 0, ended.stderr
    before = ended.done()
    assert list(before) == list(STEPS[: STEPS.index(step) + 1])
    redone = {name for name in before if name != step and before[name] != "nothing to do"}
    assert redone <= ALWAYS, before


# What looks at things each time, or says where they are, and changes nothing.
ALWAYS = {"preflight", "cluster", "ingress"}


def test_then_it_gets_to_the_end(eks: Program, stand_in: Rehearsal) -> None:
    ended = eks.deploy()
    assert ended.code == 0, ended.stderr
    assert "rightly" in ended.done()["verification"]
    url = next(word for word in ended.stdout.split() if word.endswith(".elb.amazonaws.com"))
    proxy = stand_in.environment["HTTP_PROXY"]
    page = httpx.get(url, proxy=proxy, trust_env=False)
    assert page.is_success
    assert "<title>" in page.text


def test_again_it_changes_nothing(eks: Program, stand_in: Rehearsal) -> None:
    wait_until_well(eks)
    before, calls = objects(stand_in), len(read_calls(stand_in.calls))
    ended = eks.deploy()
    assert ended.code == 0, ended.stderr
    assert mutating(stand_in, calls) == []
    assert objects(stand_in) == before
    done = ended.done()
    assert {name for name in done if done[name] != "nothing to do"} <= ALWAYS | {"verification"}


def wait_until_well(eks: Program) -> Ended:
    """The autoscaler adds pods when everything else is there."""
    end = time.monotonic() + 120
    while (told := eks.run("status")).code:
        assert time.monotonic() < end, told.stdout + told.stderr
    return told


def mutating(stand_in: Rehearsal, since: int) -> list[Call]:
    """What the program has changed at Amazon since so many calls."""
    made = read_calls(stand_in.calls)[since:]
    return [each for each in made if each.mutating and each.caller == "deployer"]


def test_another_training_makes_a_version_that_can_be_taken_back(eks: Program) -> None:
    trained = eks.run("train", "--retrain", "--set=EPOCHS=1")
    assert trained.code == 0, trained.stderr
    assert "version 2" in trained.stdout + trained.stderr
    back = eks.run("rollback")
    assert back.code == 0, back.stderr
    told = wait_until_well(eks).stdout
    assert "version 1 of classifier is served" in told


FAULTS = {
    "preflight": Fault("sts:GetCallerIdentity", "not for you", "AccessDenied"),
    "stack": Fault("update:ClusterLogs", "no such key"),
    "images": Fault("ecr:GetAuthorizationToken", "not for you", "AccessDeniedException"),
    "cluster": Fault("eks:DescribeCluster", "not for you", "AccessDeniedException"),
}


# What is taken away, so that the step has to make it again: an API group, a resource and a name.
REFUSED = {
    "storage": ("networking.k8s.io", "networkpolicies", "default-deny"),
    "training": ("batch", "jobs", "ml-training-job"),
    "backend": ("apps", "deployments", "ml-backend"),
    "frontend": ("apps", "deployments", "ml-frontend"),
    "autoscaling": ("autoscaling", "horizontalpodautoscalers", "ml-backend"),
    "ingress": ("networking.k8s.io", "ingresses", "ml-frontend"),
}


@pytest.mark.parametrize("step", FAULTS)
def test_a_step_that_fails_tells_why(eks: Program, stand_in: Rehearsal, step: str) -> None:
    fault = FAULTS[step]
    stand_in.faults.order(fault)
    ended = eks.deploy(*(["--log-days=60"] if step == "stack" else []))
    stand_in.faults.order()
    assert ended.code in {1, 2}, ended.stderr
    assert f" {step}" in ended.last()
    assert fault.reason in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_chart_that_is_none_is_named(eks: Program, stand_in: Rehearsal, tmp_path: Path) -> None:
    stand_in.cluster.kubectl(
        *("delete", "secret", "--namespace=kube-system"),
        "--selector=owner=helm,name=cluster-autoscaler",
    )
    (mirror,) = (each for each in stand_in.arguments if each.startswith("--chart-mirror="))
    for chart in Path(mirror.partition("=")[2]).iterdir():
        (tmp_path / chart.name).write_text("not an archive")
    ended = eks.deploy(f"--chart-mirror={tmp_path}")
    assert ended.code == 1, ended.stderr
    assert " controllers: chart cluster-autoscaler: " in ended.last()


@pytest.mark.parametrize("step", REFUSED)
def test_a_cluster_that_refuses_something_tells_why(
    eks: Program, stand_in: Rehearsal, step: str
) -> None:
    group, resource, name = REFUSED[step]
    where = f"--namespace={NAMESPACE}"
    with refused(stand_in.cluster, group, resource, name, "the owner does not want it"):
        stand_in.cluster.kubectl("delete", f"{resource}.{group}", name, where)
        ended = eks.deploy(*(["--data=flowers"] if step == "training" else []))
    assert ended.code == 1, ended.stderr
    assert f" {step}" in ended.last()
    assert "the owner does not want it" in ended.last()


def test_a_training_that_fails_shows_why(eks: Program) -> None:
    ended = eks.run("train", "--retrain", "--set=EPOCHS=none")
    assert ended.code == 1, ended.stderr
    assert "EPOCHS" in ended.stdout + ended.stderr


def test_after_all_that_it_is_brought_to_its_end(eks: Program) -> None:
    ended = eks.deploy()
    assert ended.code == 0, ended.stderr


def test_a_destruction_that_fails_names_what_is_left(eks: Program, stand_in: Rehearsal) -> None:
    stand_in.faults.order(Fault("delete:Key", "it is in use"))
    ended = eks.destroy()
    stand_in.faults.order()
    assert ended.code == 1, ended.stderr
    assert "it is in use" in ended.stderr
    assert "Key" in ended.stderr


def test_another_one_leaves_nothing(eks: Program, stand_in: Rehearsal) -> None:
    ended = eks.destroy()
    assert ended.code == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "0 left"
    assert amazon(stand_in) == set()
    assert not [each for each in objects(stand_in) if "ml-pipeline" in each or "helm" in each]


def test_a_third_one_finds_nothing(eks: Program, stand_in: Rehearsal) -> None:
    calls = len(read_calls(stand_in.calls))
    ended = eks.destroy()
    assert ended.code == 0, ended.stderr
    assert "0 left" in ended.stdout
    assert mutating(stand_in, calls) == []


def test_all_that_was_called_is_granted(stand_in: Rehearsal) -> None:
    patterns = [a for each in POLICY["Statement"] for a in listed(each["Action"])]
    called = {e.action for e in read_calls(stand_in.calls) if e.caller == "deployer"} - {FREE}
    assert {each for each in called if not matches(each, patterns)} == set()


def test_the_load_balancer_controller_is_granted_what_it_calls(stand_in: Rehearsal) -> None:
    role = TEMPLATE["Resources"]["BalancerRole"]["Properties"]
    documents = [each["PolicyDocument"] for each in role["Policies"]]
    statements = [s for each in documents for s in each["Statement"] if "Action" in s]
    patterns = [a for each in statements for a in listed(each["Action"])]
    called = {e.action for e in read_calls(stand_in.calls) if e.caller == "balancer"} - {FREE}
    assert called
    assert {each for each in called if not matches(each, patterns)} == set()


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def matches(action: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), each.lower()) for each in patterns)
