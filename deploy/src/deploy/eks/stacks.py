"""The stack of a deployment: what it is, how it is brought up to date, and how it is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deploy.console import say
from deploy.eks import changes
from deploy.eks import template as templates
from deploy.eks.account import CONFIG, told_in_one_line
from deploy.eks.deployment import ROOT, TAG, Stack
from deploy.eks.history import CHANGE_SECONDS, History, at_rest
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef

    from deploy.eks.account import Account
    from deploy.eks.changes import ChangeSet
    from deploy.eks.deployment import Deployment

TEMPLATE = ROOT / "deploy/stack.yaml"
DESTROY = "./noxw -s destroy_eks"
EMPTY = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"})  # it never had anything that stayed
HALF = frozenset({"CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_FAILED", "UPDATE_FAILED"})


def template() -> str:
    """The template, as it is sent."""
    return TEMPLATE.read_text(encoding="utf-8")


def find(account: Account, name: str) -> Stack | None:
    """The stack of this name; None when there is none."""
    found = _describe(_client(account), name)
    return None if found is None else _read(found)


def prepare(
    account: Account, deployment: Deployment, parameters: Mapping[str, str | None]
) -> ChangeSet | None:
    """What would bring the stack up to date, for `execute` or `discard`.

    What an earlier run began is waited for, and a stack that never had anything is deleted first.

    Args:
        account: to work in.
        deployment: whose stack it is.
        parameters: those to set; others stay as they are, and so do those that are None.

    Returns:
        None when there is nothing to change; then nothing was sent that could change something.

    Raises:
        DeployError: the stack is in a state that this cannot mend, or CloudFormation refuses.
    """
    client = _client(account)
    given = {name: value for name, value in parameters.items() if value is not None}
    before = _settle(client, deployment.name)
    if before and _is_same(client, before, given, deployment.name):
        return None
    settings = _settings(_parameters(before) if before else {}, given)
    return changes.create(client, deployment.name, template(), settings, is_first=before is None)


def execute(account: Account, change_set: ChangeSet, seconds: float = CHANGE_SECONDS) -> None:
    """Does what the change set says, and waits until it is done.

    Args:
        account: to work in.
        change_set: as it was made.
        seconds: after which it is no more waited for; it goes on all the same.

    Raises:
        DeployError: a resource failed, for its own reason, and the stack is as before.
    """
    client = _client(account)
    history = History(client, change_set.stack, f"stack {change_set.name}")
    with told_in_one_line("ExecuteChangeSet"):
        client.execute_change_set(
            ChangeSetName=change_set.id, ClientRequestToken=change_set.id.split("/")[-1]
        )
    status = history.follow(seconds)
    if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise DeployError(f"{history.fault()}; {_remedy(status)}")


def discard(account: Account, change_set: ChangeSet) -> None:
    """Takes the change set away, and the empty stack that was made for it."""
    changes.delete(_client(account), change_set)


def delete(account: Account, name: str, keep: Sequence[str] = ()) -> None:
    """Deletes the stack and what belongs to it, and waits until that is done.

    Args:
        account: to work in.
        name: of the stack; that there is none is as good.
        keep: logical ids of what stays, which CloudFormation heeds once a deletion has failed.

    Raises:
        DeployError: a resource cannot be deleted, for its own reason.
    """
    client = _client(account)
    found = _describe(client, name)
    if found and not at_rest(found["StackStatus"]) and "DELETE" not in found["StackStatus"]:
        found = _wait(client, found)
    if found is None:
        return
    goes_on = found["StackStatus"] == "DELETE_IN_PROGRESS"
    history = History(client, found["StackId"], f"deletion of stack {name}", is_begun=goes_on)
    if not goes_on:
        retained = list(keep) if found["StackStatus"] == "DELETE_FAILED" else []
        with told_in_one_line("DeleteStack"):
            client.delete_stack(StackName=found["StackId"], RetainResources=retained)
    if history.follow() != "DELETE_COMPLETE":
        raise DeployError(f"{history.fault()}; mend that, then {DESTROY} again")


def _client(account: Account) -> CloudFormationClient:
    client: CloudFormationClient = account.session.client("cloudformation", config=CONFIG)
    return client


def _describe(client: CloudFormationClient, name: str) -> StackTypeDef | None:
    with told_in_one_line("DescribeStacks"):
        try:
            [found] = client.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in error.response.get("Error", {}).get("Message", ""):
                return None
            raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def _read(found: StackTypeDef) -> Stack:
    parameters = _parameters(found)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    return Stack(found["StackName"], found["StackStatus"], parameters | outputs)


def _parameters(found: StackTypeDef) -> dict[str, str]:
    return {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}


def _settle(client: CloudFormationClient, name: str) -> StackTypeDef | None:
    """The stack at rest and in a state to go on from; None when it is to be made."""
    found = _describe(client, name)
    if found and not at_rest(found["StackStatus"]):
        found = _wait(client, found)
    if found and found["StackStatus"] == "UPDATE_ROLLBACK_FAILED":
        say(f"  stack {name}: an update was not undone to its end, which is tried again")
        history = History(client, found["StackId"], f"stack {name}")
        with told_in_one_line("ContinueUpdateRollback"):
            client.continue_update_rollback(StackName=found["StackId"])
        if history.follow() != "UPDATE_ROLLBACK_COMPLETE":
            raise DeployError(f"{history.fault()}; {_remedy('UPDATE_ROLLBACK_FAILED')}")
        found = _describe(client, name)
    if found and found["StackStatus"] in EMPTY:
        say(f"  stack {name}: it is {found['StackStatus']} and has nothing, so it is made anew")
        history = History(client, found["StackId"], f"deletion of stack {name}")
        with told_in_one_line("DeleteStack"):
            client.delete_stack(StackName=found["StackId"])
        if history.follow() != "DELETE_COMPLETE":
            raise DeployError(f"{history.fault()}; {_remedy('DELETE_FAILED')}")
        return None
    if found and found["StackStatus"] in HALF:
        status = found["StackStatus"]
        raise DeployError(f"stack {name} is {status}; {_remedy(status)}")
    return found


def _wait(client: CloudFormationClient, found: StackTypeDef) -> StackTypeDef | None:
    """The stack, once what goes on has ended, however it ends."""
    name = found["StackName"]
    say(f"  stack {name}: it is {found['StackStatus']} since an earlier run, which is waited for")
    History(client, found["StackId"], f"stack {name}", is_begun=True).follow()
    return _describe(client, name)


def _is_same(
    client: CloudFormationClient, before: StackTypeDef, given: Mapping[str, str], name: str
) -> bool:
    """Whether a change set would have nothing in it."""
    had = _parameters(before)
    tags = {each["Key"]: each["Value"] for each in before.get("Tags", [])}
    if tags.get(TAG) != name or any(had.get(key) != value for key, value in given.items()):
        return False
    with told_in_one_line("GetTemplate"):
        # Text, as the template is YAML; of one in JSON, the types are right, and it is another one.
        body = str(client.get_template(StackName=before["StackId"])["TemplateBody"])
    return body.split() == template().split()


def _settings(had: Mapping[str, str], given: Mapping[str, str]) -> list[ParameterTypeDef]:
    """What is sent: what is given, what is kept; the others have the template's defaults."""
    settings: list[ParameterTypeDef] = []
    for name in templates.read(template()).get("Parameters", {}):
        if name in given:
            settings.append({"ParameterKey": name, "ParameterValue": given[name]})
        elif name in had:
            settings.append({"ParameterKey": name, "UsePreviousValue": True})
    return settings


def _remedy(status: str) -> str:
    if status in HALF:
        return f"it cannot go on from there: {DESTROY} deletes it, --keep-data all but the data"
    if status == "UPDATE_ROLLBACK_FAILED":
        return "mend what failed, in the console if need be; then the same command tries again"
    return "nothing was changed" if status.startswith("UPDATE") else "what was made is deleted"
