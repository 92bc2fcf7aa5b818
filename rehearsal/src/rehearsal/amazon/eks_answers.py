"""EKS's API: moto's, and what it lacks.

The one cluster that there is runs in kind: describing any cluster gives its endpoint and its
certificate authority, and deleting one empties it.
"""

from __future__ import annotations

import uuid

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.eks.responses import EKSResponse
from moto.logs.models import logs_backends

from rehearsal.amazon.eks_parts import EksParts, Parts, update


class Eks(EksParts):
    """The actions; moto makes one of these for each call."""

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
        return update("VersionUpdate")

    def update_cluster_config(self) -> ActionResult:
        """Changes settings."""
        cluster = self.eks_backend.describe_cluster(self._get_param("name"))
        cluster.resources_vpc_config.update(self._get_param("resourcesVpcConfig") or {})
        cluster.logging = self._get_param("logging") or cluster.logging
        told = self._parts(cluster.name).told
        told["upgradePolicy"] = self._get_param("upgradePolicy") or told["upgradePolicy"]
        told["accessConfig"] |= self._get_param("accessConfig") or {}
        return update("ConfigUpdate")

    def update_nodegroup_version(self) -> ActionResult:
        """Brings nodes to another version; there are none."""
        which = (self._get_param("name"), self._get_param("nodegroupName"))
        group = self.eks_backend.describe_nodegroup(*which)
        group.version = self._get_param("version") or group.version
        group.launch_template = self._get_param("launchTemplate") or group.launch_template
        return update("VersionUpdate")
