from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore import xform_name
from botocore.session import get_session

from deploy.eks import permissions, stacks, template
from deploy.eks.catalog import KINDS
from deploy.eks.leftovers import AFTER_THE_STACK, BEFORE_THE_STACK
from deploy.eks.permissions import Statement

if TYPE_CHECKING:
    from deploy.eks.kinds import Call

REGION = "us-west-2"
ROOT = Path(__file__).resolve().parents[3]
POLICY = ROOT / "deploy/deployer-policy.json"
LONGEST = 6_144  # characters of a managed policy, white space aside: the IAM User Guide
EVERYTHING = {  # parameters with which nothing is left out
    "AdminArn": "arn:aws:iam::111122223333:role/admin",
    "AdminCidrs": "203.0.113.7/32",
    "BudgetEmail": "me@example.com",
    "ContainerLogs": "true",
    "DeployerArn": "arn:aws:iam::111122223333:role/deployer",
    "InterfaceEndpoints": "true",
    "MetricsWorkspace": "true",
    "MonthlyBudget": "100",
    "NatGateways": "3",
    "Zones": "us-west-2a,us-west-2b,us-west-2c",
}
# What CloudFormation may call for these types, but does not for what the template asks of them.
FEATURES = (
    *(
        "aps:*AlertManager*",
        "aps:*LoggingConfiguration",
        "logs:*LogDelivery",
        "logs:*LogDeliveries",
    ),
    *("backup:*BackupVaultAccessPolicy", "backup:*Notifications", "backup:*LockConfiguration"),
    *("ec2:*VpnGateway*", "ec2:*VpcEncryptionControl*", "ec2:ModifyVpcTenancy", "vpc-lattice:*"),
    *("ec2:AcceptAddressTransfer", "ec2:AssociateAddress", "ec2:*SubnetCidrBlock", "vpce:*"),
    *("ec2:*NatGatewayAddress", "ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy"),
    *("eks:ActivateCertificateAuthority", "firehose:*", "iam:*InstanceProfile", "s3:*"),
    *("elasticfilesystem:*ReplicationConfiguration", "elasticfilesystem:DeleteTags"),
    *("iam:*PermissionsBoundary", "kms:DisableKey", "kms:EnableKey", "logs:*ResourcePolicy"),
    *("logs:*IndexPolicy", "logs:PutDataProtectionPolicy", "logs:DeleteDataProtectionPolicy"),
    *("logs:PutBearerTokenAuthentication", "logs:PutLogGroupDeletionProtection"),
)
# What the programs call themselves; the catalog's kinds, which a sweep asks for, come on top.
CALLED = {
    "acm": ["DescribeCertificate"],
    "backup": ["DeleteRecoveryPoint", "ListRecoveryPointsByBackupVault"],
    "cloudformation": [
        "ContinueUpdateRollback",
        "CreateChangeSet",
        "DeleteChangeSet",
        "DeleteStack",
        "DescribeChangeSet",
        "DescribeStackEvents",
        "DescribeStacks",
        "ExecuteChangeSet",
        "GetTemplate",
        "ListStackResources",
        "TagResource",
    ],
    "ec2": [
        "DescribeAddresses",
        "DescribeAvailabilityZones",
        "DescribeInstanceTypeOfferings",
        "DescribeInstanceTypes",
        "DescribeInstances",
        "DescribeRegions",
        "DescribeVpcs",
        "RevokeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
    ],
    "ecr": [
        "BatchCheckLayerAvailability",
        "BatchGetImage",
        "CompleteLayerUpload",
        "DescribeRepositories",
        "GetAuthorizationToken",
        "GetDownloadUrlForLayer",
        "InitiateLayerUpload",
        "PutImage",
        "UploadLayerPart",
    ],
    "eks": ["DescribeCluster"],
    "elasticfilesystem": ["DescribeFileSystems", "DescribeMountTargets", "DeleteMountTarget"],
    "elasticloadbalancing": ["ModifyLoadBalancerAttributes"],
    "logs": ["DescribeLogGroups"],
    "servicequotas": ["GetServiceQuota"],
    "sts": ["GetCallerIdentity"],
    "tag": ["GetResources"],
}
ROLE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["ec2:Describe*", "ec2:CreateTags"], "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "ec2:DescribeVolumes",
            "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ],
}


def of_role() -> tuple[Statement, ...]:
    return permissions.of_policy("role", "inline", ROLE)


def deployer() -> tuple[Statement, ...]:
    return permissions.of_policy("deployer", POLICY.name, json.loads(POLICY.read_text()))


def test_a_statement_is_who_may_do_what_on_what_with_which_condition() -> None:
    first, second = of_role()
    assert first.actions == ("ec2:Describe*", "ec2:CreateTags")
    assert (first.effect, first.on, first.conditions) == ("Allow", ("*",), ())
    assert (second.effect, second.actions) == ("Deny", ("ec2:DescribeVolumes",))
    assert second.conditions == ("Bool aws:SecureTransport = false",)


def test_what_is_called_and_not_granted_is_told_and_what_is_granted_and_not_called() -> None:
    called = ["ec2:DescribeVpcs", "ec2:DeleteVpc", "sts:GetCallerIdentity"]
    compared = permissions.compare(called, of_role())
    assert compared.refused == ("ec2:DeleteVpc",)
    assert compared.unused == ("ec2:CreateTags",)


def test_what_is_only_denied_is_not_granted() -> None:
    denied = [each for each in of_role() if each.effect == "Deny"]
    assert permissions.compare(["ec2:DescribeVolumes"], denied).refused == ("ec2:DescribeVolumes",)
    assert permissions.compare([], denied).unused == ()


@pytest.mark.parametrize(
    ("call", "action"),
    [
        ("efs:DescribeTags", "elasticfilesystem:ListTagsForResource"),
        ("elbv2:DescribeTags", "elasticloadbalancing:DescribeTags"),
        ("amp:DescribeWorkspace", "aps:DescribeWorkspace"),
        ("tagging:GetResources", "tag:GetResources"),
        ("budgets:DescribeBudgets", "budgets:ViewBudget"),
        ("eks:DescribeCluster", "eks:DescribeCluster"),
    ],
)
def test_a_call_is_known_by_the_action_that_grants_it(call: str, action: str) -> None:
    assert permissions.action(call) == action


def test_policies_are_found_wherever_a_resource_has_them() -> None:
    text = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: ec2.amazonaws.com}}
      ManagedPolicyArns: [!Sub "arn:${AWS::Partition}:iam::aws:policy/Nodes"]
      Policies:
        - PolicyName: inline
          PolicyDocument: {Statement: [{Effect: Allow, Action: s3:*, Resource: !GetAtt Bucket.Arn}]}
  Key:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy: {Statement: [{Effect: Allow, NotAction: kms:Sign, Principal: "*", Resource: "*"}]}
"""
    resources = template.resources(template.read(text), {}, "mine", REGION)
    trust, inline, key = permissions.of_resources(resources)
    assert (trust.holder, trust.policy) == ("Role", "AssumeRolePolicyDocument")
    assert trust.who == ("ec2.amazonaws.com",)
    assert (inline.policy, inline.on) == ("inline", ("${Bucket.Arn}",))
    assert (key.holder, key.who, key.is_other) == ("Key", ("*",), True)
    assert permissions.compare(["kms:Sign"], [key]).refused == ("kms:Sign",)
    assert permissions.managed(resources) == {"Role": ("arn:aws:iam::aws:policy/Nodes",)}


def test_the_deployer_s_policy_is_one_that_iam_takes() -> None:
    assert len("".join(POLICY.read_text().split())) <= LONGEST
    sids = [each["Sid"] for each in json.loads(POLICY.read_text())["Statement"]]
    assert len(set(sids)) == len(sids)
    assert all(sid.isalnum() for sid in sids)


def test_the_deployer_may_do_all_that_is_done_and_nothing_else() -> None:
    called = {f"{service}:{name}" for service, names in CALLED.items() for name in names}
    done = {*called, *sweeps(), *cloudformation_s()}
    compared = permissions.compare(done, deployer())
    assert compared.refused == ()
    assert compared.unused == ()


def test_the_deployer_changes_nothing_but_by_the_deployment_s_name_or_its_stack() -> None:
    for each in deployer():
        reads = all(is_read(action) for action in each.actions)
        named = all("ml-pipeline" in arn or "aws-service-role" in arn for arn in each.on)
        assert reads or named or each.conditions, each


def is_read(action: str) -> bool:
    return action.partition(":")[2].startswith(("Describe", "Get", "List", "View"))


def sweeps() -> set[str]:
    """The actions by which kinds of resources are looked for, and some of them deleted."""
    session = get_session()
    found: set[str] = set()
    for service in {kind.service for kind in KINDS}:
        names = session.get_service_model(service).operation_names
        actions = {xform_name(name): f"{service}:{name}" for name in names}
        found |= {actions[each.operation] for each in calls(service)}
    return found


def calls(service: str) -> list[Call]:
    kinds = [kind for kind in KINDS if kind.service == service]
    removed = [kind.remove for kind in kinds if kind in {*AFTER_THE_STACK, *BEFORE_THE_STACK}]
    found = [*removed, *(call for kind in kinds for call in (*kind.every, kind.one, kind.tags))]
    return [call for call in found if call]


def cloudformation_s() -> set[str]:
    """What CloudFormation calls for the template's types, as the types' own schemas tell."""
    text = template.read(stacks.template())
    resources = template.resources(text, EVERYTHING, "ml-pipeline", REGION)
    assert all(each.is_made for each in resources)
    schemas = files("cfnlint") / "data/schemas"
    names = json.loads((schemas / f"providers/{REGION}.json").read_text())
    found: set[str] = set()
    for kind in {each.kind for each in resources}:
        schema = json.loads((schemas / f"resources/{names[kind]}.json").read_text())
        for way in ("create", "read", "update", "delete"):
            found |= {*schema["handlers"].get(way, {}).get("permissions", ())}
    features = Statement("", "", "Allow", (), FEATURES, (), ())
    return {*permissions.compare(found, [features]).refused}
