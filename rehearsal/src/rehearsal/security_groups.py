"""The security groups of a load balancer, as the AWS Load Balancer Controller makes them.

One lets clients in to the load balancer; one, which all load balancers of a cluster share, is let
in to the pods by the cluster's own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import (
        FilterTypeDef,
        IpPermissionTypeDef,
        SecurityGroupTypeDef,
        TagTypeDef,
    )

CLUSTER_TAG = "elbv2.k8s.aws/cluster"
RESOURCE_TAG = "elbv2.k8s.aws/resource"


@dataclass(frozen=True, slots=True)
class Groups:
    """The security groups of a cluster's load balancers.

    Attributes:
        default_tags: of everything that the controller makes.
    """

    client: EC2Client
    cluster: str
    vpc: str
    default_tags: Mapping[str, str]

    def ensure_front(
        self, name: str, tags: Mapping[str, str], ports: Iterable[int], cidrs: Iterable[str]
    ) -> str:
        """The id of the group that lets clients in at these ports, and nobody else."""
        group = self._find(name) or self._create(
            name, "[k8s] Managed SecurityGroup for LoadBalancer", tags
        )
        wanted: list[IpPermissionTypeDef] = [
            {
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                "IpRanges": [{"CidrIp": each} for each in sorted(cidrs)],
            }
            for port in sorted(ports)
        ]
        found = group.get("IpPermissions", [])
        if [_plain(each) for each in found] != [_plain(each) for each in wanted]:
            if found:
                self.client.revoke_security_group_ingress(
                    GroupId=group["GroupId"], IpPermissions=[_asked(each) for each in found]
                )
            self.client.authorize_security_group_ingress(
                GroupId=group["GroupId"], IpPermissions=wanted
            )
        return group["GroupId"]

    def ensure_back(self) -> str:
        """The id of the shared group."""
        tags = {**self.default_tags, CLUSTER_TAG: self.cluster, RESOURCE_TAG: "backend-sg"}
        title = "[k8s] Shared Backend SecurityGroup for LoadBalancer"
        group = self._find(self._back_name) or self._create(self._back_name, title, tags)
        return group["GroupId"]

    def open_nodes(self, back: str, port: int) -> None:
        """Lets the shared group in to the pods' port, where the cluster has a group of its own."""
        for group in self._nodes():
            known = (
                pair.get("GroupId")
                for each in group.get("IpPermissions", [])
                for pair in each.get("UserIdGroupPairs", [])
            )
            if back not in known:
                self.client.authorize_security_group_ingress(
                    GroupId=group["GroupId"], IpPermissions=[_from_group(back, port)]
                )

    def delete(self, front: str) -> None:
        """Takes away a load balancer's group, by its name, and the shared one with its rules."""
        back = self._find(self._back_name)
        if back is not None:
            for group in self._nodes():
                self._close(group, back["GroupId"])
        for found in (self._find(front), back):
            if found is not None:
                self.client.delete_security_group(GroupId=found["GroupId"])

    @property
    def _back_name(self) -> str:
        digest = hashlib.sha256(self.cluster.encode()).hexdigest()
        return f"k8s-traffic-{self.cluster}-{digest:.10}"

    def _close(self, group: SecurityGroupTypeDef, back: str) -> None:
        for each in group.get("IpPermissions", []):
            if back in {pair.get("GroupId") for pair in each.get("UserIdGroupPairs", [])}:
                self.client.revoke_security_group_ingress(
                    GroupId=group["GroupId"],
                    IpPermissions=[_from_group(back, each.get("FromPort", 0))],
                )

    def _nodes(self) -> list[SecurityGroupTypeDef]:
        """The cluster's own group, which EKS makes for its nodes."""
        tag = f"tag:kubernetes.io/cluster/{self.cluster}"
        return self.client.describe_security_groups(
            Filters=[{"Name": tag, "Values": ["owned"]}, {"Name": "vpc-id", "Values": [self.vpc]}]
        )["SecurityGroups"]

    def _find(self, name: str) -> SecurityGroupTypeDef | None:
        named: list[FilterTypeDef] = [
            {"Name": "group-name", "Values": [name]},
            {"Name": "vpc-id", "Values": [self.vpc]},
        ]
        found = self.client.describe_security_groups(Filters=named)["SecurityGroups"]
        return found[0] if found else None

    def _create(self, name: str, title: str, tags: Mapping[str, str]) -> SecurityGroupTypeDef:
        made = self.client.create_security_group(
            GroupName=name,
            Description=title,
            VpcId=self.vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": _tag_list(tags)}],
        )
        return {"GroupId": made["GroupId"]}


def _tag_list(tags: Mapping[str, str]) -> list[TagTypeDef]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _from_group(back: str, port: int) -> IpPermissionTypeDef:
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "UserIdGroupPairs": [{"GroupId": back}],
    }


def _asked(found: Mapping[str, Any]) -> IpPermissionTypeDef:
    """A permission that was described, as it is revoked."""
    return {
        "IpProtocol": found["IpProtocol"],
        "FromPort": found["FromPort"],
        "ToPort": found["ToPort"],
        "IpRanges": [{"CidrIp": each["CidrIp"]} for each in found.get("IpRanges", [])],
    }


def _plain(permission: Mapping[str, Any]) -> tuple[int, tuple[str, ...]]:
    ranges = permission.get("IpRanges", [])
    return permission.get("FromPort", 0), tuple(sorted(each["CidrIp"] for each in ranges))
