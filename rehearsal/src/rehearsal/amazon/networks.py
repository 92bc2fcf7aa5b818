"""Resources of a network: addresses, ways and endpoints."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.amazon.faulty import ResourceError
from rehearsal.amazon.providers import Fixed, Made, Whole, retag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.amazon.providers import Calls, Properties, Provider


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
}
