"""What happens to a stack after a request was accepted: creation, update, deletion, and their rollbacks.

Each is a generator for the scheduler. Resources that do not depend on each other go in one wave, side by side; each
takes `Settings.operation_seconds`. Source: AWS CloudFormation user guide (stack status codes, update behaviours of
stack resources, stack failure options, DeletionPolicy and UpdateReplacePolicy attributes).
"""

from __future__ import annotations

from dataclasses import replace
from graphlib import TopologicalSorter
from threading import Event
from typing import TYPE_CHECKING, Any

from iam_ra.sandbox import loopback
from iam_ra.sandbox.cloudformation.handling import CUSTOM_NAME, Handling, ResourceError
from iam_ra.sandbox.cloudformation.resources import HANDLERS
from iam_ra.sandbox.cloudformation.stack import Resource, Stack, now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from iam_ra.sandbox.cloudformation.faults import Faults
    from iam_ra.sandbox.cloudformation.stack import StableState
    from iam_ra.sandbox.cloudformation.template import Definition

GONE = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})
REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


class Operation:
    """One operation on one stack."""

    def __init__(self, stack: Stack, account: str, region: str, partition: str, faults: Faults) -> None:
        self.stack = stack
        self.handling = Handling(stack, account, region, partition, faults)
        self.failed: dict[str, list[str]] = {"create": [], "update": [], "delete": []}
        self.blocked: set[str] = set()
        self.finished = Event()

    def move(self, status: str, reason: str = "") -> None:
        """Change the stack's status, unless another operation has taken the stack over."""
        with self.stack.lock:
            if self.stack.operation is self:
                self.stack.move(status, reason)

    def create(self) -> Iterator[float]:
        """Create all resources; if one fails do what the stack's failure option says."""
        stack = self.stack
        yield from self._waves(stack.template.graph, self._create_declared, stop=True)
        if not self._any_failed():
            stack.outputs = self.handling.outputs(stack.template)
            self.move("CREATE_COMPLETE")
            return
        reason = self._reason()
        if stack.on_failure == "DO_NOTHING":
            self.move("CREATE_FAILED", reason)
            return
        verb = "Delete" if stack.on_failure == "DELETE" else "Rollback"
        status = "DELETE" if stack.on_failure == "DELETE" else "ROLLBACK"
        if status == "DELETE":
            stack.deleted = now()
        self.move(f"{status}_IN_PROGRESS", f"{reason}{verb} requested by user.")
        yield from self._remove_all(status, rollback=True)

    def delete(self, retain: Collection[str] = ()) -> Iterator[float]:
        """Delete all resources but those to retain."""
        yield from self._remove_all("DELETE", retain=retain)

    def update(self) -> Iterator[float]:
        """Create, change and replace resources; then remove what is left over, or go back."""
        stack = self.stack
        yield from self._waves(stack.template.graph, self._converge_declared, stop=True)
        if self._any_failed():
            if stack.disable_rollback:
                self.move("UPDATE_FAILED", self._reason())
                return
            self.move("UPDATE_ROLLBACK_IN_PROGRESS", self._reason())
            yield from self.roll_back()
            return
        stack.outputs = self.handling.outputs(stack.template)
        self.move("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        removed = [each for name, each in stack.resources.items() if name not in stack.template.resources]
        yield from self._clean_up(removed, "UPDATE_COMPLETE")

    def roll_back(self, skip: Collection[str] = ()) -> Iterator[float]:
        """Bring every resource back to what it was before the update; those to skip are taken as they are."""
        stack, stable = self.stack, self.stack.stable
        assert stable is not None
        self.failed = {"create": [], "update": [], "delete": []}
        graph = {name: each.dependencies & set(stable.resources) for name, each in stable.resources.items()}
        yield from self._waves(graph, lambda name: self._restore(stable, name, skip))
        if self._any_failed():
            self.move("UPDATE_ROLLBACK_FAILED", self._reason())
            return
        stack.template, stack.tags, stack.capabilities = stable.template, stable.tags, stable.capabilities
        stack.outputs = stable.outputs
        self.move("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        made = [each for name, each in stack.resources.items() if name not in stable.resources]
        yield from self._clean_up(made, "UPDATE_ROLLBACK_COMPLETE")

    def _waves(
        self,
        graph: Mapping[str, Collection[str]],
        work: Callable[[str], Iterator[None]],
        *,
        stop: bool = False,
    ) -> Iterator[float]:
        sorter = TopologicalSorter(graph)
        sorter.prepare()
        while sorter.is_active() and not (stop and self._any_failed()):
            ready = sorter.get_ready()
            yield from self._side_by_side([work(name) for name in ready])
            sorter.done(*ready)

    @staticmethod
    def _side_by_side(works: list[Iterator[None]]) -> Iterator[float]:
        # A resource's work pauses twice: before and after its service is called.
        pause = loopback.settings().operation_seconds / 2
        ended = object()
        while works := [work for work in works if next(work, ended) is not ended]:
            yield pause

    def _create_declared(self, name: str) -> Iterator[None]:
        definition = self.stack.template.resources[name]
        yield from self._create(definition, Resource.declared(definition), "CREATE")

    def _create(
        self, definition: Definition, resource: Resource, verb: str, reason: str = ""
    ) -> Iterator[None]:
        kind = verb.lower()
        resource = self.stack.record(resource, f"{verb}_IN_PROGRESS", reason)
        yield
        if self._any_failed():
            self._fail(kind, resource, f"Resource {'creation' if verb == 'CREATE' else 'update'} cancelled")
            return
        announced: list[str] = []
        try:
            properties = self.handling.properties(definition)
            tags = self.handling.tags(definition, properties)
            resource = replace(resource, properties=properties, tags=tags)
            made = self.handling.create(resource, announced.append)
        except ResourceError as failure:
            self._fail(
                kind, resource, str(failure), physical_id=announced[0] if announced else resource.physical_id
            )
            return
        resource = self.stack.record(
            resource,
            f"{verb}_IN_PROGRESS",
            "Resource creation Initiated",
            physical_id=made.physical_id,
            attributes=made.attributes,
        )
        yield
        self.stack.record(resource, f"{verb}_COMPLETE")

    def _converge_declared(self, name: str) -> Iterator[None]:
        definition = self.stack.template.resources[name]
        current = self.stack.resources.get(name)
        if current is None or not current.physical_id:
            yield from self._create(definition, Resource.declared(definition), "CREATE")
            return
        try:
            properties = self.handling.properties(definition)
        except ResourceError as failure:
            wanted = self.stack.record(current.as_declared(definition), "UPDATE_IN_PROGRESS")
            yield
            self._fail("update", wanted, str(failure))
            return
        tags = self.handling.tags(definition, properties)
        wanted = replace(current.as_declared(definition), properties=properties, tags=tags)
        same = (properties, tags, definition.metadata) == (current.properties, current.tags, current.metadata)
        if same and not current.status.endswith("FAILED"):
            self.stack.resources[name] = wanted
        elif self._changed(current, wanted) & HANDLERS[current.type].create_only:
            yield from self._replace(definition, current, wanted)
        else:
            yield from self._update(current, wanted)

    @staticmethod
    def _changed(current: Resource, wanted: Resource) -> set[str]:
        keys = set(current.properties) | set(wanted.properties)
        return {key for key in keys if current.properties.get(key) != wanted.properties.get(key)}

    def _update(self, current: Resource, wanted: Resource) -> Iterator[None]:
        wanted = self.stack.record(wanted, "UPDATE_IN_PROGRESS")
        yield
        if self._any_failed() and self.stack.status == "UPDATE_IN_PROGRESS":
            self._fail(
                "update",
                wanted,
                "Resource update cancelled",
                properties=current.properties,
                tags=current.tags,
            )
            return
        try:
            made = self.handling.update(current, wanted)
        except ResourceError as failure:
            self._fail("update", wanted, str(failure))
            return
        yield
        self.stack.record(wanted, "UPDATE_COMPLETE", attributes=made.attributes)

    def _replace(self, definition: Definition, current: Resource, wanted: Resource) -> Iterator[None]:
        name_property = HANDLERS[current.type].name_property
        name = wanted.properties.get(name_property)
        if name and name == current.properties.get(name_property):
            wanted = self.stack.record(wanted, "UPDATE_IN_PROGRESS")
            yield
            self._fail("update", wanted, CUSTOM_NAME.format(name=name), properties=current.properties)
            return
        yield from self._create(definition, wanted, "UPDATE", REPLACING)
        made = self.stack.resources[current.logical_id]
        if made.physical_id != current.physical_id:
            self.stack.replaced.append(replace(current, deletion_policy=wanted.update_replace_policy))

    def _restore(self, stable: StableState, name: str, skip: Collection[str]) -> Iterator[None]:
        before, current = stable.resources[name], self.stack.resources[name]
        if name in skip:
            self.stack.record(before, "UPDATE_COMPLETE")
        elif before.physical_id != current.physical_id:
            self.stack.replaced = [
                each for each in self.stack.replaced if each.physical_id != before.physical_id
            ]
            self.stack.replaced.append(replace(current, deletion_policy="Delete"))
            self.stack.record(before, "UPDATE_COMPLETE")
        elif current.status == "UPDATE_FAILED" or (before.properties, before.tags) != (
            current.properties,
            current.tags,
        ):
            yield from self._update(current, before)
        else:
            self.stack.resources[name] = before

    def _remove_all(
        self, status: str, *, rollback: bool = False, retain: Collection[str] = ()
    ) -> Iterator[float]:
        stack = self.stack
        self.failed = {"create": [], "update": [], "delete": []}
        there = [each for each in stack.resources.values() if each.status not in GONE]
        yield from self._remove(there, rollback=rollback, retain=retain)
        leftovers, stack.replaced = stack.replaced, []
        yield from self._remove(leftovers, keep=False)
        if self._any_failed():
            self.move(f"{status}_FAILED", self._reason())
        else:
            stack.outputs = []
            self.move(f"{status}_COMPLETE")

    def _clean_up(self, resources: list[Resource], status: str) -> Iterator[float]:
        stack = self.stack
        leftovers, stack.replaced = stack.replaced, []
        yield from self._remove(leftovers, keep=False)
        yield from self._remove(resources)
        for resource in resources:
            stack.forget(resource.logical_id)
        stack.stable = None
        incomplete = "Update successful. One or more resources could not be deleted."
        self.move(status, incomplete if self._any_failed() and status == "UPDATE_COMPLETE" else "")

    def _remove(
        self,
        resources: list[Resource],
        *,
        keep: bool = True,
        rollback: bool = False,
        retain: Collection[str] = (),
    ) -> Iterator[float]:
        """Delete resources, each before those that it depends on; what a failed one needs stays."""
        # Two replaced resources can have one logical id; no two have one physical id and type.
        keys = {f"{each.logical_id} {each.physical_id}": each for each in resources}
        needed_by = {
            key: {other for other, user in keys.items() if each.logical_id in user.dependencies}
            for key, each in keys.items()
        }

        def work(key: str) -> Iterator[None]:
            if needed_by[key] & self.blocked:
                self.blocked.add(key)
                return
            failures = len(self.failed["delete"])
            yield from self._delete(keys[key], keep=keep, rollback=rollback, retain=retain)
            if keys[key].logical_id in self.failed["delete"][failures:]:
                self.blocked.add(key)

        yield from self._waves(needed_by, work)

    def _delete(
        self, resource: Resource, *, keep: bool, rollback: bool, retain: Collection[str]
    ) -> Iterator[None]:
        stack = self.stack
        policy = resource.deletion_policy
        retained = policy == "Retain" or (policy == "RetainExceptOnCreate" and not rollback)
        if resource.physical_id and (retained or resource.logical_id in retain):
            stack.record(resource, "DELETE_SKIPPED", keep=keep)
            return
        if not resource.physical_id:
            if resource.status:
                stack.record(resource, "DELETE_COMPLETE", keep=keep)
            return
        resource = stack.record(resource, "DELETE_IN_PROGRESS", keep=keep)
        yield
        try:
            self.handling.delete(resource)
        except ResourceError as failure:
            self._fail("delete", resource, str(failure), keep=keep)
            return
        yield
        stack.record(resource, "DELETE_COMPLETE", keep=keep)

    def _fail(self, kind: str, resource: Resource, reason: str, **changes: Any) -> None:
        self.failed[kind].append(resource.logical_id)
        self.stack.record(resource, f"{kind.upper()}_FAILED", reason, **changes)

    def _any_failed(self) -> bool:
        return any(self.failed.values())

    def _reason(self) -> str:
        return "".join(
            f"The following resource(s) failed to {kind}: [{', '.join(names)}]. "
            for kind, names in self.failed.items()
            if names
        )
