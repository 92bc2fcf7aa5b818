"""Checkov's rules for CloudFormation, where checkov is: `./noxw -s lint_manifests`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from rendering import ROOT
from scanning import broken, scan

CONFIGURATION = Path(__file__).with_name("checkov-stack.yaml")
STACK = ROOT / "deploy/stack.yaml"
RESOURCE = re.compile(r"^  (\w+):.*\n    Type: (AWS::\S+)$", re.MULTILINE)
CONDITION = re.compile(
    r"^    Condition: \w+\n", re.MULTILINE
)  # checkov leaves out what is not made
RULED = {  # types that checkov has rules for
    *("AWS::EC2::SecurityGroup", "AWS::ECR::Repository", "AWS::EFS::FileSystem"),
    *("AWS::EKS::Cluster", "AWS::EKS::Nodegroup", "AWS::IAM::Role", "AWS::KMS::Key"),
    "AWS::Logs::LogGroup",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("stack")
    (folder / STACK.name).write_text(CONDITION.sub("", STACK.read_text()))
    return scan(CONFIGURATION, folder)


def test_every_resource_is_looked_at(results: dict[str, Any]) -> None:
    seen = {each["resource"] for each in results["passed_checks"]}
    found = RESOURCE.findall(STACK.read_text())
    made = {f"{kind}.{name}" for name, kind in found if kind in RULED}
    assert made - seen == set()


def test_no_rule_is_broken(results: dict[str, Any]) -> None:
    assert broken(results) == [], "\n".join(broken(results))
