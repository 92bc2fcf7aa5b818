"""Resources of a network."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from rehearsal.amazon.faulty import ResourceError
from rehearsal.amazon.providers import Fixed, Made, Whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.amazon.providers import Calls, Properties, Provider

_EVERYWHERE = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


@dataclass(frozen=True, slots=True)
class Plain(Whole):
    """A type that takes one action to make and one to delete, and whose tags can change.

    Attributes:
        noun: as the actions name it, such as route_table.
        kind: as tags name it; empty for the noun with hyphens.
        key: the name of its id.
        attributes: for Fn::GetAtt, by the names in the action's answer.
        switches: properties that are set one by one by modify_<noun>_attribute.
    """

    noun: str
    key: str
    kind: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    switches: tuple[str, ...] = ()

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes one."""
        given = {k: v for k, v in properties.items() if k not in {"Tags", *self.switches}}
        kind = self.kind or self.noun.replace("_", "-")
        client = calls("ec2")
        specified = [{"ResourceType": kind, "Tags": properties["Tags"]}]
        answer = getattr(client, f"create_{self.noun}")(**given, TagSpecifications=specified)
        told = answer[self.noun.title().replace("_", "")]
        made = Made(
            told[self.key],
            {self.key: told[self.key]}
            | {name: told[path] for name, path in self.attributes.items()},
        )
        self._switch(calls, made.id, properties)
        return made

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Sets switches and tags."""
        known = {"Tags", *self.switches}
        if any(old.get(each) != new.get(each) for each in {*old, *new} - known):
            raise ResourceError(f"the rehearsal cannot change that of {calls.logical}")
        self._switch(calls, made.id, new)
        retag(calls, made.id, old, new)
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        getattr(calls("ec2"), f"delete_{self.noun}")(**{self.key: made.id})

    def _switch(self, calls: Calls, name: str, properties: Properties) -> None:
        modify = getattr(calls("ec2"), f"modify_{self.noun}_attribute", None)
        for each in self.switches:
            if each in properties and modify is not None:
                modify(**{self.key: name, each: {"Value": properties[each]}})


def retag(calls: Calls, name: str, old: Properties, new: Properties) -> None:
    """Brings the tags of what has this id up to date."""
    before, after = _by_key(old), _by_key(new)
    if gone := [{"Key": key} for key in before if key not in after]:
        calls("ec2").delete_tags(Resources=[name], Tags=gone)
    if before != after:
        calls("ec2").create_tags(Resources=[name], Tags=new["Tags"])


def _by_key(properties: Properties) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in properties.get("Tags", [])}


class Vpc(Plain):
    """A network with its default security group."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it, and looks its group up."""
        made = Plain.create(self, calls, properties)
        (group,) = calls("ec2").describe_security_groups(
            Filters=[
                {"Name": "vpc-id", "Values": [made.id]},
                {"Name": "group-name", "Values": ["default"]},
            ]
        )["SecurityGroups"]
        return Made(made.id, {**made.attributes, "DefaultSecurityGroup": group["GroupId"]})


class Attachment(Fixed):
    """An internet gateway in its network."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Attaches it."""
        calls("ec2").attach_internet_gateway(
            InternetGatewayId=properties["InternetGatewayId"], VpcId=properties["VpcId"]
        )
        return Made(f"IGW|{properties['VpcId']}")

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Detaches it."""
        del made
        calls("ec2").detach_internet_gateway(
            InternetGatewayId=properties["InternetGatewayId"], VpcId=properties["VpcId"]
        )


class Address(Fixed):
    """An Elastic IP address."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Allocates it."""
        told = calls("ec2").allocate_address(
            Domain="vpc",
            TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": properties["Tags"]}],
        )
        attributes = {"AllocationId": told["AllocationId"], "PublicIp": told["PublicIp"]}
        return Made(told["PublicIp"], attributes)

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Releases it."""
        del properties
        calls("ec2").release_address(AllocationId=made.attributes["AllocationId"])


class Route(Whole):
    """A route of a table."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        calls("ec2").create_route(**properties)
        return Made(f"{properties['RouteTableId']}|{properties['DestinationCidrBlock']}")

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Leads it elsewhere."""
        del old
        calls("ec2").replace_route(**new)
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del made
        calls("ec2").delete_route(
            RouteTableId=properties["RouteTableId"],
            DestinationCidrBlock=properties["DestinationCidrBlock"],
        )


class Association(Fixed):
    """A subnet's table."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Associates it."""
        return Made(calls("ec2").associate_route_table(**properties)["AssociationId"])

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Goes back to the main table."""
        del properties
        calls("ec2").disassociate_route_table(AssociationId=made.id)


class Endpoint(Whole):
    """An endpoint of a service in a network."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        given = dict(properties)
        tags = given.pop("Tags")
        if "PolicyDocument" in given:
            given["PolicyDocument"] = json.dumps(given["PolicyDocument"])
        specified = [{"ResourceType": "vpc-endpoint", "Tags": tags}]
        told = calls("ec2").create_vpc_endpoint(**given, TagSpecifications=specified)["VpcEndpoint"]
        return Made(told["VpcEndpointId"], {"Id": told["VpcEndpointId"]})

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Changes its policy, tables, subnets and tags."""
        changes: dict[str, Any] = {}
        for name in ("RouteTableIds", "SubnetIds"):
            before, after = set(old.get(name, [])), set(new.get(name, []))
            changes |= {f"Add{name}": sorted(after - before)} if after - before else {}
            changes |= {f"Remove{name}": sorted(before - after)} if before - after else {}
        if old.get("PolicyDocument") != new.get("PolicyDocument"):
            changes["PolicyDocument"] = json.dumps(new["PolicyDocument"])
        if changes:
            calls("ec2").modify_vpc_endpoint(VpcEndpointId=made.id, **changes)
        retag(calls, made.id, old, new)
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        calls("ec2").delete_vpc_endpoints(VpcEndpointIds=[made.id])


class SecurityGroup:
    """A security group with the rules that it has from the start."""

    finishes: ClassVar[bool] = True

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it; rules of its own replace the one that lets everything out."""
        client = calls("ec2")
        group = client.create_security_group(
            GroupName=properties.get("GroupName", calls.new_name(255)),
            Description=properties["GroupDescription"],
            VpcId=properties["VpcId"],
            TagSpecifications=[{"ResourceType": "security-group", "Tags": properties["Tags"]}],
        )["GroupId"]
        return Made(group, {"GroupId": group, "VpcId": properties["VpcId"]})

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Changes its rules and tags."""
        self._allow(calls, made.id, old, new)
        if old:
            retag(calls, made.id, old, new)
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        calls("ec2").delete_security_group(GroupId=made.id)

    def _allow(self, calls: Calls, group: str, old: Properties, new: Properties) -> None:
        client = calls("ec2")
        for way in ("ingress", "egress"):
            name = f"SecurityGroup{way.title()}"
            before = [_permission(each) for each in old.get(name, [])]
            after = [_permission(each) for each in new.get(name, [])]
            if way == "egress" and not old and after:
                before = list(_EVERYWHERE)
            if gone := [each for each in before if each not in after]:
                getattr(client, f"revoke_security_group_{way}")(GroupId=group, IpPermissions=gone)
            if added := [each for each in after if each not in before]:
                getattr(client, f"authorize_security_group_{way}")(
                    GroupId=group, IpPermissions=added
                )


@dataclass(frozen=True, slots=True)
class Rule(Fixed):
    """A rule of a security group that is a resource by itself.

    Attributes:
        way: ingress or egress.
    """

    way: str

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        authorize = getattr(calls("ec2"), f"authorize_security_group_{self.way}")
        answer = authorize(GroupId=properties["GroupId"], IpPermissions=[_permission(properties)])
        (rule,) = answer["SecurityGroupRules"]
        return Made(rule["SecurityGroupRuleId"], {"Id": rule["SecurityGroupRuleId"]})

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del made
        revoke = getattr(calls("ec2"), f"revoke_security_group_{self.way}")
        revoke(GroupId=properties["GroupId"], IpPermissions=[_permission(properties)])


def _permission(rule: Properties) -> dict[str, Any]:
    """A rule as EC2's actions take it."""
    told = {"Description": rule["Description"]} if "Description" in rule else {}
    permission: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    permission |= {key: int(rule[key]) for key in ("FromPort", "ToPort") if key in rule}
    if "CidrIp" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIp"], **told}]
    for key in ("SourcePrefixListId", "DestinationPrefixListId"):
        if key in rule:
            permission["PrefixListIds"] = [{"PrefixListId": rule[key], **told}]
    for key in ("SourceSecurityGroupId", "DestinationSecurityGroupId"):
        if key in rule:
            permission["UserIdGroupPairs"] = [{"GroupId": rule[key], **told}]
    return permission


class LaunchTemplate(Whole):
    """A launch template, of which each change is a version."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        told = calls("ec2").create_launch_template(
            LaunchTemplateName=properties.get("LaunchTemplateName", calls.new_name(128)),
            LaunchTemplateData=properties["LaunchTemplateData"],
            TagSpecifications=properties.get("TagSpecifications", []),
        )["LaunchTemplate"]
        return _template(told)

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Makes a version."""
        if old["LaunchTemplateData"] == new["LaunchTemplateData"]:
            return made
        calls("ec2").create_launch_template_version(
            LaunchTemplateId=made.id, LaunchTemplateData=new["LaunchTemplateData"]
        )
        answer = calls("ec2").describe_launch_templates(LaunchTemplateIds=[made.id])
        return _template(answer["LaunchTemplates"][0])

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it with all versions."""
        del properties
        calls("ec2").delete_launch_template(LaunchTemplateId=made.id)


def _template(told: Mapping[str, Any]) -> Made:
    name = told["LaunchTemplateId"]
    return Made(
        name,
        {
            "LaunchTemplateId": name,
            "LatestVersionNumber": str(told["LatestVersionNumber"]),
            "DefaultVersionNumber": str(told["DefaultVersionNumber"]),
        },
    )


class FlowLog(Fixed):
    """A network's log of connections."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        given = dict(properties)
        tags, resource = given.pop("Tags"), given.pop("ResourceId")
        answer = calls("ec2").create_flow_logs(
            **given,
            ResourceIds=[resource],
            TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": tags}],
        )
        return Made(answer["FlowLogIds"][0], {"Id": answer["FlowLogIds"][0]})

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        calls("ec2").delete_flow_logs(FlowLogIds=[made.id])


TYPES: dict[str, Provider] = {
    "AWS::EC2::VPC": Vpc(
        "vpc",
        "VpcId",
        attributes={"CidrBlock": "CidrBlock"},
        switches=("EnableDnsSupport", "EnableDnsHostnames"),
    ),
    "AWS::EC2::Subnet": Plain(
        "subnet",
        "SubnetId",
        attributes={"AvailabilityZone": "AvailabilityZone", "CidrBlock": "CidrBlock"},
        switches=("MapPublicIpOnLaunch",),
    ),
    "AWS::EC2::InternetGateway": Plain("internet_gateway", "InternetGatewayId"),
    "AWS::EC2::VPCGatewayAttachment": Attachment(),
    "AWS::EC2::EIP": Address(),
    "AWS::EC2::NatGateway": Plain("nat_gateway", "NatGatewayId", kind="natgateway"),
    "AWS::EC2::RouteTable": Plain("route_table", "RouteTableId"),
    "AWS::EC2::Route": Route(),
    "AWS::EC2::SubnetRouteTableAssociation": Association(),
    "AWS::EC2::VPCEndpoint": Endpoint(),
    "AWS::EC2::SecurityGroup": SecurityGroup(),
    "AWS::EC2::SecurityGroupIngress": Rule("ingress"),
    "AWS::EC2::SecurityGroupEgress": Rule("egress"),
    "AWS::EC2::LaunchTemplate": LaunchTemplate(),
    "AWS::EC2::FlowLog": FlowLog(),
}
