"""EKS's API for the parts of a cluster, all of which moto lacks."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from moto.core.responses import ActionResult
from moto.eks.exceptions import (
    InvalidParameterException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from moto.eks.responses import EKSResponse

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


class EksParts(EKSResponse):
    """The actions on add-ons, access entries and associations of pod identities."""

    clusters: ClassVar[Clusters]

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
        return update("AddonUpdate")

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


def update(kind: str) -> ActionResult:
    """An update that is done."""
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
