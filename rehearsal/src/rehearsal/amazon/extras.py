"""Backups, budgets and metrics: their resources, and the actions that moto lacks."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from moto.backup.responses import BackupResponse

from rehearsal.amazon.providers import Fixed, Made, Whole

if TYPE_CHECKING:
    from rehearsal.amazon.providers import Calls, Properties, Provider


@dataclass(slots=True)
class Selections:
    """What backup plans save, by the plan's id and the selection's."""

    all: dict[str, dict[str, Any]] = field(default_factory=dict)


class Backup(BackupResponse):
    """The actions; moto makes one of these for each call."""

    selections: ClassVar[Selections]

    def create_backup_plan(self) -> str:
        """Makes a plan, also one like another that is deleted, of which moto still knows."""
        plans = self.backup_backend.plans
        for number in [each for each, plan in plans.items() if plan.deletion_date]:
            del plans[number]
        return BackupResponse.create_backup_plan(self)

    def create_backup_selection(self) -> str:
        """Has a plan save something."""
        plan, number = self._plan(), str(uuid.uuid4())
        self.backup_backend.get_backup_plan(plan, None)
        told = json.loads(self.body)["BackupSelection"]
        self.selections.all.setdefault(plan, {})[number] = told
        return json.dumps({"BackupPlanId": plan, "SelectionId": number})

    def delete_backup_selection(self) -> str:
        """Has a plan save it no more."""
        del self.selections.all[self._plan()][self.path.split("/")[-1]]
        return ""

    def list_backup_selections(self) -> str:
        """Tells what a plan saves."""
        plan = self._plan()
        told = [
            {
                "SelectionId": number,
                "SelectionName": each["SelectionName"],
                "BackupPlanId": plan,
                "IamRoleArn": each["IamRoleArn"],
            }
            for number, each in self.selections.all.get(plan, {}).items()
        ]
        return json.dumps({"BackupSelectionsList": told})

    def list_recovery_points_by_backup_vault(self) -> str:
        """Tells what was saved: nothing, since no plan runs."""
        return json.dumps({"RecoveryPoints": []})

    def update_backup_plan(self) -> str:
        """Changes a plan."""
        plan = self.backup_backend.get_backup_plan(self._plan(), None)
        plan.backup_plan = json.loads(self.body)["BackupPlan"]
        plan.version_id = uuid.uuid4().hex
        return json.dumps(plan.to_dict())

    def _plan(self) -> str:
        return self.path.split("/plans/")[-1].split("/")[0]


class Vault(Fixed):
    """A vault of backups."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        key = properties.get("EncryptionKeyArn")
        told = calls("backup").create_backup_vault(
            BackupVaultName=properties["BackupVaultName"],
            BackupVaultTags=properties["BackupVaultTags"],
            **({"EncryptionKeyArn": key} if key else {}),
        )
        name = told["BackupVaultName"]
        return Made(name, {"BackupVaultArn": told["BackupVaultArn"], "BackupVaultName": name})

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        calls("backup").delete_backup_vault(BackupVaultName=made.id)


class Plan(Whole):
    """A plan of backups."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        told = calls("backup").create_backup_plan(
            BackupPlan=_plan(properties), BackupPlanTags=properties["BackupPlanTags"]
        )
        return Made(
            told["BackupPlanId"],
            {name: told[name] for name in ("BackupPlanId", "BackupPlanArn", "VersionId")},
        )

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Changes it."""
        del old
        calls("backup").update_backup_plan(BackupPlanId=made.id, BackupPlan=_plan(new))
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        calls("backup").delete_backup_plan(BackupPlanId=made.id)


class Selection(Fixed):
    """What a plan saves."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        number = calls("backup").create_backup_selection(**properties)["SelectionId"]
        name = f"{number}_{properties['BackupPlanId']}"
        return Made(name, {"Id": name, "SelectionId": number})

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        calls("backup").delete_backup_selection(
            BackupPlanId=properties["BackupPlanId"], SelectionId=made.attributes["SelectionId"]
        )


class Budget(Fixed):
    """A budget, and who is told of it."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        told = dict(properties["Budget"])
        name = told.setdefault("BudgetName", calls.new_name(100))
        told["BudgetLimit"] = {key: str(each) for key, each in told["BudgetLimit"].items()}
        calls("budgets").create_budget(
            AccountId=calls.account,
            Budget=told,
            NotificationsWithSubscribers=properties.get("NotificationsWithSubscribers", []),
        )
        return Made(name)

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        calls("budgets").delete_budget(AccountId=calls.account, BudgetName=made.id)


class Workspace(Fixed):
    """A workspace of Managed Prometheus."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        tags = {each["Key"]: each["Value"] for each in properties["Tags"]}
        client = calls("amp")
        number = client.create_workspace(alias=properties.get("Alias", ""), tags=tags)[
            "workspaceId"
        ]
        told = client.describe_workspace(workspaceId=number)["workspace"]
        attributes = {
            "Arn": told["arn"],
            "WorkspaceId": number,
            "PrometheusEndpoint": told["prometheusEndpoint"],
        }
        return Made(told["arn"], attributes)

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        calls("amp").delete_workspace(workspaceId=made.attributes["WorkspaceId"])


def _plan(properties: Properties) -> dict[str, Any]:
    """A plan as the actions take it, with names that differ a little."""
    told = dict(properties["BackupPlan"])
    rules = [dict(each) for each in told.pop("BackupPlanRule")]
    for rule in rules:
        rule["TargetBackupVaultName"] = rule.pop("TargetBackupVault")
    return {**told, "Rules": rules}


TYPES: dict[str, Provider] = {
    "AWS::Backup::BackupVault": Vault(),
    "AWS::Backup::BackupPlan": Plan(),
    "AWS::Backup::BackupSelection": Selection(),
    "AWS::Budgets::Budget": Budget(),
    "AWS::APS::Workspace": Workspace(),
}
