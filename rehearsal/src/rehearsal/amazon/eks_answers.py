"""EKS's API: moto's, and what it lacks.

The one cluster that there is runs in kind: describing any cluster gives its endpoint and its
certificate authority, and deleting one empties it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.eks.exceptions import (
    InvalidParameterException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from moto.eks.responses import EKSResponse
from moto.logs.models import logs_backends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Told = dict[str, Any]

# As `aws eks list-access-policies` tells them; others are refused.
POLICIES = "arn:aws:eks::aws:cluster-access-policy/"
ADMINISTRATOR = f"{POLICIES}AmazonEKSClusterAdminPolicy"


@dataclass(slots=True)
class Parts:
    """What a cluster has beside its node groups, each as its description tells it.

    Attributes:
        told: what moto forgets of the cluster itself.
        addons: by name.
        entries: access entries by the principal's ARN.
        policies: by the principal's ARN.
        identities: associations of pod identities by id.
    """

    told: Told = field(default_factory=dict)
    addons: dict[str, Told] = field(default_factory=dict)
    entries: dict[str, Told] = field(default_factory=dict)
    policies: dict[str, list[Told]] = field(default_factory=dict)
    identities: dict[str, Told] = field(default_factory=dict)

    def tagged(self) -> Iterator[tuple[str, dict[str, str]]]:
        """The ARNs of all parts, with their tags."""
        for each in self.addons.values():
            yield each["addonArn"], each["tags"]
        for each in self.entries.values():
            yield each["accessEntryArn"], each["tags"]
        for each in self.identities.values():
            yield each["associationArn"], each["tags"]


@dataclass(slots=True)
class Clusters:
    """The clusters of an account, as far as moto does not know them.

    Attributes:
        endpoint: of the API server that stands in for all.
        authority: its certificate authority, PEM in base64.
        empty: takes away what was put into it.
        parts: by the cluster's name.
    """

    endpoint: str
    authority: str
    empty: Callable[[], None]
    parts: dict[str, Parts] = field(default_factory=dict)


class Eks(EKSResponse):
    """The actions; moto makes one of these for each call."""

    clusters: ClassVar[Clusters]

    def create_cluster(self) -> ActionResult:
        """Makes a cluster with what EKS makes for it: a security group and a log group."""
        EKSResponse.create_cluster(self)
        name, network = self._get_param("name"), self._get_param("resourcesVpcConfig")
        ec2 = ec2_backends[self.current_account][self.region]
        vpc = ec2.get_subnet(network["subnetIds"][0]).vpc_id
        group = ec2.create_security_group(
            f"eks-cluster-sg-{name}-{uuid.uuid4().int % 10**9}",
            "EKS created security group applied to ENI that is attached to EKS Control Plane",
            vpc_id=vpc,
            tags={f"kubernetes.io/cluster/{name}": "owned", "aws:eks:cluster-name": name},
        )
        self.clusters.parts[name] = Parts(
            {
                "accessConfig": self._get_param("accessConfig") or {},
                "upgradePolicy": self._get_param("upgradePolicy") or {"supportType": "EXTENDED"},
                "group": group.id,
                "vpc": vpc,
            }
        )
        logs = logs_backends[self.current_account][self.region]
        if (self._get_param("logging") or {}).get("clusterLogging"):
            wanted = f"/aws/eks/{name}/cluster"
            if wanted not in logs.groups:
                logs.create_log_group(wanted, {}, kmsKeyId=None)
        return self.describe_cluster()

    def describe_cluster(self) -> ActionResult:
        """Tells of a cluster."""
        cluster = self.eks_backend.describe_cluster(self._get_param("name"))
        told = self.clusters.parts[cluster.name].told
        network = {
            **cluster.resources_vpc_config,
            "clusterSecurityGroupId": told["group"],
            "vpcId": told["vpc"],
        }
        return ActionResult(
            {
                "cluster": {
                    "name": cluster.name,
                    "arn": cluster.arn,
                    "createdAt": cluster.created_at,
                    "version": cluster.version,
                    "endpoint": self.clusters.endpoint,
                    "roleArn": cluster.role_arn,
                    "resourcesVpcConfig": network,
                    "kubernetesNetworkConfig": cluster.kubernetes_network_config,
                    "logging": cluster.logging,
                    "identity": cluster.identity,
                    "status": cluster.status,
                    "certificateAuthority": {"data": self.clusters.authority},
                    "platformVersion": "eks.1",
                    "tags": cluster.tags,
                    "encryptionConfig": cluster.encryption_config,
                    "health": {"issues": []},
                    "accessConfig": told["accessConfig"],
                    "upgradePolicy": told["upgradePolicy"],
                }
            }
        )

    def delete_cluster(self) -> ActionResult:
        """Deletes a cluster, with its parts and all that runs in it."""
        answer = EKSResponse.delete_cluster(self)
        parts = self.clusters.parts.pop(self._get_param("name"))
        self.clusters.empty()
        ec2 = ec2_backends[self.current_account][self.region]
        ec2.delete_security_group(group_id=parts.told["group"])
        return answer

    def update_cluster_version(self) -> ActionResult:
        """Brings the control plane to another version; the stand-in goes on as it is."""
        cluster = self.eks_backend.describe_cluster(self._get_param("name"))
        cluster.version = self._get_param("version")
        return _update("VersionUpdate")

    def update_cluster_config(self) -> ActionResult:
        """Changes settings."""
        cluster = self.eks_backend.describe_cluster(self._get_param("name"))
        cluster.resources_vpc_config.update(self._get_param("resourcesVpcConfig") or {})
        cluster.logging = self._get_param("logging") or cluster.logging
        told = self._parts(cluster.name).told
        told["upgradePolicy"] = self._get_param("upgradePolicy") or told["upgradePolicy"]
        told["accessConfig"] |= self._get_param("accessConfig") or {}
        return _update("ConfigUpdate")

    def update_nodegroup_version(self) -> ActionResult:
        """Brings nodes to another version; there are none."""
        which = (self._get_param("name"), self._get_param("nodegroupName"))
        group = self.eks_backend.describe_nodegroup(*which)
        group.version = self._get_param("version") or group.version
        group.launch_template = self._get_param("launchTemplate") or group.launch_template
        return _update("VersionUpdate")

    def create_addon(self) -> ActionResult:
        """Installs an add-on."""
        cluster, name = self._get_param("name"), self._get_param("addonName")
        addons = self._parts(cluster).addons
        if name in addons:
            raise ResourceInUseException(message=f"Addon already exists: {name}")
        addons[name] = {
            "addonName": name,
            "clusterName": cluster,
            "status": "ACTIVE",
            "addonVersion": self._get_param("addonVersion") or "v1.0.0-eksbuild.1",
            "health": {"issues": []},
            "addonArn": self._arn(f"addon/{cluster}/{name}/{uuid.uuid4()}"),
            "createdAt": datetime.now(UTC),
            "modifiedAt": datetime.now(UTC),
            "tags": self._get_param("tags") or {},
            "configurationValues": self._get_param("configurationValues") or "",
        }
        return ActionResult({"addon": addons[name]})

    def describe_addon(self) -> ActionResult:
        """Tells of an add-on."""
        return ActionResult({"addon": self._addon()})

    def list_addons(self) -> ActionResult:
        """Tells the names of add-ons."""
        return ActionResult({"addons": sorted(self._parts(self._get_param("name")).addons)})

    def update_addon(self) -> ActionResult:
        """Changes an add-on."""
        addon = self._addon()
        for name in ("addonVersion", "configurationValues"):
            addon[name] = self._get_param(name) or addon[name]
        return _update("AddonUpdate")

    def delete_addon(self) -> ActionResult:
        """Takes an add-on away."""
        addon = self._addon()
        del self._parts(addon["clusterName"]).addons[addon["addonName"]]
        return ActionResult({"addon": addon})

    def create_access_entry(self) -> ActionResult:
        """Lets a principal in."""
        cluster, principal = self._get_param("name"), self._get_param("principalArn")
        parts = self._parts(cluster)
        if principal in parts.entries:
            raise ResourceInUseException(
                message="The specified access entry resource is already in use on this cluster."
            )
        parts.entries[principal] = {
            "clusterName": cluster,
            "principalArn": principal,
            "kubernetesGroups": self._get_param("kubernetesGroups") or [],
            "accessEntryArn": self._arn(f"access-entry/{cluster}/{uuid.uuid4()}"),
            "createdAt": datetime.now(UTC),
            "modifiedAt": datetime.now(UTC),
            "tags": self._get_param("tags") or {},
            "username": self._get_param("username") or principal,
            "type": self._get_param("type") or "STANDARD",
        }
        parts.policies[principal] = []
        return ActionResult({"accessEntry": parts.entries[principal]})

    def describe_access_entry(self) -> ActionResult:
        """Tells of an access entry."""
        return ActionResult({"accessEntry": self._entry()})

    def list_access_entries(self) -> ActionResult:
        """Tells the principals that are let in."""
        return ActionResult({"accessEntries": sorted(self._parts(self._get_param("name")).entries)})

    def delete_access_entry(self) -> ActionResult:
        """Lets a principal in no more."""
        entry = self._entry()
        parts = self._parts(entry["clusterName"])
        del parts.entries[entry["principalArn"]], parts.policies[entry["principalArn"]]
        return ActionResult({})

    def associate_access_policy(self) -> ActionResult:
        """Lets a principal do something."""
        entry, policy = self._entry(), self._get_param("policyArn")
        if not policy.startswith(POLICIES):
            raise InvalidParameterException(message=f"The policyArn {policy} is not valid")
        told = {
            "policyArn": policy,
            "accessScope": self._get_param("accessScope"),
            "associatedAt": datetime.now(UTC),
            "modifiedAt": datetime.now(UTC),
        }
        policies = self._parts(entry["clusterName"]).policies[entry["principalArn"]]
        policies[:] = [each for each in policies if each["policyArn"] != policy] + [told]
        return ActionResult(
            {
                "clusterName": entry["clusterName"],
                "principalArn": entry["principalArn"],
                "associatedAccessPolicy": told,
            }
        )

    def disassociate_access_policy(self) -> ActionResult:
        """Lets a principal do something no more."""
        entry, policy = self._entry(), self._arn_given("policyArn")
        policies = self._parts(entry["clusterName"]).policies[entry["principalArn"]]
        policies[:] = [each for each in policies if each["policyArn"] != policy]
        return ActionResult({})

    def list_associated_access_policies(self) -> ActionResult:
        """Tells what a principal may do."""
        entry = self._entry()
        return ActionResult(
            {
                "clusterName": entry["clusterName"],
                "principalArn": entry["principalArn"],
                "associatedAccessPolicies": self._parts(entry["clusterName"]).policies[
                    entry["principalArn"]
                ],
            }
        )

    def create_pod_identity_association(self) -> ActionResult:
        """Gives a service account a role."""
        cluster = self._get_param("name")
        parts, number = self._parts(cluster), f"a-{uuid.uuid4().hex[:17]}"
        account = (self._get_param("namespace"), self._get_param("serviceAccount"))
        if any((e["namespace"], e["serviceAccount"]) == account for e in parts.identities.values()):
            raise ResourceInUseException(
                message=f"Association already exists: {account[0]}/{account[1]}"
            )
        parts.identities[number] = {
            "clusterName": cluster,
            "namespace": account[0],
            "serviceAccount": account[1],
            "roleArn": self._get_param("roleArn"),
            "associationArn": self._arn(f"podidentityassociation/{cluster}/{number}"),
            "associationId": number,
            "tags": self._get_param("tags") or {},
            "createdAt": datetime.now(UTC),
            "modifiedAt": datetime.now(UTC),
        }
        return ActionResult({"association": parts.identities[number]})

    def describe_pod_identity_association(self) -> ActionResult:
        """Tells of an association."""
        return ActionResult({"association": self._identity()})

    def list_pod_identity_associations(self) -> ActionResult:
        """Tells of all associations in short."""
        parts = self._parts(self._get_param("name"))
        return ActionResult({"associations": list(parts.identities.values())})

    def update_pod_identity_association(self) -> ActionResult:
        """Gives a service account another role."""
        identity = self._identity()
        identity["roleArn"] = self._get_param("roleArn")
        return ActionResult({"association": identity})

    def delete_pod_identity_association(self) -> ActionResult:
        """Takes a service account's role away."""
        identity = self._identity()
        del self._parts(identity["clusterName"]).identities[identity["associationId"]]
        return ActionResult({"association": identity})

    def _parts(self, cluster: str) -> Parts:
        self.eks_backend.describe_cluster(cluster)
        return self.clusters.parts[cluster]

    def _addon(self) -> Told:
        return self._find(self._parts(self._get_param("name")).addons, self._get_param("addonName"))

    def _entry(self) -> Told:
        entries = self._parts(self._get_param("name")).entries
        return self._find(entries, self._arn_given("principalArn"))

    def _identity(self) -> Told:
        identities = self._parts(self._get_param("name")).identities
        return self._find(identities, self._get_param("associationId"))

    def _arn_given(self, name: str) -> str:
        return unquote(self._get_param(name))

    @staticmethod
    def _find(parts: dict[str, Told], name: str) -> Told:
        if name not in parts:
            raise ResourceNotFoundException(message=f"No such part of the cluster: {name}")
        return parts[name]

    def _arn(self, path: str) -> str:
        return f"arn:aws:eks:{self.region}:{self.current_account}:{path}"


def _update(kind: str) -> ActionResult:
    return ActionResult(
        {
            "update": {
                "id": str(uuid.uuid4()),
                "status": "Successful",
                "type": kind,
                "params": [],
                "createdAt": datetime.now(UTC),
                "errors": [],
            }
        }
    )
