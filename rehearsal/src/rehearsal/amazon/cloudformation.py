"""CloudFormation's API, as far as a deployment uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from moto.core.responses import ActionResult, BaseResponse, EmptyResult

from rehearsal.amazon import descriptions
from rehearsal.amazon.changes import find_changes
from rehearsal.amazon.engine import is_unchanged
from rehearsal.amazon.faulty import InvalidError
from rehearsal.amazon.stacks import DELETED, REVIEW, ChangeSet, now
from rehearsal.amazon.targets import aim
from rehearsal.amazon.templates import Later

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rehearsal.amazon.engine import Engine
    from rehearsal.amazon.stacks import Stack
    from rehearsal.amazon.targets import Target

NO_WAY_ON = {
    *("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"),
}
UNCHANGED = (
    "The submitted information didn't contain changes. "
    "Submit different information to create a change set."
)


class CloudFormation(BaseResponse):
    """The actions; moto makes one of these for each call."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def create_change_set(self) -> ActionResult:
        """Compares a template and its parameters with a stack."""
        stacks, kind = self.engine.stacks, self._get_param("ChangeSetType", "UPDATE")
        name = self._get_param("StackName")
        stack = stacks.find(name)
        if kind == "CREATE":
            if stack is not None and stack.status != REVIEW:
                raise InvalidError(f"Stack [{name}] already exists and cannot be created again")
            target = self._target(None, name)
            stack = stack or stacks.add(name)
            target = self._target(stack, name)
            if not stack.events:
                stack.tell(REVIEW, "User Initiated")
        else:
            stack = stacks.get(name)
            _refuse_in(stack, "can not be updated")
            target = self._target(stack, name)
        changes = find_changes(stack, target)
        number = stacks.arn(f"changeSet/{self._get_param('ChangeSetName')}")
        made = ChangeSet(
            number, self._get_param("ChangeSetName"), kind, stack, target, changes, now()
        )
        if is_unchanged(stack, target):
            made.status, made.execution, made.reason = "FAILED", "UNAVAILABLE", UNCHANGED
        stacks.change_sets[number] = made
        return ActionResult({"Id": number, "StackId": stack.id})

    def describe_change_set(self) -> ActionResult:
        """Tells what a change set would change."""
        made = self._change_set()
        return ActionResult(
            {
                "ChangeSetName": made.name,
                "ChangeSetId": made.id,
                "StackId": made.stack.id,
                "StackName": made.stack.name,
                "Parameters": descriptions.parameters(made.target),
                "CreationTime": made.created,
                "ExecutionStatus": made.execution,
                "Status": made.status,
                "StatusReason": made.reason or None,
                "Tags": descriptions.tags(made.target),
                "Changes": [descriptions.change(each) for each in made.changes],
            }
        )

    def list_change_sets(self) -> ActionResult:
        """Tells a stack's change sets."""
        stack = self.engine.stacks.get(self._get_param("StackName"))
        own = [each for each in self.engine.stacks.change_sets.values() if each.stack is stack]
        told = [
            {
                "ChangeSetName": each.name,
                "ChangeSetId": each.id,
                "StackId": stack.id,
                "StackName": stack.name,
                "ExecutionStatus": each.execution,
                "Status": each.status,
                "StatusReason": each.reason or None,
                "CreationTime": each.created,
            }
            for each in own
        ]
        return ActionResult({"Summaries": told})

    def execute_change_set(self) -> ActionResult:
        """Begins to change a stack."""
        made = self._change_set()
        if made.execution != "AVAILABLE":
            raise InvalidError(
                f"ChangeSet [{made.id}] cannot be executed in its current status of [{made.status}]"
            )
        if made.stack.status != REVIEW:
            _refuse_in(made.stack, "can not be updated")
        made.execution = "EXECUTE_COMPLETE"
        self.engine.bring(made.stack, made.target, self.access_key)
        others = self.engine.stacks.change_sets
        for each in [each for each in others.values() if each.stack is made.stack]:
            del others[each.id]
        return EmptyResult()

    def continue_update_rollback(self) -> ActionResult:
        """Tries again to bring a stack back to what it was."""
        stack = self.engine.stacks.get(self._get_param("StackName"))
        if stack.status != "UPDATE_ROLLBACK_FAILED" or stack.target is None:
            raise InvalidError(f"Stack:{stack.id} is in {stack.status} state")
        self.engine.bring_back(stack, self.access_key)
        return EmptyResult()

    def delete_change_set(self) -> ActionResult:
        """Forgets a change set."""
        del self.engine.stacks.change_sets[self._change_set().id]
        return EmptyResult()

    def describe_stacks(self) -> ActionResult:
        """Tells of one stack, or of all that are not deleted."""
        name = self._get_param("StackName")
        stacks = self.engine.stacks
        found = [stacks.get(name)] if name else _there(stacks.all.values())
        return ActionResult({"Stacks": [descriptions.stack(each) for each in found]})

    def list_stacks(self) -> ActionResult:
        """Tells of all stacks, or of those in given states."""
        wanted = self._get_param("StackStatusFilter", [])
        every = self.engine.stacks.all.values()
        found = [each for each in every if not wanted or each.status in wanted]
        return ActionResult({"StackSummaries": [descriptions.stack(each) for each in found]})

    def describe_stack_events(self) -> ActionResult:
        """Tells what happened, the newest first."""
        stack = self.engine.stacks.get(self._get_param("StackName"))
        return ActionResult(
            {"StackEvents": [descriptions.event(stack, each) for each in stack.events[::-1]]}
        )

    def describe_stack_resource(self) -> ActionResult:
        """Tells of one resource."""
        stack = self.engine.stacks.get(self._get_param("StackName"))
        name = self._get_param("LogicalResourceId")
        if name not in stack.resources:
            raise InvalidError(f"Resource {name} does not exist for stack {stack.name}")
        return ActionResult(
            {"StackResourceDetail": descriptions.resource(stack, stack.resources[name])}
        )

    def describe_stack_resources(self) -> ActionResult:
        """Tells of all resources."""
        stack = self.engine.stacks.get(self._get_param("StackName"))
        told = [descriptions.resource(stack, each) for each in stack.resources.values()]
        return ActionResult({"StackResources": told})

    def list_stack_resources(self) -> ActionResult:
        """Tells of all resources, in short."""
        stack = self.engine.stacks.get(self._get_param("StackName"))
        told = [descriptions.resource(stack, each) for each in stack.resources.values()]
        return ActionResult({"StackResourceSummaries": told})

    def get_template(self) -> ActionResult:
        """Gives a stack's template as it was sent."""
        stack = self.engine.stacks.get(self._get_param("StackName"))
        return ActionResult({"TemplateBody": stack.target.body if stack.target else ""})

    def delete_stack(self) -> ActionResult:
        """Begins to delete a stack; one that is not there is deleted."""
        stack = self.engine.stacks.find(self._get_param("StackName"))
        if stack is not None and stack.status not in {DELETED, "DELETE_IN_PROGRESS"}:
            self.engine.delete(stack, self.access_key, self._get_param("RetainResources", []))
        return EmptyResult()

    def _change_set(self) -> ChangeSet:
        name, stack = self._get_param("ChangeSetName"), self._get_param("StackName")
        return self.engine.stacks.get_change_set(name, stack)

    def _target(self, stack: Stack | None, name: str) -> Target:
        before = stack.target if stack else None
        body = self._get_param("TemplateBody")
        if self._get_param("UsePreviousTemplate") and before:
            body = before.body
        given = {}
        for each in self._get_param("Parameters", []):
            key = each["ParameterKey"]
            if each.get("UsePreviousValue"):
                if before is None or key not in before.parameters:
                    raise InvalidError(
                        f"Invalid input for parameter key {key}. Cannot specify usePreviousValue "
                        "as true for a parameter key not in the previous template"
                    )
                given[key] = before.parameters[key]
            else:
                given[key] = each["ParameterValue"]
        tags = {each["Key"]: each["Value"] for each in self._get_param("Tags", [])}
        pseudo = {
            "AWS::AccountId": self.engine.stacks.account,
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": stack.id if stack else Later("AWS::StackId"),
            "AWS::StackName": name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        return aim(body, given, tags or (before.tags if before else {}), pseudo)


def _there(stacks: Iterable[Stack]) -> list[Stack]:
    return [each for each in stacks if each.status != DELETED]


def _refuse_in(stack: Stack, what: str) -> None:
    """Refuses while a stack changes, and after what it cannot go on from."""
    busy = stack.status.endswith("_IN_PROGRESS")
    if busy or stack.status in NO_WAY_ON:
        raise InvalidError(f"Stack:{stack.id} is in {stack.status} state and {what}.")
