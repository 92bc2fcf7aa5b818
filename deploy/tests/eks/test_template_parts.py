from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase

import pytest
from stack_template import EVERYTHING, LEAST, NAME, REGION, RESOURCES, TEMPLATE, made, of

from deploy.eks.deployment import TAG

ADDONS = {
    *("vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent", "aws-efs-csi-driver"),
    *("metrics-server", "amazon-cloudwatch-observability"),
}
ENDPOINTS = {
    *("ecr.api", "ecr.dkr", "sts", "logs", "ec2", "elasticloadbalancing", "autoscaling"),
    *("eks", "eks-auth", "elasticfilesystem"),
}


@pytest.mark.parametrize("gateways", ["1", "3"])
def test_the_network_is_over_three_zones(gateways: str) -> None:
    subnets = of("AWS::EC2::Subnet", NatGateways=gateways)
    zones = [each["AvailabilityZone"] for each in subnets]
    assert zones == LEAST["Zones"].split(",") * 2
    assert len({each["CidrBlock"] for each in subnets}) == 6
    roles = [each["Tags"][0]["Key"].rpartition("/")[2] for each in subnets]
    assert roles == ["elb"] * 3 + ["internal-elb"] * 3
    assert len(of("AWS::EC2::NatGateway", NatGateways=gateways)) == int(gateways)
    assert len(of("AWS::EC2::EIP", NatGateways=gateways)) == int(gateways)
    routes = [
        each for each in of("AWS::EC2::Route", NatGateways=gateways) if "NatGatewayId" in each
    ]
    assert len({each["RouteTableId"] for each in routes}) == 3
    assert len({each["NatGatewayId"] for each in routes}) == int(gateways)
    assert not any(each.get("MapPublicIpOnLaunch") for each in subnets)


def test_the_subnets_of_the_load_balancer_are_told() -> None:
    block, number, bits = TEMPLATE["Outputs"]["PublicSubnetCidrs"]["Value"]["Fn::Join"][1][
        "Fn::Cidr"
    ]
    assert (block, number) == ({"Ref": "VpcCidr"}, 3)
    cut = [RESOURCES[f"PublicSubnet{each}"]["Properties"]["CidrBlock"] for each in (1, 2, 3)]
    whole = {"Fn::Cidr": [block, 6, bits]}
    assert cut == [{"Fn::Select": [index, whole]} for index in range(3)]


def test_endpoints() -> None:
    def services(**parameters: str) -> dict[str, str]:
        found = of("AWS::EC2::VPCEndpoint", **parameters)
        prefix = f"com.amazonaws.{REGION}."
        return {each["ServiceName"].removeprefix(prefix): each["VpcEndpointType"] for each in found}

    assert services() == {"s3": "Gateway"}
    interfaces = dict.fromkeys(ENDPOINTS, "Interface")
    assert services(InterfaceEndpoints="true") == interfaces | {"s3": "Gateway"}


def test_the_cluster() -> None:
    cluster = made()["Cluster"].properties
    assert cluster["Name"] == NAME
    assert cluster["Version"] == "1.35"
    assert cluster["UpgradePolicy"] == {"SupportType": "STANDARD"}
    assert cluster["AccessConfig"] == {
        "AuthenticationMode": "API",
        "BootstrapClusterCreatorAdminPermissions": False,
    }
    network = cluster["ResourcesVpcConfig"]
    assert network["EndpointPrivateAccess"]
    assert network["PublicAccessCidrs"] == LEAST["AdminCidrs"].split(",")
    kinds = {each["Type"] for each in cluster["Logging"]["ClusterLogging"]["EnabledTypes"]}
    assert kinds == {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    (encryption,) = cluster["EncryptionConfig"]
    assert encryption == {"Provider": {"KeyArn": "${Key.Arn}"}, "Resources": ["secrets"]}
    assert made()["Key"].properties["EnableKeyRotation"]


@pytest.mark.parametrize(
    ("deployer", "principals"),
    [
        ("", [LEAST["AdminArn"]]),
        (LEAST["AdminArn"], [LEAST["AdminArn"]]),
        (EVERYTHING["DeployerArn"], [LEAST["AdminArn"], EVERYTHING["DeployerArn"]]),
    ],
)
def test_who_administers_the_cluster(deployer: str, principals: list[str]) -> None:
    entries = of("AWS::EKS::AccessEntry", DeployerArn=deployer)
    assert [each["PrincipalArn"] for each in entries] == principals
    for entry in entries:
        (policy,) = entry["AccessPolicies"]
        assert policy["PolicyArn"].endswith("/AmazonEKSClusterAdminPolicy")
        assert policy["AccessScope"] == {"Type": "cluster"}


def test_logs_end_and_are_encrypted() -> None:
    groups = of("AWS::Logs::LogGroup", **EVERYTHING, LogDays="7")
    assert len(groups) == 5
    for each in groups:
        assert each["RetentionInDays"] == "7"
        assert each["KmsKeyId"] == "${Key.Arn}"
    (cluster,) = of("AWS::Logs::LogGroup")
    assert cluster["LogGroupName"] == "/aws/eks/example/cluster"
    assert RESOURCES["Cluster"]["DependsOn"] == "ClusterLogs"
    (allowed,) = [
        each["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
        for each in made()["Key"].properties["KeyPolicy"]["Statement"]
        if each["Sid"] == "Logs"
    ]
    for each in groups:
        arn = f"arn:aws:logs:{REGION}:${{AWS::AccountId}}:log-group:{each['LogGroupName']}"
        assert any(fnmatchcase(arn, pattern) for pattern in allowed), arn


def test_nodes() -> None:
    serving, training = made()["ServingNodes"].properties, made()["TrainingNodes"].properties
    assert serving["CapacityType"] == "ON_DEMAND"
    assert serving["InstanceTypes"] == ["m7i.large"]
    scaling = {key: int(value) for key, value in serving["ScalingConfig"].items()}
    assert scaling == {"MinSize": 2, "MaxSize": 6, "DesiredSize": 3}
    assert serving["Labels"] == {"ml-pipeline/nodes": "serving"}
    assert "Taints" not in serving
    assert training["CapacityType"] == "SPOT"
    assert len(training["InstanceTypes"]) > 2
    assert all(each.endswith(".xlarge") for each in training["InstanceTypes"])
    assert training["ScalingConfig"]["MinSize"] == training["ScalingConfig"]["DesiredSize"] == 0
    assert training["Labels"] == {"ml-pipeline/nodes": "training"}
    (taint,) = training["Taints"]
    assert taint == {"Key": "ml-pipeline/nodes", "Value": "training", "Effect": "NO_SCHEDULE"}
    for each in (serving, training):
        assert each["AmiType"] == "AL2023_x86_64_STANDARD"
        assert each["Version"] == "1.35"
        assert each["Subnets"] == [f"${{PrivateSubnet{number}}}" for number in (1, 2, 3)]


def test_nodes_of_another_kind() -> None:
    arm = made(Architecture="arm64")
    assert arm["ServingNodes"].properties["InstanceTypes"] == ["m7g.large"]
    for name in ("ServingNodes", "TrainingNodes"):
        assert arm[name].properties["AmiType"] == "AL2023_ARM_64_STANDARD"
        types = arm[name].properties["InstanceTypes"]
        assert all(re.match(r"[a-z]+[0-9]+g", each) for each in types), "not Graviton"
    own = made(ServingInstanceTypes="m7a.large,m6a.large", TrainingInstanceTypes="c7i.2xlarge")
    assert own["ServingNodes"].properties["InstanceTypes"] == ["m7a.large", "m6a.large"]
    assert own["TrainingNodes"].properties["InstanceTypes"] == ["c7i.2xlarge"]


def test_nodes_give_no_credentials_away_and_their_disks_are_encrypted() -> None:
    (data,) = [each["LaunchTemplateData"] for each in of("AWS::EC2::LaunchTemplate")]
    assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    for device in data["BlockDeviceMappings"]:
        assert device["Ebs"]["Encrypted"]
        assert device["Ebs"]["VolumeType"] == "gp3"


def test_add_ons() -> None:
    found = {each["AddonName"] for each in of("AWS::EKS::Addon", ContainerLogs="true")}
    assert found == ADDONS
    assert {each["AddonName"] for each in of("AWS::EKS::Addon")} == ADDONS - {
        "amazon-cloudwatch-observability"
    }
    network = json.loads(made()["NetworkAddon"].properties["ConfigurationValues"])
    assert network["enableNetworkPolicy"] == "true"
    before = RESOURCES["ServingNodes"]["DependsOn"]
    assert {"NetworkAddon", "ProxyAddon", "IdentityAddon"} <= set(before), "nodes are never ready"


def test_repositories() -> None:
    repositories = of("AWS::ECR::Repository")
    assert {each["RepositoryName"] for each in repositories} == {
        "example/trainer",
        "example/inference",
        "example/frontend",
    }
    for each in repositories:
        assert each["ImageTagMutability"] == "IMMUTABLE"
        assert each["ImageScanningConfiguration"] == {"ScanOnPush": True}
        assert each["EmptyOnDelete"]
        rules = json.loads(each["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged", "any"]


def test_a_budget_needs_an_amount_and_somebody_to_tell() -> None:
    assert not of("AWS::Budgets::Budget")
    assert not of("AWS::Budgets::Budget", MonthlyBudget="9")
    (budget,) = of("AWS::Budgets::Budget", MonthlyBudget="9", BudgetEmail="me@example.com")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": "9", "Unit": "USD"}
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": [f"user:{TAG}${NAME}"]}
