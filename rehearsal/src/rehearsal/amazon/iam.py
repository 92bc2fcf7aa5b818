"""Roles and policies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from rehearsal.amazon.providers import Made, Whole

if TYPE_CHECKING:
    from rehearsal.amazon.providers import Calls, Properties, Provider


class Role:
    """A role with its policies."""

    finishes: ClassVar[bool] = True

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        name = properties.get("RoleName", calls.new_name())
        told = calls("iam").create_role(
            RoleName=name,
            Path=properties.get("Path", "/"),
            Description=properties.get("Description", ""),
            AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
            Tags=properties["Tags"],
        )["Role"]
        return Made(name, {"Arn": told["Arn"], "RoleId": told["RoleId"]})

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Brings policies and tags up to date."""
        trust = new["AssumeRolePolicyDocument"]
        if old and old["AssumeRolePolicyDocument"] != trust:
            document = json.dumps(trust)
            calls("iam").update_assume_role_policy(RoleName=made.id, PolicyDocument=document)
        if old and old["Tags"] != new["Tags"]:
            calls("iam").tag_role(RoleName=made.id, Tags=new["Tags"])
        self._allow(calls, made.id, old, new)
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it with its own policies; another's stand in the way."""
        self._allow(calls, made.id, properties, {})
        calls("iam").delete_role(RoleName=made.id)

    def _allow(self, calls: Calls, name: str, old: Properties, new: Properties) -> None:
        client = calls("iam")
        before, after = (set(each.get("ManagedPolicyArns", [])) for each in (old, new))
        for arn in sorted(before - after):
            client.detach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in sorted(after - before):
            client.attach_role_policy(RoleName=name, PolicyArn=arn)
        was, is_now = (
            {each["PolicyName"]: each["PolicyDocument"] for each in given.get("Policies", [])}
            for given in (old, new)
        )
        for policy in sorted(was.keys() - is_now.keys()):
            client.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy, document in is_now.items():
            if was.get(policy) != document:
                client.put_role_policy(
                    RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document)
                )


class Policy(Whole):
    """A policy that is written into roles."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Writes it."""
        for role in properties.get("Roles", []):
            calls("iam").put_role_policy(
                RoleName=role,
                PolicyName=properties["PolicyName"],
                PolicyDocument=json.dumps(properties["PolicyDocument"]),
            )
        return Made(properties["PolicyName"], {"Id": properties["PolicyName"]})

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Writes it anew."""
        self.delete(calls, made, old)
        return self.create(calls, new)

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Takes it away again."""
        del made
        for role in properties.get("Roles", []):
            calls("iam").delete_role_policy(RoleName=role, PolicyName=properties["PolicyName"])


class ManagedPolicy(Whole):
    """A policy by itself."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it, and attaches it."""
        client = calls("iam")
        arn = client.create_policy(
            PolicyName=properties.get("ManagedPolicyName", calls.new_name(128)),
            Path=properties.get("Path", "/"),
            Description=properties.get("Description", ""),
            PolicyDocument=json.dumps(properties["PolicyDocument"]),
        )["Policy"]["Arn"]
        for role in properties.get("Roles", []):
            client.attach_role_policy(RoleName=role, PolicyArn=arn)
        return Made(arn, {"PolicyArn": arn})

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Makes the new version the one that counts."""
        client = calls("iam")
        if old["PolicyDocument"] != new["PolicyDocument"]:
            client.create_policy_version(
                PolicyArn=made.id,
                PolicyDocument=json.dumps(new["PolicyDocument"]),
                SetAsDefault=True,
            )
        before, after = (set(each.get("Roles", [])) for each in (old, new))
        for role in sorted(before - after):
            client.detach_role_policy(RoleName=role, PolicyArn=made.id)
        for role in sorted(after - before):
            client.attach_role_policy(RoleName=role, PolicyArn=made.id)
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Detaches and deletes it."""
        client = calls("iam")
        for role in properties.get("Roles", []):
            client.detach_role_policy(RoleName=role, PolicyArn=made.id)
        for each in client.list_policy_versions(PolicyArn=made.id)["Versions"]:
            if not each["IsDefaultVersion"]:
                client.delete_policy_version(PolicyArn=made.id, VersionId=each["VersionId"])
        client.delete_policy(PolicyArn=made.id)


TYPES: dict[str, Provider] = {
    "AWS::IAM::Role": Role(),
    "AWS::IAM::Policy": Policy(),
    "AWS::IAM::ManagedPolicy": ManagedPolicy(),
}
