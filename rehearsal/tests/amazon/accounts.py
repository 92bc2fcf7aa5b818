"""An account of Amazon's, as the rehearsal has it, and stacks in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from rehearsal.recording import read_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.recording import Call
    from rehearsal.server import Amazon

ROOT = Path(__file__).resolve().parents[3]
REGION = "us-west-2"
TAG = "ml-pipeline:deployment"
PAUSE = 0.02  # seconds from one look at a stack to the next
MOST = 60.0


class Account:
    """An account, seen by the role that deploys."""

    def __init__(self, amazon: Amazon) -> None:
        self.amazon = amazon
        told = amazon.environment
        self.session = boto3.Session(
            told["AWS_ACCESS_KEY_ID"],
            told["AWS_SECRET_ACCESS_KEY"],
            told["AWS_SESSION_TOKEN"],
            region_name=REGION,
        )
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:  # noqa: ANN401 -- clients are made at run time
        if service not in self._clients:
            make: Any = self.session.client
            self._clients[service] = make(service, endpoint_url=self.amazon.url)
        return self._clients[service]

    def plan(
        self,
        name: str,
        template: str,
        parameters: Mapping[str, str | None] | None = None,
        kind: str = "UPDATE",
    ) -> dict[str, Any]:
        """A change set as it is described; a parameter that is None stays."""
        given = [
            {"ParameterKey": key, "UsePreviousValue": True}
            if value is None
            else {"ParameterKey": key, "ParameterValue": value}
            for key, value in (parameters or {}).items()
        ]
        made = self("cloudformation").create_change_set(
            StackName=name,
            ChangeSetName="change",
            ChangeSetType=kind,
            TemplateBody=template,
            Parameters=given,
            Tags=[{"Key": TAG, "Value": name}],
        )
        return dict(self("cloudformation").describe_change_set(ChangeSetName=made["Id"]))

    def bring(
        self,
        name: str,
        template: str,
        parameters: Mapping[str, str | None] | None = None,
        kind: str = "UPDATE",
    ) -> dict[str, Any]:
        """A stack, once it is changed or is back where it was."""
        planned = self.plan(name, template, parameters, kind)
        assert planned["ExecutionStatus"] == "AVAILABLE", planned
        self("cloudformation").execute_change_set(ChangeSetName=planned["ChangeSetId"])
        return self.settled(planned["StackId"])

    def delete(self, name: str, **retain: list[str]) -> dict[str, Any]:
        (stack,) = self("cloudformation").describe_stacks(StackName=name)["Stacks"]
        self("cloudformation").delete_stack(StackName=name, **retain)
        return self.settled(stack["StackId"])

    def settled(self, name: str) -> dict[str, Any]:
        """A stack, once it is at rest."""
        until = time.monotonic() + MOST
        while True:
            (stack,) = self("cloudformation").describe_stacks(StackName=name)["Stacks"]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return dict(stack)
            assert time.monotonic() < until, stack
            time.sleep(PAUSE)

    def events(self, name: str) -> list[tuple[str, str, str]]:
        """What happened to resources, the oldest first: who, what, why."""
        told = self("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
        return [
            (e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason", ""))
            for e in reversed(told)
            if e["ResourceType"] != "AWS::CloudFormation::Stack"
        ]

    def tagged(self, name: str) -> set[str]:
        """The ARNs of what has the tag of a deployment."""
        asked = [{"Key": TAG, "Values": [name]}]
        pages = self("resourcegroupstaggingapi").get_paginator("get_resources")
        found = pages.paginate(TagFilters=asked)
        return {each["ResourceARN"] for page in found for each in page["ResourceTagMappingList"]}

    def calls(self) -> list[Call]:
        return read_calls(self.amazon.calls)
