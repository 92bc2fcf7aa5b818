"""One stack brought to its target, resource by resource; and back again when one fails."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rehearsal.amazon.faulty import InvalidError, ResourceError
from rehearsal.amazon.providers import Calls, Made
from rehearsal.amazon.schemas import find_schema, replaces
from rehearsal.amazon.stacks import DELETED, Resource, now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from rehearsal.amazon.providers import Clients, Provider
    from rehearsal.amazon.stacks import Stack
    from rehearsal.amazon.targets import Target
    from rehearsal.amazon.templates import Json, Scope
    from rehearsal.faults import Faults


@dataclass(frozen=True, slots=True)
class Work:
    """One change of one stack.

    Attributes:
        clients: with the credentials of whoever asked for it.
    """

    account: str
    providers: Mapping[str, Provider]
    faults: Faults
    stack: Stack
    clients: Clients

    def start(self, do: Callable[[Work], None]) -> None:
        """Begins it, in a thread of its own."""
        threading.Thread(target=do, args=(self,), daemon=True).start()

    def bring(self, before: Target | None, target: Target) -> None:
        """All resources to the target, and back to what they were if one fails."""
        stack, word = self.stack, "UPDATE" if before else "CREATE"
        undo: list[Callable[[], None]] = []
        left: list[Resource] = []
        for name in target.order():
            try:
                self._bring(target, name, undo, left)
            except ResourceError:
                verb = "create" if word == "CREATE" else "update"
                reason = f"The following resource(s) failed to {verb}: [{name}]. "
                self._go_back(word, reason, undo)
                return
        stack.target, stack.updated = target, now()
        stack.outputs = target.outputs(self._scope(target))
        gone = [each for name, each in stack.resources.items() if name not in target.resources]
        if word == "UPDATE":
            stack.tell("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            for resource in [*left, *self._in_reverse(gone)]:
                self._delete(resource)  # one that fails stays behind, as with Amazon's
        stack.tell(f"{word}_COMPLETE")

    def bring_back(self, before: Target | None) -> None:
        """All resources to what they were, as far as they are not."""
        undo: list[Callable[[], None]] = []
        try:
            if before:
                for name in before.order():
                    self._bring(before, name, undo, [])
        except ResourceError as error:
            self.stack.tell("UPDATE_ROLLBACK_FAILED", str(error))
        else:
            self.stack.tell("UPDATE_ROLLBACK_COMPLETE")

    def delete_all(self, retain: Collection[str]) -> None:
        """All resources, each before those that it needs."""
        stack = self.stack
        for resource in self._in_reverse(stack.resources.values()):
            if any(resource.logical in each.dependencies for each in stack.resources.values()):
                continue  # one that needs it could not be deleted
            if resource.logical in retain or resource.policy == "Retain":
                stack.tell_of(resource, "DELETE_SKIPPED")
                del stack.resources[resource.logical]
            else:
                self._delete(resource)
        failed = [
            each.logical for each in stack.resources.values() if each.status == "DELETE_FAILED"
        ]
        if failed:
            told = f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            stack.tell("DELETE_FAILED", told)
        else:
            stack.deleted = now()
            stack.tell(DELETED)

    def _go_back(self, word: str, reason: str, undo: list[Callable[[], None]]) -> None:
        prefix = "" if word == "CREATE" else "UPDATE_"
        self.stack.tell(f"{prefix}ROLLBACK_IN_PROGRESS", reason)
        try:
            for each in reversed(undo):
                each()
        except ResourceError as error:
            self.stack.tell(f"{prefix}ROLLBACK_FAILED", str(error))
        else:
            self.stack.tell(f"{prefix}ROLLBACK_COMPLETE")

    def _bring(
        self, target: Target, name: str, undo: list[Callable[[], None]], left: list[Resource]
    ) -> None:
        """One resource to the target.

        Args:
            target: the stack's.
            name: the resource's logical id.
            undo: gets what takes it back.
            left: gets what it replaces, to be deleted when all is well.
        """
        there = self.stack.resources.get(name)
        wanted = self._wanted(target, name, there)
        if there is None:
            self._create(wanted)
            undo.append(lambda: self._take_back(wanted))
        elif there.type != wanted.type or replaces(
            find_schema(wanted.type), there.properties, wanted.properties
        ):
            self._create(wanted, "UPDATE")
            left.append(there)
            undo.append(lambda: self._put_back(wanted, there))
        elif there.properties != wanted.properties:
            self._update(there, wanted)
            undo.append(lambda: self._update(wanted, there))
        else:
            self.stack.resources[name] = wanted

    def _wanted(self, target: Target, name: str, there: Resource | None) -> Resource:
        """A resource as the target has it; all that it needs is there."""
        told = target.resources[name]
        wanted = Resource(
            logical=name,
            type=told["Type"],
            made=there.made if there else Made(""),
            planned=target.properties(name, target.scope()),
            properties={},
            dependencies=target.dependencies(name),
            policy=told.get("DeletionPolicy", "Delete"),
        )

        def work_out() -> None:
            wanted.properties = target.properties(name, self._scope(target))

        self._try(wanted, "work out", "UPDATE" if there else "CREATE", work_out)
        return wanted

    def _create(self, resource: Resource, word: str = "CREATE") -> None:
        provider = self.providers.get(resource.type)
        self.stack.tell_of(resource, f"{word}_IN_PROGRESS")

        def create() -> None:
            if provider is None:
                raise ResourceError(f"the rehearsal does not know {resource.type}")
            calls, properties = self._calls(resource), dict(resource.properties)
            resource.made = provider.create(calls, properties)
            if provider.finishes:
                resource.made = provider.update(calls, resource.made, {}, properties)

        try:
            self._try(resource, "create", word, create)
        except ResourceError:
            if resource.made.id:
                self._delete(resource)
            raise
        self.stack.resources[resource.logical] = resource
        self.stack.tell_of(resource, f"{word}_COMPLETE")

    def _update(self, old: Resource, new: Resource) -> None:
        provider = self.providers[new.type]
        self.stack.tell_of(new, "UPDATE_IN_PROGRESS")

        def update() -> None:
            before, after = dict(old.properties), dict(new.properties)
            new.made = provider.update(self._calls(new), old.made, before, after)

        self._try(new, "update", "UPDATE", update)
        self.stack.resources[new.logical] = new
        self.stack.tell_of(new, "UPDATE_COMPLETE")

    def _delete(self, resource: Resource) -> bool:
        """Deletes one, or tells why it is still there."""
        self.stack.tell_of(resource, "DELETE_IN_PROGRESS")
        provider = self.providers[resource.type]
        calls = self._calls(resource)
        try:
            self._try(
                resource,
                "delete",
                "DELETE",
                lambda: provider.delete(calls, resource.made, dict(resource.properties)),
            )
        except ResourceError:
            return False
        if self.stack.resources.get(resource.logical) is resource:
            del self.stack.resources[resource.logical]
        self.stack.tell_of(resource, "DELETE_COMPLETE")
        return True

    def _take_back(self, resource: Resource) -> None:
        """What a failed change has made; what is retained stays, and is no more the stack's."""
        if resource.policy == "Retain":
            self.stack.tell_of(resource, "DELETE_SKIPPED")
            del self.stack.resources[resource.logical]
        elif not self._delete(resource):
            raise ResourceError(f"The following resource(s) failed to delete: [{resource.logical}]")

    def _put_back(self, new: Resource, old: Resource) -> None:
        self._take_back(new)
        self.stack.resources[old.logical] = old

    def _try(self, resource: Resource, does: str, word: str, do: Callable[[], None]) -> None:
        """Does something to a resource.

        Raises:
            ResourceError: it failed, and the stack's events tell why.
        """
        try:
            self._fail_as_ordered(f"{does}:{resource.logical}")
            do()
        except Exception as error:  # whatever it is, whoever waits for the stack is to see it
            reason = _reason(error)
            self.stack.tell_of(resource, f"{word}_FAILED", reason)
            raise ResourceError(reason) from error

    def _fail_as_ordered(self, what: str) -> None:
        if fault := self.faults.take(what):
            raise ResourceError(fault.reason)

    def _calls(self, resource: Resource) -> Calls:
        return Calls(self.clients, self.account, self.stack.name, resource.logical)

    def _scope(self, target: Target) -> Scope:
        """Works out what resources give, of those that are there."""
        resources = self.stack.resources

        def refer(name: str) -> Json:
            if name not in resources:
                raise InvalidError(f"Template error: unresolved reference to {name}")
            return resources[name].made.id

        def attribute(name: str, part: str) -> Json:
            made = resources[name].made
            if part not in made.attributes:
                raise InvalidError(
                    f"Template error: resource {name} does not support attribute type {part}"
                )
            return made.attributes[part]

        return target.scope(refer, attribute)

    def _in_reverse(self, resources: Collection[Resource]) -> list[Resource]:
        """Each before those that it needs."""
        left = list(resources)
        ordered: list[Resource] = []
        while left:
            needed = {name for each in left for name in each.dependencies}
            free = [each for each in left if each.logical not in needed]
            ordered += free
            left = [each for each in left if each not in free]
        return ordered


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        told = error.response["Error"]
        status = error.response["ResponseMetadata"].get("HTTPStatusCode")
        return f"{told.get('Message')} (Status Code: {status}, Error Code: {told.get('Code')})"
    if isinstance(error, ResourceError | InvalidError):
        return str(error.args[0])
    return f"a fault of the rehearsal's own: {error!r}"
