"""How CloudFormation's API describes stacks and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.amazon.changes import Change
    from rehearsal.amazon.stacks import Event, Resource, Stack
    from rehearsal.amazon.targets import Target


def stack(found: Stack) -> dict[str, Any]:
    """A found."""
    target = found.target
    return {
        "StackId": found.id,
        "StackName": found.name,
        "Description": target.template.get("Description") if target else None,
        "Parameters": parameters(target) if target else [],
        "CreationTime": found.created,
        "LastUpdatedTime": found.updated,
        "DeletionTime": found.deleted,
        "StackStatus": found.status,
        "StackStatusReason": found.reason or None,
        "DisableRollback": False,
        "Outputs": found.outputs,
        "Tags": tags(target) if target else [],
    }


def parameters(target: Target) -> list[dict[str, str]]:
    """The parameters of a stack or a change set."""
    return [
        {"ParameterKey": name, "ParameterValue": value} for name, value in target.parameters.items()
    ]


def tags(target: Target) -> list[dict[str, str]]:
    """Their tags."""
    return [{"Key": key, "Value": value} for key, value in target.tags.items()]


def resource(stack: Stack, found: Resource) -> dict[str, Any]:
    """A resource of a stack."""
    return {
        "StackName": stack.name,
        "StackId": stack.id,
        "LogicalResourceId": found.logical,
        "PhysicalResourceId": found.made.id,
        "ResourceType": found.type,
        "Timestamp": found.changed,
        "LastUpdatedTimestamp": found.changed,
        "ResourceStatus": found.status,
        "ResourceStatusReason": found.reason or None,
    }


def event(stack: Stack, found: Event) -> dict[str, Any]:
    """What happened to one."""
    return {
        "StackId": stack.id,
        "EventId": found.id,
        "StackName": stack.name,
        "LogicalResourceId": found.logical,
        "PhysicalResourceId": found.physical,
        "ResourceType": found.type,
        "Timestamp": found.time,
        "ResourceStatus": found.status,
        "ResourceStatusReason": found.reason or None,
    }


def change(found: Change) -> dict[str, Any]:
    """What would be done to one."""
    told: dict[str, Any] = {
        "Action": found.action,
        "LogicalResourceId": found.logical,
        "PhysicalResourceId": found.physical or None,
        "ResourceType": found.type,
    }
    if found.action == "Modify":
        recreation = {"True": "Always", "False": "Never"}.get(found.replacement, "Conditionally")
        told["Replacement"] = found.replacement
        told["Scope"] = ["Properties"]
        told["Details"] = [
            {
                "Target": {
                    "Attribute": "Properties",
                    "Name": name,
                    "RequiresRecreation": recreation,
                },
                "Evaluation": "Static",
                "ChangeSource": "DirectModification",
            }
            for name in found.properties
        ]
    return {"Type": "Resource", "ResourceChange": told}
