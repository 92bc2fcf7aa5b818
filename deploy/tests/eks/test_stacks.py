from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fake_amazon
import pytest
from botocore.exceptions import EndpointConnectionError
from moto.cloudformation.models import CloudFormationBackend, Event, cloudformation_backends

from deploy.eks import changes, stacks
from deploy.eks.deployment import Deployment
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_amazon import Amazon

    from deploy.eks.deployment import Stack

TEMPLATE = """
Parameters:
  Name: {Type: String}
  Size: {Type: String, Default: small}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: !Ref Name, DisplayName: !Ref Size}
"""


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    with fake_amazon.answering(monkeypatch) as found:
        yield found


@pytest.fixture
def deployment() -> Deployment:
    return Deployment("trial", fake_amazon.REGION)


@pytest.fixture(autouse=True)
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "stack.yaml"
    path.write_text(TEMPLATE)
    monkeypatch.setattr(stacks, "TEMPLATE", path)
    return path


def update(amazon: Amazon, deployment: Deployment, **parameters: str | None) -> str | None:
    """Does what `deploy` does, and tells what was changed."""
    change_set = stacks.prepare(amazon.account, deployment, parameters)
    if change_set is None:
        return None
    stacks.execute(amazon.account, change_set)
    return changes.summary(change_set.changes)


def found(amazon: Amazon) -> Stack:
    stack = stacks.find(amazon.account, "trial")
    assert stack
    return stack


def inner(status: str | None = None) -> Any:  # noqa: ANN401 - moto's own
    """The stack within moto, in this state."""
    [stack] = cloudformation_backends["123456789012"]["us-west-2"].stacks.values()
    stack.status = status or stack.status
    return stack


def happen(stack: Any, name: str, status: str, reason: str = "") -> None:  # noqa: ANN401
    """Something that is told of a resource of the stack, or of itself."""
    own = stack.stack_id if name == stack.name else name
    kind = "AWS::CloudFormation::Stack" if name == stack.name else "AWS::SNS::Topic"
    stack.events.append(
        Event(stack.stack_id, stack.name, name, own, kind, status, reason or None, None)
    )


def test_a_stack_that_is_not_there_is_made(amazon: Amazon, deployment: Deployment) -> None:
    assert stacks.find(amazon.account, "trial") is None
    assert update(amazon, deployment, Name="one") == "1 added"
    stack = found(amazon)
    assert stack.status == "CREATE_COMPLETE"
    assert stack.values["Size"] == "small"
    assert stack.values["Name"] == "one"


def test_a_second_time_nothing_is_sent_that_changes(amazon: Amazon, deployment: Deployment) -> None:
    update(amazon, deployment, Name="one")
    amazon.sent.clear()
    assert update(amazon, deployment, Name="one") is None
    assert update(amazon, deployment, Name=None) is None
    assert update(amazon, deployment) is None
    assert amazon.changes == []


def test_a_stack_without_its_tag_is_not_up_to_date(amazon: Amazon, deployment: Deployment) -> None:
    update(amazon, deployment, Name="one")
    inner().tags = {}
    amazon.sent.clear()
    update(amazon, deployment)
    assert "CreateChangeSet" in amazon.calls


def test_settings_that_are_not_given_stay(
    amazon: Amazon, deployment: Deployment, template: Path
) -> None:
    update(amazon, deployment, Name="one", Size="large")
    template.write_text(TEMPLATE + "  Second: {Type: AWS::SNS::Topic}\n")
    assert update(amazon, deployment) == "1 added"
    assert found(amazon).values["Size"] == "large"
    assert found(amazon).values["Name"] == "one"


def test_a_new_setting_has_its_default(
    amazon: Amazon, deployment: Deployment, template: Path
) -> None:
    update(amazon, deployment, Name="one")
    template.write_text(
        TEMPLATE.replace("Resources", "  New: {Type: String, Default: x}\nResources")
    )
    update(amazon, deployment)
    assert found(amazon).values["New"] == "x"


def test_a_setting_alone_is_changed(amazon: Amazon, deployment: Deployment) -> None:
    update(amazon, deployment, Name="one")
    assert update(amazon, deployment, Size="large") is not None
    assert found(amazon).values["Size"] == "large"


def test_that_there_is_nothing_to_change_may_also_be_told_by_amazon(
    amazon: Amazon, deployment: Deployment, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update(amazon, deployment, Name="one", Size="large")
    template.write_text(TEMPLATE + "# nothing else\n")
    assert update(amazon, deployment) is None
    assert amazon.calls[-1] == "DeleteChangeSet"
    monkeypatch.setattr(stacks, "_is_same", lambda *_: False)
    template.write_text(TEMPLATE)
    assert update(amazon, deployment) is None  # here, CreateChangeSet itself is refused


def test_a_change_that_cannot_be_made_leaves_nothing(
    amazon: Amazon, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = CloudFormationBackend.create_change_set

    def refuse(self: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - moto's own
        made = create(self, *arguments, **named)
        change_set = self.change_sets[made[0]]
        change_set.status, change_set.status_reason = "FAILED", "Topics are not for you"
        return made

    monkeypatch.setattr(CloudFormationBackend, "create_change_set", refuse)
    with pytest.raises(DeployError, match="cannot plan this change: Topics are not for you"):
        update(amazon, deployment, Name="one")
    assert stacks.find(amazon.account, "trial") is None


def test_what_is_not_confirmed_leaves_nothing(amazon: Amazon, deployment: Deployment) -> None:
    change_set = stacks.prepare(amazon.account, deployment, {"Name": "one"})
    assert change_set
    assert change_set.is_first
    stacks.discard(amazon.account, change_set)
    assert stacks.find(amazon.account, "trial") is None


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_a_stack_that_never_had_anything_is_made_anew(
    amazon: Amazon, deployment: Deployment, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stacks.prepare(amazon.account, deployment, {"Name": "one"})
    inner(status)
    assert update(amazon, deployment, Name="two") == "1 added"
    assert found(amazon).status == "CREATE_COMPLETE"
    assert "made anew" in capsys.readouterr().err


def test_what_an_earlier_run_began_is_waited_for(
    amazon: Amazon, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    update(amazon, deployment, Name="one")
    stack = inner("UPDATE_IN_PROGRESS")
    happen(stack, "trial", "UPDATE_IN_PROGRESS")
    amazon.asleep = lambda: setattr(stack, "status", "UPDATE_COMPLETE")
    assert update(amazon, deployment, Name="one") is None
    assert "UPDATE_IN_PROGRESS since an earlier run" in capsys.readouterr().err


def test_an_update_that_was_not_undone_is_undone_first(
    amazon: Amazon, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    update(amazon, deployment, Name="one")
    stack = inner("UPDATE_ROLLBACK_FAILED")

    def undo(**_: str) -> None:
        happen(stack, "trial", "UPDATE_ROLLBACK_IN_PROGRESS")
        inner("UPDATE_ROLLBACK_COMPLETE")

    client = stacks._client(amazon.account)  # noqa: SLF001 - moto lacks this one operation
    monkeypatch.setattr(client, "continue_update_rollback", undo)
    monkeypatch.setattr(stacks, "_client", lambda _: client)
    assert update(amazon, deployment, Name="one") is None
    assert found(amazon).status == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.parametrize("status", sorted(stacks.HALF))
def test_a_stack_that_is_half_there_is_told(
    amazon: Amazon, deployment: Deployment, status: str
) -> None:
    update(amazon, deployment, Name="one")
    inner(status)
    with pytest.raises(DeployError, match=rf"{status}.*destroy_eks deletes it"):
        update(amazon, deployment, Name="two")


def test_a_failed_resource_tells_its_own_reason(
    amazon: Amazon, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        stack = inner()
        happen(stack, "trial", "UPDATE_IN_PROGRESS")
        happen(stack, "Topic", "UPDATE_FAILED", "the quota of topics is used up")
        happen(stack, "Other", "UPDATE_FAILED", "Resource update cancelled")
        happen(stack, "trial", "UPDATE_ROLLBACK_IN_PROGRESS", "[Topic] failed")
        happen(stack, "trial", "UPDATE_ROLLBACK_COMPLETE")
        inner("UPDATE_ROLLBACK_COMPLETE")

    update(amazon, deployment, Name="one")
    happen(inner(), "Topic", "CREATE_FAILED", "long ago")
    monkeypatch.setattr(CloudFormationBackend, "execute_change_set", fail)
    with pytest.raises(DeployError) as caught:
        update(amazon, deployment, Name="one", Size="large")
    assert str(caught.value) == (
        "stack trial is UPDATE_ROLLBACK_COMPLETE: Topic (AWS::SNS::Topic) UPDATE_FAILED: the quota "
        "of topics is used up; nothing was changed"
    )


def test_what_failed_just_before_the_end_is_told_too(
    amazon: Amazon, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe = CloudFormationBackend.describe_stacks

    def end(self: Any, name: str) -> Any:  # noqa: ANN401 - moto's own
        if inner().status == "UPDATE_IN_PROGRESS":
            happen(inner("UPDATE_ROLLBACK_COMPLETE"), "Topic", "UPDATE_FAILED", "it is too late")
        return describe(self, name)

    def begin(*_: object, **__: object) -> None:
        happen(inner("UPDATE_IN_PROGRESS"), "trial", "UPDATE_IN_PROGRESS")

    update(amazon, deployment, Name="one")
    monkeypatch.setattr(CloudFormationBackend, "execute_change_set", begin)
    monkeypatch.setattr(CloudFormationBackend, "describe_stacks", end)
    with pytest.raises(DeployError, match="UPDATE_FAILED: it is too late"):
        update(amazon, deployment, Size="large")


def test_the_end_of_an_earlier_change_is_not_taken_for_this_one_s(
    amazon: Amazon, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = CloudFormationBackend.execute_change_set
    begun: list[tuple[Any, ...]] = []

    def begin(self: object, change_set_name: str, stack_name: str | None = None) -> None:
        begun.append((self, change_set_name, stack_name))

    monkeypatch.setattr(CloudFormationBackend, "execute_change_set", begin)
    change_set = stacks.prepare(amazon.account, deployment, {"Name": "one"})
    assert change_set
    amazon.asleep = lambda: execute(*begun.pop())
    stacks.execute(amazon.account, change_set)
    assert found(amazon).status == "CREATE_COMPLETE"
    assert not begun


def test_a_moment_without_an_answer_is_waited_out(
    amazon: Amazon, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_set = stacks.prepare(amazon.account, deployment, {"Name": "one"})
    assert change_set
    describe = CloudFormationBackend.describe_stack_events
    silences = [EndpointConnectionError(endpoint_url="https://cloudformation")]

    def answer(*arguments: Any) -> Any:  # noqa: ANN401 - moto's own
        if silences and inner().status == "CREATE_COMPLETE":
            raise silences.pop()
        return describe(*arguments)

    monkeypatch.setattr(CloudFormationBackend, "describe_stack_events", answer)
    amazon.asleep = lambda: None
    stacks.execute(amazon.account, change_set)
    assert not silences


def test_it_is_deleted_and_so_it_is_a_second_time(amazon: Amazon, deployment: Deployment) -> None:
    update(amazon, deployment, Name="one")
    stacks.delete(amazon.account, "trial")
    assert stacks.find(amazon.account, "trial") is None
    amazon.sent.clear()
    stacks.delete(amazon.account, "trial")
    assert amazon.changes == []


def test_a_resource_that_cannot_be_deleted_is_named(
    amazon: Amazon, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        stack = inner("DELETE_FAILED")
        happen(stack, "trial", "DELETE_IN_PROGRESS")
        happen(stack, "Topic", "DELETE_FAILED", "it is in use")

    update(amazon, deployment, Name="one")
    monkeypatch.setattr(CloudFormationBackend, "delete_stack", fail)
    with pytest.raises(DeployError, match=r"Topic .* DELETE_FAILED: it is in use; mend that"):
        stacks.delete(amazon.account, "trial")


def test_a_deletion_that_goes_on_is_followed_and_tells_its_own_failures(
    amazon: Amazon, deployment: Deployment
) -> None:
    update(amazon, deployment, Name="one")
    stack = inner("DELETE_IN_PROGRESS")
    happen(stack, "Topic", "UPDATE_FAILED", "long ago")
    happen(stack, "trial", "DELETE_IN_PROGRESS")
    happen(stack, "Topic", "DELETE_FAILED", "it is in use")
    amazon.asleep = lambda: setattr(stack, "status", "DELETE_FAILED")
    with pytest.raises(DeployError) as caught:
        stacks.delete(amazon.account, "trial")
    assert "it is in use" in str(caught.value)
    assert "long ago" not in str(caught.value)
    assert "DeleteStack" not in amazon.calls


def test_only_after_a_failure_can_something_be_kept(amazon: Amazon, deployment: Deployment) -> None:
    for status in ("DELETE_FAILED", "CREATE_COMPLETE"):
        update(amazon, deployment, Name="one")
        inner(status)
        stacks.delete(amazon.account, "trial", ["Topic"])
    sent = [body for name, body in amazon.sent if name == "DeleteStack"]
    assert [body.get("RetainResources.member.1") for body in sent] == ["Topic", None]


def test_changes_are_shown_with_what_matters_first() -> None:
    described = [
        {"ResourceChange": {"Action": "Add", "LogicalResourceId": "Vpc", "ResourceType": "VPC"}},
        change("Topic", "Topic", "False", "DisplayName", "Tags", "Tags"),
        change("Data", "AWS::EFS::FileSystem", "True", "Encrypted"),
        change("Perhaps", "Role", "Conditional"),
        {"ResourceChange": {"Action": "Remove", "LogicalResourceId": "Old", "ResourceType": "X"}},
    ]
    read = changes.read([*described, {"Type": "Hook"}])
    assert changes.lines(read) == [
        "  ! Data     AWS::EFS::FileSystem replaced (Encrypted)",
        "  ! Perhaps  Role perhaps replaced",
        "  - Old      X",
        "  ~ Topic    Topic (DisplayName, Tags)",
        "  + Vpc      VPC",
    ]
    assert changes.summary(read) == "1 added, 1 changed, 2 replaced, 1 removed"
    assert changes.losses(read) == ["Data"]


def change(name: str, kind: str, replacement: str, *properties: str) -> dict[str, Any]:
    return {
        "ResourceChange": {
            "Action": "Modify",
            "LogicalResourceId": name,
            "ResourceType": kind,
            "Replacement": replacement,
            "Details": [{"Target": {"Attribute": "Properties", "Name": p}} for p in properties],
        }
    }
