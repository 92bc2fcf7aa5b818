"""How each type of a resource is made, changed and deleted: by the calls that Amazon's does.

They go to moto's server as any program's, with the credentials of whoever changes the stack, so
that the recorder sees what that one must be allowed to do.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import boto3
from botocore.config import Config
from botocore.model import ListShape, StructureShape

from rehearsal.amazon.faulty import ResourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import OperationModel, Shape

RESOURCE_HEADER = "X-Rehearsal-Resource"  # tells the recorder what a call is for
# To delete a cluster is to empty it, which takes its time.
_ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=600)

Properties = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """What a service has made.

    Attributes:
        id: the physical id, which Ref gives.
        attributes: what Fn::GetAtt gives.
    """

    id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Clients:
    """Clients of Amazon's services for one change of a stack.

    Attributes:
        endpoint: of all services.
        caller: the id of the key of whoever changes the stack.
        resource: the logical id of the one that is changed at the moment.
    """

    endpoint: str
    caller: str
    region: str
    resource: str = ""
    made: dict[str, Any] = field(default_factory=dict)

    def get(self, service: str) -> Any:  # noqa: ANN401 -- clients are made at run time
        """The client of a service."""
        if service not in self.made:
            self.made[service] = self._make(service)
        return self.made[service]

    def _make(self, service: str) -> Any:  # noqa: ANN401 -- clients are made at run time
        client = boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.caller,
            aws_secret_access_key="rehearsal",  # noqa: S106 -- moto takes any
            config=_ONCE,
        )
        client.meta.events.register("provide-client-params.*.*", _typed_params)
        client.meta.events.register("before-sign.*.*", self._mark)
        return client

    def _mark(self, request: Any, **_: object) -> None:  # noqa: ANN401 -- botocore's
        request.headers[RESOURCE_HEADER] = self.resource


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls to Amazon for one resource.

    Attributes:
        clients: that make them.
        stack: its name.
        logical: the resource's id in the template.
    """

    clients: Clients
    account: str
    stack: str
    logical: str

    @property
    def region(self) -> str:
        """Where the stack is."""
        return self.clients.region

    def __call__(self, service: str) -> Any:  # noqa: ANN401 -- clients are made at run time
        """A client of a service."""
        self.clients.resource = self.logical
        return self.clients.get(service)

    def new_name(self, longest: int = 64) -> str:
        """A name as CloudFormation makes them up."""
        ending = f"-{self.logical}-{secrets.token_hex(6).upper()}"
        return self.stack[: longest - len(ending)] + ending


def _typed_params(params: Properties, model: OperationModel, **_: object) -> Properties:
    return dict(_typed(params, model.input_shape))


def _typed(value: Any, shape: Shape | None) -> Any:  # noqa: ANN401 -- as JSON
    """A value as an action wants it: parameters of a template are strings."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = shape.members
        return {key: _typed(each, members.get(key)) for key, each in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_typed(each, shape.member) for each in value]
    if isinstance(value, str) and shape is not None:
        if shape.type_name in {"integer", "long"}:
            return int(value)
        if shape.type_name in {"double", "float"}:
            return float(value)
        if shape.type_name == "boolean":
            return value.lower() == "true"
    return value


class Provider(Protocol):
    """A type of resources.

    Attributes:
        finishes: whether a new one is updated from no properties: if that fails, it is there
            already, and must be deleted.
    """

    finishes: ClassVar[bool]

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes one; with `finishes`, what is still to be set, `update` sets."""

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Changes one in place.

        Raises:
            ResourceError: the stand-in cannot.
        """

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes one."""


class Whole:
    """For types that one call makes as they are to be."""

    __slots__ = ()
    finishes: ClassVar[bool] = False


class Fixed(Whole):
    """For types of which nothing is changed in place, other than by replacement."""

    __slots__ = ()

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Refuses.

        Raises:
            ResourceError: always.
        """
        del made
        names = sorted(each for each in {*old, *new} if old.get(each) != new.get(each))
        raise ResourceError(
            f"the rehearsal cannot change {', '.join(names)} of {calls.logical}: its class "
            f"{type(self).__name__} lacks that"
        )


def retag(calls: Calls, name: str, old: Properties, new: Properties) -> None:
    """Brings the tags of what has this id up to date."""
    before, after = _by_key(old), _by_key(new)
    if gone := [{"Key": key} for key in before if key not in after]:
        calls("ec2").delete_tags(Resources=[name], Tags=gone)
    if before != after:
        calls("ec2").create_tags(Resources=[name], Tags=new["Tags"])


def _by_key(properties: Properties) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in properties.get("Tags", [])}
