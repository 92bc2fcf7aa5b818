"""Resources of EKS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.amazon.faulty import ResourceError
from rehearsal.amazon.providers import Fixed, Made, Whole
from rehearsal.amazon.storage import camel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.amazon.providers import Calls, Properties, Provider


class Cluster(Whole):
    """A cluster."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        client, given = calls("eks"), _given(properties)
        name = given.pop("name", calls.new_name(100))
        given["logging"] = _logging(properties)
        client.create_cluster(name=name, **given)
        return self._described(calls, name)

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Changes its version, its network and its logs."""
        client = calls("eks")
        if old.get("Version") != new.get("Version"):
            client.update_cluster_version(name=made.id, version=new["Version"])
        if old["ResourcesVpcConfig"] != new["ResourcesVpcConfig"]:
            network = camel(new["ResourcesVpcConfig"])
            client.update_cluster_config(name=made.id, resourcesVpcConfig=network)
        if old.get("Logging") != new.get("Logging"):
            client.update_cluster_config(name=made.id, logging=_logging(new))
        if old.get("UpgradePolicy") != new.get("UpgradePolicy"):
            policy = camel(new["UpgradePolicy"])
            client.update_cluster_config(name=made.id, upgradePolicy=policy)
        if old["Tags"] != new["Tags"]:
            client.tag_resource(resourceArn=made.attributes["Arn"], tags=_tags(new))
        return self._described(calls, made.id)

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it, with everything in it."""
        del properties
        calls("eks").delete_cluster(name=made.id)

    def _described(self, calls: Calls, name: str) -> Made:
        told = calls("eks").describe_cluster(name=name)["cluster"]
        attributes = {
            "Arn": told["arn"],
            "Endpoint": told["endpoint"],
            "CertificateAuthorityData": told["certificateAuthority"]["data"],
            "ClusterSecurityGroupId": told["resourcesVpcConfig"]["clusterSecurityGroupId"],
            "OpenIdConnectIssuerUrl": told["identity"]["oidc"]["issuer"],
        }
        return Made(name, attributes)


class Nodegroup(Whole):
    """A group of nodes, of which the stand-in makes none."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        given = _given(properties)
        name = given.pop("nodegroupName", calls.new_name(63))
        told = calls("eks").create_nodegroup(nodegroupName=name, **given)["nodegroup"]
        return Made(f"{told['clusterName']}/{name}", {"Arn": told["nodegroupArn"], "Id": name})

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Changes its version, its template, its size and how it is updated."""
        client = calls("eks")
        which = {"clusterName": new["ClusterName"], "nodegroupName": made.attributes["Id"]}
        versions = ("Version", "ReleaseVersion", "LaunchTemplate")
        if any(old.get(each) != new.get(each) for each in versions):
            given = {each: new[each] for each in versions if each in new}
            client.update_nodegroup_version(**which, **camel(given))
        sizes = ("ScalingConfig", "UpdateConfig", "NodeRepairConfig")
        if any(old.get(each) != new.get(each) for each in sizes):
            given = {each: new[each] for each in sizes if each in new}
            client.update_nodegroup_config(**which, **camel(given))
        if old.get("Labels") != new.get("Labels"):
            labels = {"addOrUpdateLabels": new.get("Labels", {})}
            client.update_nodegroup_config(**which, labels=labels)
        if old.get("Taints") != new.get("Taints"):
            taints = {"addOrUpdateTaints": camel(new.get("Taints", []))}
            client.update_nodegroup_config(**which, taints=taints)
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        calls("eks").delete_nodegroup(
            clusterName=properties["ClusterName"], nodegroupName=made.attributes["Id"]
        )


class Addon(Whole):
    """An add-on; what of it the rehearsal needs, its cluster has from the start."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Installs it."""
        told = calls("eks").create_addon(**_given(properties))["addon"]
        return Made(f"{told['clusterName']}|{told['addonName']}", {"Arn": told["addonArn"]})

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Changes its version and its settings."""
        del old
        given = _given(new)
        given.pop("tags", None)
        calls("eks").update_addon(**given)
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Takes it away."""
        del made
        calls("eks").delete_addon(
            clusterName=properties["ClusterName"], addonName=properties["AddonName"]
        )


class AccessEntry(Whole):
    """What a principal may do in a cluster."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it, with its policies."""
        given = _given(properties)
        given.pop("accessPolicies", None)
        told = calls("eks").create_access_entry(**given)["accessEntry"]
        made = Made(
            f"{told['principalArn']}|{told['clusterName']}",
            {"AccessEntryArn": told["accessEntryArn"]},
        )
        self._allow(calls, {}, properties)
        return made

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Changes its policies."""
        if old.get("KubernetesGroups") != new.get("KubernetesGroups"):
            raise ResourceError(f"the rehearsal cannot change the groups of {calls.logical}")
        self._allow(calls, old, new)
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del made
        calls("eks").delete_access_entry(**_whose(properties))

    def _allow(self, calls: Calls, old: Properties, new: Properties) -> None:
        client = calls("eks")
        before, after = old.get("AccessPolicies", []), new.get("AccessPolicies", [])
        for each in before:
            if each not in after:
                client.disassociate_access_policy(policyArn=each["PolicyArn"], **_whose(new))
        for each in after:
            if each not in before:
                client.associate_access_policy(
                    policyArn=each["PolicyArn"],
                    accessScope=camel(each["AccessScope"]),
                    **_whose(new),
                )


class PodIdentityAssociation(Fixed):
    """The role of a service account."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        answer = calls("eks").create_pod_identity_association(**_given(properties))
        told = answer["association"]
        attributes = {
            "AssociationArn": told["associationArn"],
            "AssociationId": told["associationId"],
        }
        return Made(told["associationArn"], attributes)

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Gives it another role."""
        del old
        calls("eks").update_pod_identity_association(
            clusterName=new["ClusterName"],
            associationId=made.attributes["AssociationId"],
            roleArn=new["RoleArn"],
        )
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        calls("eks").delete_pod_identity_association(
            clusterName=properties["ClusterName"], associationId=made.attributes["AssociationId"]
        )


def _given(properties: Properties) -> dict[str, Any]:
    """Properties as the actions take them; the keys of labels and tags are the user's own."""
    given = {k: v for k, v in properties.items() if k not in {"Tags", "Labels"}}
    own = {"labels": properties["Labels"]} if "Labels" in properties else {}
    return {**camel(given), **own, "tags": _tags(properties)}


def _tags(properties: Properties) -> Mapping[str, str]:
    tags = properties.get("Tags", {})
    return tags if isinstance(tags, dict) else {each["Key"]: each["Value"] for each in tags}


def _whose(properties: Properties) -> dict[str, str]:
    return {
        "clusterName": properties["ClusterName"],
        "principalArn": properties["PrincipalArn"],
    }


def _logging(properties: Properties) -> dict[str, Any]:
    told = properties.get("Logging", {}).get("ClusterLogging", {}).get("EnabledTypes", [])
    types = [each["Type"] for each in told]
    return {"clusterLogging": [{"types": types, "enabled": True}] if types else []}


TYPES: dict[str, Provider] = {
    "AWS::EKS::Cluster": Cluster(),
    "AWS::EKS::Nodegroup": Nodegroup(),
    "AWS::EKS::Addon": Addon(),
    "AWS::EKS::AccessEntry": AccessEntry(),
    "AWS::EKS::PodIdentityAssociation": PodIdentityAssociation(),
}
