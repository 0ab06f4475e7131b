"""What CloudFormation remembers: stacks, their resources and events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from iam_ra.sandbox import clock

if TYPE_CHECKING:
    from datetime import datetime

    from iam_ra.sandbox.cloudformation.template import Definition, Template

STACK_TYPE = "AWS::CloudFormation::Stack"


def now() -> datetime:
    """Return the sandbox's time of day, in UTC."""
    return clock.now()


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack: what was asked of it last, and what it is."""

    logical_id: str
    type: str
    status: str
    since: datetime
    reason: str = ""
    physical_id: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metadata: Any = None
    dependencies: frozenset[str] = frozenset()
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"

    @classmethod
    def declared(cls, definition: Definition) -> Resource:
        """Return the record of a resource that is not there yet."""
        return cls(definition.logical_id, definition.type, "", now()).as_declared(definition)

    def as_declared(self, definition: Definition) -> Resource:
        """Return the record with what the template says about it, properties apart."""
        return replace(
            self,
            metadata=definition.metadata,
            dependencies=definition.dependencies,
            deletion_policy=definition.deletion_policy,
            update_replace_policy=definition.update_replace_policy,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a stack or of one of its resources."""

    event_id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    time: datetime
    properties: dict[str, Any] | None
    token: str


@dataclass(frozen=True, slots=True)
class StableState:
    """What an update returns to when it fails."""

    template: Template
    tags: dict[str, str]
    capabilities: tuple[str, ...]
    outputs: list[dict[str, str]]
    resources: dict[str, Resource]


@dataclass(slots=True)
class Stack:
    """One stack. Its lock is held for single reads and changes, never while a service is called."""

    stack_id: str
    name: str
    template: Template
    tags: dict[str, str]
    capabilities: tuple[str, ...]
    on_failure: str = "ROLLBACK"
    disable_rollback: bool = False
    protected: bool = False
    role_arn: str = ""
    status: str = ""
    reason: str = ""
    token: str = ""
    created: datetime = field(default_factory=now)
    updated: datetime | None = None
    deleted: datetime | None = None
    outputs: list[dict[str, str]] = field(default_factory=list)
    resources: dict[str, Resource] = field(default_factory=dict)
    replaced: list[Resource] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    stable: StableState | None = None
    tokens: dict[str, str] = field(default_factory=dict)
    operation: Any = None
    lock: RLock = field(default_factory=RLock)

    def move(self, status: str, reason: str = "") -> None:
        """Change the stack's status, with an event."""
        with self.lock:
            self.status, self.reason = status, reason
            event = Event(
                str(uuid4()), self.name, self.stack_id, STACK_TYPE, status, reason, now(), None, self.token
            )
            self.events.append(event)

    def record(
        self, resource: Resource, status: str, reason: str = "", *, keep: bool = True, **changes: Any
    ) -> Resource:
        """Note a step of a resource, with an event, and return the resource as it is now.

        `keep=False` leaves the stack's own record alone: the step is of a resource that was replaced.
        """
        made = replace(resource, status=status, reason=reason, since=now(), **changes)
        stamp = made.since.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        event = Event(
            f"{made.logical_id}-{status}-{stamp}Z",
            made.logical_id,
            made.physical_id,
            made.type,
            status,
            reason,
            made.since,
            made.properties,
            self.token,
        )
        with self.lock:
            if keep:
                self.resources[made.logical_id] = made
            self.events.append(event)
        return made

    def forget(self, logical_id: str) -> None:
        """Drop a resource that an update removed."""
        with self.lock:
            self.resources.pop(logical_id, None)

    def remember(self) -> None:
        """Keep what a failing update returns to, if a failed one does not wait already."""
        with self.lock:
            self.stable = self.stable or StableState(
                self.template, self.tags, self.capabilities, self.outputs, dict(self.resources)
            )

    @property
    def in_progress(self) -> bool:
        """Tell whether an operation runs."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def deleted_for_good(self) -> bool:
        """Tell whether the stack can be found by its id only."""
        return self.status == "DELETE_COMPLETE"
