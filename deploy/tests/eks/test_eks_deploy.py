from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import fake_amazon
import pytest
from test_stacks import TEMPLATE, inner

from deploy.eks import account as accounts
from deploy.eks import cluster, preflight, stacks, zones
from deploy.eks.deploy import Work
from deploy.eks.deployment import Deployment
from deploy.eks.findings import Finding
from deploy.eks.options import Options
from deploy.eks.steps import Done
from deploy.errors import DeployError, UsageError
from deploy.kubectl import Kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_amazon import Amazon

REQUIRED = (
    "Parameters:\n  AdminArn: {Type: String}\n  AdminCidrs: {Type: String}\n  Zones: {Type: String}"
)


class Terminal(io.StringIO):
    """A stdin on which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    with fake_amazon.answering(monkeypatch) as found:
        yield found


@pytest.fixture(autouse=True)
def _template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text(TEMPLATE.replace("Parameters:", REQUIRED))
    monkeypatch.setattr(stacks, "TEMPLATE", path)
    monkeypatch.setattr(preflight, "own_address", lambda: "192.0.2.9/32")


def work(amazon: Amazon, *, yes: bool = False, **parameters: str) -> Work:
    options = Options(Deployment("trial", "us-west-2"), {"Name": "one", **parameters}, yes=yes)
    return Work(amazon.account, options)


def test_a_stack_is_made_for_whoever_deploys_from_where_he_is(
    amazon: Amazon, monkeypatch: pytest.MonkeyPatch
) -> None:
    be("arn:aws:iam::123456789012:user/me", monkeypatch)
    done = work(amazon, yes=True).update_stack(60)
    assert done.told == "resources: 1 added"
    assert done.is_change
    stack = stacks.find(amazon.account, "trial")
    assert stack
    assert stack.values["AdminCidrs"] == "192.0.2.9/32"
    assert stack.values["AdminArn"] == "arn:aws:iam::123456789012:user/me"
    assert stack.values["Zones"] == "us-west-2a,us-west-2b,us-west-2c"


def test_a_second_time_it_stays_with_them(amazon: Amazon, monkeypatch: pytest.MonkeyPatch) -> None:
    work(amazon, yes=True).update_stack(60)
    monkeypatch.setattr(preflight, "own_address", lambda: "198.51.100.1/32")
    monkeypatch.setattr(zones, "first", lambda _: "us-west-2b,us-west-2c,us-west-2d")
    amazon.sent.clear()
    done = work(amazon).update_stack(60)
    assert done == Done()
    assert amazon.changes == []


def test_what_a_stack_was_told_that_never_came_up_does_not_count(amazon: Amazon) -> None:
    elsewhere = "us-west-2b,us-west-2c,us-west-2d"
    work(amazon, yes=True, Zones=elsewhere).update_stack(60)
    inner("ROLLBACK_COMPLETE")
    work(amazon, yes=True).update_stack(60)
    stack = stacks.find(amazon.account, "trial")
    assert stack
    assert stack.values["AdminCidrs"] == "192.0.2.9/32"
    assert stack.values["Zones"] == "us-west-2a,us-west-2b,us-west-2c"


def test_an_address_that_nobody_knows_has_to_be_given(
    amazon: Amazon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "own_address", lambda: None)
    with pytest.raises(UsageError, match="give --admin-cidrs"):
        work(amazon, yes=True).update_stack(60)
    work(amazon, yes=True, AdminCidrs="192.0.2.0/24").update_stack(60)


def test_without_a_terminal_and_without_yes_nothing_is_left(
    amazon: Amazon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(UsageError, match="--yes goes on without asking"):
        work(amazon).update_stack(60)
    assert "+ Topic  AWS::SNS::Topic" in capsys.readouterr().err
    assert stacks.find(amazon.account, "trial") is None


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "yep\n"])
def test_who_does_not_agree_has_nothing(
    amazon: Amazon, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    with pytest.raises(DeployError, match="not confirmed"):
        work(amazon).update_stack(60)
    assert stacks.find(amazon.account, "trial") is None


def test_who_agrees_has_a_stack(amazon: Amazon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("Yes\n"))
    assert work(amazon).update_stack(60).is_change


def test_data_that_cannot_be_had_is_found_before_anything_is_made(
    amazon: Amazon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(preflight, "check", lambda *_: [])
    options = Options(Deployment("trial", "us-west-2"), data="/home/me/photos")
    with pytest.raises(UsageError, match="1 fault"):
        Work(amazon.account, options).look(60)
    assert "--data /home/me/photos" in capsys.readouterr().err


def test_all_findings_are_told_and_a_fatal_one_ends_it(
    amazon: Amazon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Finding("helm is old", "install it"), Finding("no certificate", is_fatal=False)]
    monkeypatch.setattr(preflight, "check", lambda *_: found)
    with pytest.raises(UsageError, match="1 fault, told above"):
        work(amazon).look(60)
    told = capsys.readouterr().err
    assert "  fault: helm is old; install it\n  note: no certificate\n" in told
    monkeypatch.setattr(preflight, "check", lambda *_: found[1:])
    assert not work(amazon).look(60).is_change


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:iam::123456789012:user/team/me", "arn:aws:iam::123456789012:user/team/me"),
        (
            "arn:aws:sts::123456789012:assumed-role/Known/session",
            "arn:aws:iam::123456789012:role/team/Known",
        ),
        (
            "arn:aws-cn:sts::123456789012:assumed-role/Unknown/session",
            "arn:aws-cn:iam::123456789012:role/Unknown",
        ),
    ],
)
def test_a_session_is_its_role_with_the_path(
    amazon: Amazon, arn: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = amazon.account.session.client("iam")
    iam.create_role(RoleName="Known", Path="/team/", AssumeRolePolicyDocument="{}")
    be(arn, monkeypatch)
    assert accounts.caller(amazon.account) == expected


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123/me",
    ],
)
def test_who_can_administer_no_cluster_or_is_not_known(
    amazon: Amazon, arn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    be(arn, monkeypatch)
    with pytest.raises(UsageError, match="give --admin-arn"):
        accounts.caller(amazon.account)


def be(arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has Amazon take us for somebody."""
    identity = ("user-id", arn, "123456789012")
    monkeypatch.setattr("moto.sts.models.STSBackend.get_caller_identity", lambda *_: identity)


def test_the_kubeconfig_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret")
    found = {"endpoint": "https://x", "certificateAuthority": {"data": "QQ=="}}
    config = cluster.kubeconfig(found, Deployment("trial", "us-west-2"))
    [user] = config["users"]
    assert user["user"]["exec"]["env"] == [{"name": "AWS_PROFILE", "value": "work"}]
    assert user["user"]["exec"]["args"][-4:] == ["--name", "trial", "--region", "us-west-2"]
    assert "the-secret" not in json.dumps(config)


def test_who_is_not_let_in_is_told_who_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"AdminArn": "arn:aws:iam::1:role/admin", "AdminCidrs": "192.0.2.9/32"}
    kubectl = Kubectl("trial", "ml-pipeline", tmp_path / "kubeconfig")
    for fault, remedy in (
        ("Unable to connect: getting credentials: exec: failed", "no token .* AWS_PROFILE"),
        ("error: You must be logged in to the server (Unauthorized)", "role/admin may use it"),
        ("dial tcp 192.0.2.1:443: i/o timeout", "192.0.2.9/32 may reach it: give --admin-cidrs"),
    ):
        (tmp_path / "kubectl").write_text(f"#!/bin/sh\necho '{fault}' >&2; exit 1\n")
        (tmp_path / "kubectl").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        with pytest.raises(DeployError, match=remedy):
            cluster.wait(kubectl, values, seconds=-1)
