"""What is there, told by the services themselves and not by the program that is tested."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import boto3
import jmespath

from rehearsal.credentials import REGION

if TYPE_CHECKING:
    from rehearsal.stand_ins import Rehearsal

KINDS = (
    *("namespaces", "serviceaccounts", "configmaps", "secrets", "services", "deployments"),
    *("jobs", "persistentvolumeclaims", "persistentvolumes", "storageclasses"),
    *("horizontalpodautoscalers", "poddisruptionbudgets", "networkpolicies", "ingresses"),
)
LISTS = (
    ("ec2", "describe_vpcs", "Vpcs[?!IsDefault].VpcId"),
    ("ec2", "describe_addresses", "Addresses[].AllocationId"),
    ("ec2", "describe_nat_gateways", "NatGateways[?State != 'deleted'].NatGatewayId"),
    ("ec2", "describe_security_groups", "SecurityGroups[?GroupName != 'default'].GroupName"),
    ("ec2", "describe_launch_templates", "LaunchTemplates[].LaunchTemplateName"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints[?State != 'deleted'].VpcEndpointId"),
    ("elbv2", "describe_load_balancers", "LoadBalancers[].LoadBalancerArn"),
    ("elbv2", "describe_target_groups", "TargetGroups[].TargetGroupArn"),
    ("efs", "describe_file_systems", "FileSystems[].FileSystemId"),
    ("eks", "list_clusters", "clusters"),
    ("ecr", "describe_repositories", "repositories[].repositoryArn"),
    ("logs", "describe_log_groups", "logGroups[].logGroupName"),
    ("iam", "list_roles", "Roles[?RoleName != 'deployer'].RoleName"),
    ("backup", "list_backup_vaults", "BackupVaultList[].BackupVaultName"),
    ("cloudformation", "describe_stacks", "Stacks[].StackId"),
)
_CHANGING = ("resourceVersion", "generation", "managedFields")


def client(stand_in: Rehearsal, service: str) -> Any:  # noqa: ANN401 -- made at run time
    """A client of one who looks on."""
    make: Any = boto3.Session("spectator", "rehearsal", region_name=REGION).client
    return make(service, endpoint_url=stand_in.aws)


def amazon(stand_in: Rehearsal) -> set[str]:
    """Everything in the account that costs money or stands in the way of a next deployment."""
    found: set[str] = set()
    for service, operation, path in LISTS:
        told = getattr(client(stand_in, service), operation)()
        found |= set(jmespath.search(path, told))
    keys = client(stand_in, "kms")
    for key in keys.list_keys()["Keys"]:
        if keys.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Enabled":
            found.add(key["KeyId"])
    return found


def objects(stand_in: Rehearsal) -> dict[str, str]:
    """What was asked for in the cluster, each with what tells a change of it, and not of its state.

    A change of what is asked for changes the time of its manager in `managedFields`.
    """
    told = stand_in.cluster.kubectl(
        "get", ",".join(KINDS), "--all-namespaces", "--output=json", "--show-managed-fields"
    )
    found = {}
    for each in json.loads(told)["items"]:
        metadata = each["metadata"]
        name = f"{each['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
        managers = [e for e in metadata.get("managedFields", []) if not _is_of_state(each, e)]
        rest = {key: value for key, value in each.items() if key not in {"status", "metadata"}}
        asked = {key: value for key, value in metadata.items() if key not in _CHANGING}
        text = json.dumps([asked, managers, rest], sort_keys=True)
        found[name] = hashlib.sha256(text.encode()).hexdigest()
    return found


def _is_of_state(manifest: dict[str, Any], manager: dict[str, Any]) -> bool:
    """Whether a manager tells a state: in a status, or in the replicas that an autoscaler sets."""
    return bool(manager.get("subresource")) or (
        manager["manager"] == "kube-controller-manager" and manifest["kind"] != "Job"
    )
