from __future__ import annotations

import json
import re

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from older_stack import LATER, older
from stack_template import EVERYTHING, NAME, REGION, RESOURCES, TEMPLATE, TEXT, made, of

from deploy.eks import template
from deploy.eks.deployment import TAG

LARGEST = 51_200  # bytes that are sent inline: the quotas of CloudFormation
PARAMETERS = {  # with what they are at first
    "VpcCidr": "10.0.0.0/16",
    "Zones": None,
    "NatGateways": "1",
    "InterfaceEndpoints": "false",
    "KubernetesVersion": "1.35",
    "AdminCidrs": None,
    "AdminArn": None,
    "DeployerArn": "",
    "Architecture": "amd64",
    "ServingInstanceTypes": "",
    "ServingMin": 2,
    "ServingMax": 6,
    "ServingDesired": 3,
    "TrainingInstanceTypes": "",
    "TrainingMax": 2,
    "CertificateArn": "",
    "ClientCidrs": "0.0.0.0/0",
    "WebAclArn": "",
    "FileSystemId": "",
    "BackupDays": 35,
    "LogDays": 30,
    "ContainerLogs": "false",
    "MetricsWorkspace": "false",
    "MonthlyBudget": 0,
    "BudgetEmail": "",
}
OUTPUTS = {
    *("ClusterName", "FileSystemId", "VpcId", "PublicSubnetCidrs", "ClientCidrs", "Architecture"),
    *("ImgsAccessPointId", "DataAccessPointId", "ModelAccessPointId", "CertificateArn"),
    *("TrainerRepositoryUri", "InferenceRepositoryUri", "FrontendRepositoryUri", "WebAclArn"),
    "MetricsEndpoint",
}
NAMED = {  # by other parts of the project
    "Vpc": "AWS::EC2::VPC",
    "Cluster": "AWS::EKS::Cluster",
    "FileSystem": "AWS::EFS::FileSystem",
    "ImgsAccessPoint": "AWS::EFS::AccessPoint",
    "DataAccessPoint": "AWS::EFS::AccessPoint",
    "ModelAccessPoint": "AWS::EFS::AccessPoint",
    "ServingNodes": "AWS::EKS::Nodegroup",
    "TrainingNodes": "AWS::EKS::Nodegroup",
    "TrainerRepository": "AWS::ECR::Repository",
    "InferenceRepository": "AWS::ECR::Repository",
    "FrontendRepository": "AWS::ECR::Repository",
    "Key": "AWS::KMS::Key",
}


@pytest.mark.parametrize("text", [TEXT, older(TEXT)], ids=["present", "older"])
def test_cfn_lint_finds_nothing(text: str) -> None:
    found = lint(text, config=ManualArgs(regions=[REGION]))
    assert list(map(str, found)) == []


def test_it_is_sent_inline_and_as_it_is() -> None:
    assert len(TEXT.encode()) < LARGEST
    assert "Transform" not in TEMPLATE
    assert not re.search(r"\b[0-9]{12}\b|(us|eu|ap)-[a-z]+-[0-9]|amazonaws\.com\.cn", TEXT)


def test_parameters() -> None:
    parameters = TEMPLATE["Parameters"]
    assert {name: each.get("Default") for name, each in parameters.items()} == PARAMETERS


def test_outputs_and_names() -> None:
    assert set(TEMPLATE["Outputs"]) == OUTPUTS
    assert {name: RESOURCES[name]["Type"] for name in NAMED} == NAMED


@pytest.mark.parametrize("kind", sorted({each["Type"] for each in RESOURCES.values()}))
def test_the_stack_s_tags_come_to_each_type_or_it_has_its_own(kind: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    if schema.get("tagging", {}).get("taggable", schema.get("taggable", True)):
        return
    for each in of(kind, **EVERYTHING):
        specifications = each.get("TagSpecifications")
        can_be_tagged = any("Tag" in name for name in schema["properties"])
        assert can_be_tagged == bool(specifications)
        for specification in specifications or []:
            assert {"Key": TAG, "Value": NAME} in specification["Tags"]


def test_what_nodes_and_pods_bring_is_tagged() -> None:
    (data,) = [each["LaunchTemplateData"] for each in of("AWS::EC2::LaunchTemplate")]
    tagged = {
        each["ResourceType"]
        for each in data["TagSpecifications"]
        if {"Key": TAG, "Value": NAME} in each["Tags"]
    }
    assert tagged == {"instance", "volume", "network-interface"}
    configuration = json.loads(made()["NetworkAddon"].properties["ConfigurationValues"])
    assert json.loads(configuration["env"]["ADDITIONAL_ENI_TAGS"]) == {TAG: NAME}
    rule = made()["BackupPlan"].properties["BackupPlan"]["BackupPlanRule"][0]
    assert rule["RecoveryPointTags"] == {TAG: NAME}


def test_a_delete_leaves_nothing() -> None:
    kept = {
        name: each["DeletionPolicy"] for name, each in RESOURCES.items() if "DeletionPolicy" in each
    }
    assert set(kept.values()) == {"Delete"}


def test_the_older_template_lacks_what_came_later() -> None:
    before = template.read(older(TEXT))
    for section, later in LATER.items():
        gone = set(TEMPLATE[section]) - set(before[section])
        assert gone
        assert not set(before[section]) - set(TEMPLATE[section])
        assert all(re.fullmatch(later, each) for each in gone)
    assert set(NAMED) <= set(before["Resources"])
    assert template.defaults(before)["KubernetesVersion"] == "1.34"


def test_an_older_template_that_cannot_be_made_is_told() -> None:
    with pytest.raises(ValueError, match=re.escape('Default: "1.35"')):
        older(TEXT.replace('"1.35"', '"1.36"'))
