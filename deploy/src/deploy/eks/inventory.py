"""What the services of an account tell of one deployment: what it has, and what is gone."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import jmespath
from botocore.exceptions import ClientError

from deploy.eks.account import CONFIG, told_in_one_line
from deploy.eks.catalog import KINDS
from deploy.eks.kinds import Found, filled, identify, is_owned, owners, put_in, tags_of
from deploy.eks.template import partition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.eks.account import Account
    from deploy.eks.deployment import Deployment
    from deploy.eks.kinds import Call, Kind

# The ends of the codes by which services say that something is not there.
GONE = ("NotFound", "NotFoundException", "NotFoundFault", "NoSuchEntity", "DoesNotExist")
REFUSED = frozenset({"AccessDenied", "AccessDeniedException"})


class Inventory:
    """The resources of one deployment.

    Args:
        account: to look in.
        deployment: whose they are.
    """

    def __init__(self, account: Account, deployment: Deployment) -> None:
        self.account = account
        self.deployment = deployment
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:  # noqa: ANN401 - of a service that a table names
        """The client of a service, one for all calls."""
        if service not in self._clients:
            make: Callable[..., Any] = self.account.session.client
            self._clients[service] = make(service, config=CONFIG)
        return self._clients[service]

    def find(self, kind: Kind) -> list[Found]:
        """Those of a kind that are there and are the deployment's, by the lists of its service."""
        found = [
            self._read(kind, told, within)
            for within in self._holders(kind)
            for call in kind.every
            for told in self._ask(kind, call, within=within)
        ]
        return [each for each in found if self._owns(each) and self.is_there(each)]

    def find_all(self) -> list[Found]:
        """All that is there: by the lists of each service, and by the tag API."""
        listed = [each for kind in KINDS for each in self.find(kind)]
        told = dict.fromkeys(identify(each, KINDS) for each in sorted(self.arns()))
        late = [each for each in told if each not in listed and self.is_there(each)]
        return [*listed, *late]

    def arns(self) -> set[str]:
        """What the tag API tells; it lags, and tells for hours of what is deleted."""
        told: set[str] = set()
        with told_in_one_line("GetResources"):
            pages = self.client("resourcegroupstaggingapi").get_paginator("get_resources")
            for key, value in owners(self.deployment.name).items():
                asked = pages.paginate(TagFilters=[{"Key": key, "Values": [value]}])
                told |= {
                    each["ResourceARN"] for page in asked for each in page["ResourceTagMappingList"]
                }
        return told

    def describe(self, kind: Kind, resource: str) -> Found | None:
        """The resource with an id; None when it is gone."""
        for within in self._holders(kind):
            for told in self._ask(kind, kind.one, resource, within):
                if told["id"] == resource:
                    return Found(kind, resource, tags_of(told.get("tags")), within)
        return None

    def is_there(self, found: Found) -> bool:
        """Whether its service describes it; what has no kind is taken to be."""
        return found.kind is None or self.describe(found.kind, found.id) is not None

    def remove(self, found: Found) -> None:
        """Deletes it; that it is gone already is as good.

        Raises:
            DeployError: its service refuses.
        """
        if found.kind:
            list(self._ask(found.kind, found.kind.remove, found.id, found.within))

    def words(self, resource: str = "", within: str = "") -> dict[str, str]:
        """What the words of a call stand for."""
        region = self.account.region
        return {
            "id": resource,
            "within": within,
            "name": self.deployment.name,
            "region": region,
            "partition": partition(region),
            "account": self._account_id,
        }

    def _holders(self, kind: Kind) -> list[str]:
        return [each.id for each in self.find(kind.within)] if kind.within else [""]

    def _owns(self, found: Found) -> bool:
        """Whether it is the deployment's; what the deployment's holds is, too."""
        kind, name = found.kind, self.deployment.name
        return kind is None or bool(found.within) or is_owned(kind, found.id, found.tags, name)

    def _read(self, kind: Kind, told: dict[str, Any], within: str) -> Found:
        tags = tags_of(told.get("tags"))
        if kind.tags:
            for each in self._ask(kind, kind.tags, told["id"]):
                tags |= tags_of(each["tags"])
        return Found(kind, told["id"], tags, within)

    def _ask(self, kind: Kind, call: Call, resource: str = "", within: str = "") -> Iterator[Any]:
        words = self.words(resource, within)
        with told_in_one_line(f"{kind.service} {call.operation}"):
            try:
                yield from self._answers(kind.service, call, words)
            except ClientError as error:
                is_closed = kind.is_closed and call is kind.tags and _code(error) in REFUSED
                if not (is_gone(error) or is_closed):
                    raise

    def _answers(self, service: str, call: Call, words: dict[str, str]) -> Iterator[Any]:
        client, arguments = self.client(service), filled(call.arguments, words)
        if client.can_paginate(call.operation):
            pages = client.get_paginator(call.operation).paginate(**arguments)
        else:
            pages = [getattr(client, call.operation)(**arguments)]
        for page in pages:
            if call.pick:
                yield from jmespath.search(put_in(call.pick, words), page) or ()

    @cached_property
    def _account_id(self) -> str:
        with told_in_one_line("GetCallerIdentity"):
            return str(self.client("sts").get_caller_identity()["Account"])


def is_gone(error: ClientError) -> bool:
    """Whether a service says that what it was asked about is not there."""
    message = error.response.get("Error", {}).get("Message", "")
    is_stack = _code(error) == "ValidationError" and "does not exist" in message
    return is_stack or _code(error).endswith(GONE)


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
