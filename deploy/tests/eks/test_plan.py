from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from deploy.eks import outline, plan, stacks
from deploy.eks.deployment import Deployment
from deploy.eks.options import Options
from deploy.eks.steps import STEPS

GOLDEN = Path(__file__).parent / "plan.txt"
HERE = Deployment("ml-pipeline", "us-west-2")
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl renders it")


@pytest.fixture(scope="module")
def default() -> str:
    return written()


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a plan asks nobody")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


def written(data: str | None = None, **parameters: str) -> str:
    return outline.write(plan.make(Options(HERE, parameters, data=data)))


def section(text: str, title: str) -> str:
    return text.partition(f"\n## {title}")[2].partition("\n## ")[0]


@needs_kubectl
def test_the_plan_of_the_default_options_is_as_it_was(default: str) -> None:
    """UPDATE_GOLDEN=1 writes it anew."""
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(default, encoding="utf-8")
    assert default == GOLDEN.read_text(encoding="utf-8")


@needs_kubectl
def test_the_plan_is_the_same_each_time_and_each_line_can_be_read(default: str) -> None:
    assert written() == default
    before_objects = default.partition("## Objects")[0].splitlines()
    assert max(len(line) for line in before_objects if not line.startswith("|")) <= 120


@needs_kubectl
def test_what_is_asked_for_is_in_the_plan() -> None:
    arn = "arn:aws:acm:us-west-2:111122223333:certificate/c"
    text = written(CertificateArn=arn, NatGateways="3", Architecture="arm64", MonthlyBudget="0")
    assert "- the page: by HTTPS" in text
    assert f"alb.ingress.kubernetes.io/certificate-arn: {arn}" in text
    assert "AWS::EC2::NatGateway (3)" in text
    assert "NatEachZone" not in text
    assert "linux/arm64" in section(text, "Images")
    assert "m7g.large" in section(text, "Costs")
    assert "NAT gateways: 3" in section(text, "Costs")
    assert "HasBudget does not hold: Budget" in section(text, "Resources")


@needs_kubectl
def test_without_a_certificate_that_is_told_loudly(default: str) -> None:
    assert "NOT ENCRYPTED" in default.partition("\n## ")[0]


@needs_kubectl
def test_all_steps_are_told_with_their_time_outs(default: str) -> None:
    told = section(default, "Steps")
    for step in STEPS:
        assert f"| {step.name}" in told
        assert f"| {step.seconds:.0f}" in told


@needs_kubectl
def test_every_statement_and_every_object_is_shown(default: str) -> None:
    statements, objects = section(default, "Permissions"), section(default, "Objects")
    shown = statements.count(": allow ") + statements.count(": deny ")
    assert f"({shown} statements)" in statements
    assert f"- objects in the cluster: {objects.count(chr(10) + 'kind: ')}\n" in default
    for each in ("Job", "Deployment", "HorizontalPodAutoscaler", "Ingress", "PersistentVolume"):
        assert f"kind: {each}\n" in objects


def test_without_kubectl_the_rest_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    text = written()
    assert "- objects in the cluster: kubectl is not on the PATH" in text
    assert "a month, at list prices of " in text
    assert "AWS::EKS::Cluster (1): Cluster" in text


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, "- training: on the bundled digits"),
        ("flowers", "- training: on flowers\n"),
        ("https://me:secret@example.com/a.zip?token=secret", "on https://example.com/a.zip\n"),
    ],
)
def test_what_is_trained_on_is_told_without_secrets(
    data: str | None, told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert told in written(data)
    assert "secret@" not in written(data)


def test_what_only_the_account_knows_is_not_made_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = section(written(AdminCidrs="203.0.113.7/32"), "Parameters")
    assert "${the role or user that deploys}" in told
    assert "203.0.113.7/32" in told
    assert "${this machine}" not in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (Options(HERE, {"MonthlyBudget": "9"}), "- fault: --monthly-budget 9: there is nobody"),
        (Options(HERE, {"AdminCidrs": "0.0.0.0/0"}), "- note: --admin-cidrs 0.0.0.0/0: THE WHOLE"),
        (Options(Deployment("mine", "us-west-9")), "- fault: --region us-west-9: there is no such"),
        (Options(HERE, data="/home/me/photos"), "- fault: --data /home/me/photos: data of this"),
        (Options(HERE, data="s3://bucket"), "- fault: --data s3://bucket: it names no object"),
        (Options(HERE, data="http://10.0.0.1/a.zip"), "- fault: --data: a training cannot reach"),
        (Options(HERE, chart_mirror=Path("/none")), "- fault: --chart-mirror /none: there is no"),
    ],
)
def test_what_stands_in_the_way_is_told_under_the_summary(
    options: Options, told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    planned = plan.make(options)
    assert told in outline.write(planned).partition("\n## Steps")[0]
    assert any(each.is_fatal for each in planned.findings) == ("fault" in told)


def test_data_that_can_be_had_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for data in (None, "flowers", "s3://bucket/key", "https://example.com/a.zip"):
        assert "## Faults (0) and notes (1)" in written(data)


def test_a_region_that_nobody_named_is_an_example(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    text = outline.write(plan.make(Options(HERE, is_example_region=True)))
    assert "- region: us-west-2, an example; none was given\n" in text
    assert "an example" not in written()


def test_a_price_that_is_not_known_makes_the_sum_the_least(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    text = written(ServingInstanceTypes="x9.large")
    assert "- cost: at least " in text
    assert "## Costs: at least " in text
    assert "- cost: about " in written()


def test_types_that_nobody_named_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = section(written(Architecture="arm64", TrainingInstanceTypes="m8g.xlarge"), "Parameters")
    assert "| ServingInstanceTypes  | m7g.large " in told
    assert "| TrainingInstanceTypes | m8g.xlarge " in told


@needs_kubectl
def test_a_digest_is_not_made_up(default: str) -> None:
    assert "image: ${TrainerRepository.RepositoryUri}@${digest}\n" in default
    assert "sha256:" not in default


def test_another_template_gives_another_plan(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    text = stacks.template()
    monkeypatch.setattr(stacks, "template", lambda: text.replace("kms:ListGrants", "kms:Sign"))
    assert "kms:Sign" not in text
    assert "kms:Sign" in written()
