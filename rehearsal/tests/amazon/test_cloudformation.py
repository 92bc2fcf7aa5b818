from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from rehearsal.faults import Fault

if TYPE_CHECKING:
    from accounts import Account

LOGS = """
Parameters:
  Days: {Type: Number, Default: 7, AllowedValues: [7, 14]}
  More: {Type: String, Default: "no"}
Conditions:
  HasSecond: !Equals [!Ref More, "yes"]
Resources:
  First:
    Type: AWS::Logs::LogGroup
    Properties: {RetentionInDays: !Ref Days}
  Second:
    Type: AWS::Logs::LogGroup
    Condition: HasSecond
    Properties: {LogGroupName: !Sub "${First}-second"}
Outputs:
  First: {Value: !GetAtt First.Arn}
  Second: {Condition: HasSecond, Value: !Ref Second}
"""
KEPT = """
Resources:
  Kept: {Type: AWS::Logs::LogGroup, DeletionPolicy: Retain}
  Gone: {Type: AWS::Logs::LogGroup}
"""


def test_resources_come_after_what_they_need(account: Account, stack: str) -> None:
    made = account.bring(stack, LOGS, {"More": "yes"}, "CREATE")
    assert made["StackStatus"] == "CREATE_COMPLETE"
    outputs = {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}
    assert outputs["First"] == f"arn:aws:logs:us-west-2:123456789012:log-group:{first(outputs)}:*"
    assert outputs["Second"] == f"{first(outputs)}-second"
    assert [each[:2] for each in account.events(stack)] == [
        (name, f"CREATE_{state}")
        for name in ("First", "Second")
        for state in ("IN_PROGRESS", "COMPLETE")
    ]


def first(outputs: dict[str, str]) -> str:
    return outputs["First"].split(":")[6]


def test_the_same_again_is_no_change(account: Account, stack: str) -> None:
    account.bring(stack, LOGS, {"Days": "14"}, "CREATE")
    planned = account.plan(stack, LOGS, {"Days": None})
    assert (planned["Status"], planned["Changes"]) == ("FAILED", [])
    assert "didn't contain changes" in planned["StatusReason"]


def test_what_changes_is_told_before_it_does(account: Account, stack: str) -> None:
    account.bring(stack, LOGS, {}, "CREATE")
    planned = account.plan(stack, LOGS, {"Days": "14", "More": "yes"})
    changes = [each["ResourceChange"] for each in planned["Changes"]]
    assert [(e["Action"], e["LogicalResourceId"], e.get("Replacement")) for e in changes] == [
        ("Modify", "First", "False"),
        ("Add", "Second", None),
    ]
    assert changes[0]["Details"][0]["Target"]["Name"] == "RetentionInDays"
    renamed = LOGS.replace("{RetentionInDays: !Ref Days}", "{LogGroupName: another}")
    (change, *_) = account.plan(stack, renamed)["Changes"]
    assert change["ResourceChange"]["Replacement"] == "True"


def test_an_update_changes_in_place_and_replaces_what_it_must(account: Account, stack: str) -> None:
    account.bring(stack, LOGS, {}, "CREATE")
    (before,) = groups(account, stack)
    updated = account.bring(stack, LOGS, {"Days": "14"})
    assert updated["StackStatus"] == "UPDATE_COMPLETE"
    assert groups(account, stack) == [{**before, "retentionInDays": 14}]
    renamed = LOGS.replace("{RetentionInDays: !Ref Days}", f"{{LogGroupName: {stack}-b}}")
    assert account.bring(stack, renamed)["StackStatus"] == "UPDATE_COMPLETE"
    assert [each["logGroupName"] for each in groups(account, stack)] == [f"{stack}-b"]


def groups(account: Account, stack: str) -> list[dict[str, object]]:
    return list(account("logs").describe_log_groups(logGroupNamePrefix=stack)["logGroups"])


def test_a_failed_creation_leaves_nothing_but_its_reason(account: Account, stack: str) -> None:
    account.amazon.faults.order(Fault("create:Second", "no room", times=1))
    made = account.bring(stack, LOGS, {"More": "yes"}, "CREATE")
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert ("Second", "CREATE_FAILED", "no room") in account.events(stack)
    assert ("First", "DELETE_COMPLETE", "") in account.events(stack)
    assert groups(account, stack) == []
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        account.plan(stack, LOGS)


def test_a_failed_update_is_undone(account: Account, stack: str) -> None:
    account.bring(stack, LOGS, {}, "CREATE")
    before = groups(account, stack)
    account.amazon.faults.order(Fault("create:Second", "no room"))
    after = account.bring(stack, LOGS, {"Days": "14", "More": "yes"})
    assert after["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert groups(account, stack) == before
    assert {"ParameterKey": "Days", "ParameterValue": "7"} in after["Parameters"]
    account.amazon.faults.order()
    again = account.bring(stack, LOGS, {"Days": "14", "More": "yes"})
    assert again["StackStatus"] == "UPDATE_COMPLETE"


def test_what_a_service_refuses_is_the_reason(account: Account, stack: str) -> None:
    account.amazon.faults.order(
        Fault("logs:PutRetentionPolicy", "not you", "AccessDeniedException")
    )
    made = account.bring(stack, LOGS, {}, "CREATE")
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    failed = [each for each in account.events(stack) if each[1] == "CREATE_FAILED"]
    assert [(e[0], e[2].startswith("not you")) for e in failed] == [("First", True)]
    assert groups(account, stack) == []


def test_an_update_that_cannot_be_undone_can_be_later(account: Account, stack: str) -> None:
    account.bring(stack, LOGS, {}, "CREATE")
    account.amazon.faults.order(
        Fault("create:Second", "no room"), Fault("logs:PutRetentionPolicy", "nor that")
    )
    wanted = LOGS.replace("Days}\n  Second:", "Days}\n    DependsOn: Zeroth\n  Second:")
    wanted = wanted.replace(
        "  Second:\n    Type", "  Zeroth: {Type: AWS::Logs::LogGroup}\n  Second:\n    Type"
    )
    account.amazon.faults.order(Fault("create:Second", "no room"))
    planned = account.plan(stack, wanted, {"Days": "14", "More": "yes"})
    account.amazon.faults.order(
        Fault("create:Second", "no room"), Fault("delete:Zeroth", "nor that", times=1)
    )
    account("cloudformation").execute_change_set(ChangeSetName=planned["ChangeSetId"])
    assert account.settled(stack)["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    account("cloudformation").continue_update_rollback(StackName=stack)
    assert account.settled(stack)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_deletion_that_fails_can_be_tried_again(account: Account, stack: str) -> None:
    account.bring(stack, LOGS, {"More": "yes"}, "CREATE")
    account.amazon.faults.order(Fault("delete:First", "in use", times=1))
    failed = account.delete(stack)
    assert failed["StackStatus"] == "DELETE_FAILED"
    assert failed["StackStatusReason"].startswith("The following resource(s) failed to delete")
    assert [each["logGroupName"] for each in groups(account, stack)] == [
        first({e["OutputKey"]: e["OutputValue"] for e in failed["Outputs"]})
    ]
    assert account.delete(stack)["StackStatus"] == "DELETE_COMPLETE"
    assert groups(account, stack) == []
    account("cloudformation").delete_stack(StackName=stack)
    with pytest.raises(ClientError, match="does not exist"):
        account("cloudformation").describe_stacks(StackName=stack)


def test_what_is_to_stay_stays(account: Account, stack: str) -> None:
    account.bring(stack, KEPT, {}, "CREATE")
    with pytest.raises(ClientError, match="DELETE_FAILED"):
        account("cloudformation").delete_stack(StackName=stack, RetainResources=["Gone"])
    account.amazon.faults.order(Fault("delete:Gone", "in use"))
    assert account.delete(stack)["StackStatus"] == "DELETE_FAILED"
    assert account.delete(stack, RetainResources=["Gone"])["StackStatus"] == "DELETE_COMPLETE"
    assert len(groups(account, stack)) == 2


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"Days": "8"}, "AllowedValues"),
        ({"Nights": "8"}, "do not exist in the template"),
    ],
)
def test_wrong_parameters_are_refused(
    account: Account, stack: str, parameters: dict[str, str | None], told: str
) -> None:
    with pytest.raises(ClientError, match=told):
        account.plan(stack, LOGS, parameters, "CREATE")


def test_unknown_types_and_circles_are_refused(account: Account, stack: str) -> None:
    unknown = LOGS.replace("AWS::Logs::LogGroup", "AWS::Logs::LogBook")
    with pytest.raises(ClientError, match="Unrecognized resource types"):
        account.plan(stack, unknown, {}, "CREATE")
    circle = LOGS.replace("First:\n    Type", "First:\n    DependsOn: Second\n    Type")
    with pytest.raises(ClientError, match="Circular dependency"):
        account.plan(stack, circle, {"More": "yes"}, "CREATE")
