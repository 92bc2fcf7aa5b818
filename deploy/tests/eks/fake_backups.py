"""Recovery points, which moto has none of, answered in its place; and other answers of services."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import boto3

OK = AWSResponse("", 200, HTTPHeaders(), None)


@contextmanager
def answering(session: boto3.Session, call: str, answer: Callable[..., Any]) -> Iterator[None]:
    """Has a call, such as backup.DeleteRecoveryPoint, answered; by moto where that gives None."""

    def asked(model: Any, params: dict[str, Any], **_: object) -> Any:  # noqa: ANN401
        name = f"{model.service_model.service_name}.{model.name}"
        return answer(params=params) if name == call else None

    # Not `before-call.{call}`: that would go before what notes all calls, and end it.
    session.events.register("before-call", asked)
    try:
        yield
    finally:
        session.events.unregister("before-call", asked)


@dataclass
class Backups:
    """The recovery points of an account.

    Attributes:
        points: the vault of each, by its ARN.
    """

    points: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def served(self, session: boto3.Session) -> Iterator[None]:
        """Has them told of and deleted."""
        with (
            answering(session, "backup.ListRecoveryPointsByBackupVault", self._list),
            answering(session, "backup.DeleteRecoveryPoint", self._delete),
        ):
            yield

    def _list(self, params: dict[str, Any], **_: object) -> tuple[AWSResponse, dict[str, Any]]:
        vault = unquote(params["url_path"].split("/")[2])
        found = [arn for arn, its_vault in self.points.items() if its_vault == vault]
        return OK, {"RecoveryPoints": [{"RecoveryPointArn": each} for each in found]}

    def _delete(self, params: dict[str, Any], **_: object) -> tuple[AWSResponse, dict[str, Any]]:
        del self.points[unquote(params["url_path"].split("/")[4])]
        return OK, {}
