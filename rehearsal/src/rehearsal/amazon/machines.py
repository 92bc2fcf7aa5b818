"""What EC2 has beside networks: who may talk to whom, what machines are made of, and logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rehearsal.amazon.providers import Fixed, Made, Whole, retag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.amazon.providers import Calls, Properties, Provider

_EVERYWHERE = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


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
    "AWS::EC2::SecurityGroup": SecurityGroup(),
    "AWS::EC2::SecurityGroupIngress": Rule("ingress"),
    "AWS::EC2::SecurityGroupEgress": Rule("egress"),
    "AWS::EC2::LaunchTemplate": LaunchTemplate(),
    "AWS::EC2::FlowLog": FlowLog(),
}
