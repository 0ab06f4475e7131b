"""What all kinds that are CloudFormation stacks share."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.aws.naming import ADDRESS_TAG
from iam_ra.aws.stacks import DEAD, STUCK, Blueprint, Stack
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import Finding
from iam_ra.engine.part import Observed, Presence, digest
from iam_ra.files.templating import render, source_digest
from iam_ra.kinds.base import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from iam_ra.aws.naming import Names
    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.engine.part import Recorded
    from iam_ra.engine.plan import Change
    from iam_ra.kinds.run import Run

STACK = "stack"
# Digest and time of the last change: if either is not as recorded, somebody else was at the stack.
DIGEST = "Digest"
UPDATED = "updated"
STATUS = "status"
# The fact that an earlier life of the namespace left a stack.
STRAY = "stray"
# The fact that the user wants a stack to be made anew.
ASKED = "asked"


class StackKind(Kind):
    """A part that is one stack, made from one template.

    `template` is the template's name; `entities` what addresses of its entities begin with (`role/`), or all of it.
    `is_replaceable` says that nothing is lost when a stack beyond repair is deleted and made anew, `is_watched` that the
    settings of its resources are compared with what it made.
    """

    template: ClassVar[str]
    entities: ClassVar[str | tuple[str, ...]]
    protect_termination: ClassVar[bool] = False
    is_replaceable: ClassVar[bool] = True
    is_watched: ClassVar[bool] = True
    drift_notes: ClassVar[Mapping[str, str]] = {
        DIGEST: "its stack was changed outside iam-ra",
        UPDATED: "its stack was changed outside iam-ra",
    }

    @abstractmethod
    def stack_name(self, names: Names, entity: str) -> str:
        """Return the name of an entity's stack."""

    @abstractmethod
    def values(self, name: str, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Return what the template needs beyond the namespace and the digest; `name` is the entity's own name."""

    def own_name(self, entity: str) -> str:
        """Return an entity's own name."""
        return entity.partition("/")[2]

    def template_input(self) -> str:
        """Return the input that stands for the template itself, so that a new one makes a new stack."""
        return source_digest(self.template)[:16]

    def observed(self, snapshot: Snapshot) -> dict[Address, Observed]:
        """Return the stacks of this kind, and those of others that bear a name of ours."""
        found: dict[Address, Observed] = {}
        for stack in snapshot.stacks.values():
            address = self.address_of(stack, snapshot.names)
            if address is not None:
                found[address] = self.look(address.entity, stack, snapshot)
        return found

    def look(self, entity: str, stack: Stack, snapshot: Snapshot) -> Observed:  # noqa: ARG002 - for kinds that look deeper
        """Judge one stack."""
        if snapshot.is_stray(stack):
            command = f"`aws cloudformation delete-stack --stack-name {stack.name} --region {stack.region}`"
            note = f"an earlier life of this namespace left its stack; if nobody needs it: {command}"
            return Observed(Presence.FOREIGN, {STRAY: True}, note)
        if not snapshot.owns(stack):
            return Observed(
                Presence.FOREIGN, note=f"a stack named {stack.name} exists that this namespace did not make"
            )
        facts = {**stack.outputs, UPDATED: stack.updated, STATUS: stack.status, "kind": self.name}
        if stack.status in DEAD or (stack.status == STUCK and self.is_replaceable):
            return Observed(Presence.BROKEN, facts, f"its stack is in {stack.status}")
        return Observed(Presence.PRESENT, facts, f"its stack is in {stack.status}, and no apply recorded it")

    def address_of(self, stack: Stack, names: Names) -> Address | None:
        """Return the part whose name the stack bears, whoever made it."""
        tagged = stack.tags.get(ADDRESS_TAG, "").partition(":")[0]
        is_tagged = tagged.startswith(self.entities) and self.stack_name(names, tagged) == stack.name
        entity = tagged if is_tagged else self.entity_named(stack.name, names)
        return None if entity is None else Address(entity, STACK)

    def name_at(self, address: Address, names: Names) -> str:
        """Return the name of a part's stack."""
        return self.stack_name(names, address.entity)

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:
        """Tell an update that failed from what others did, and what the user asked for from both."""
        if seen is not None and seen.facts.get(ASKED):
            return Finding(Action.REPLACE, (Reason(Cause.REQUESTED, "replaced as you asked"),), losing=True)
        found = super().review(recorded, seen, now)
        rolled_back = seen is not None and seen.facts.get(STATUS) == "UPDATE_ROLLBACK_COMPLETE"
        if found is not None and found.action is Action.UPDATE and rolled_back:
            return replace(
                found, reasons=(Reason(Cause.FAILED, "an update of its stack failed and was rolled back"),)
            )
        return found

    @abstractmethod
    def entity_named(self, stack_name: str, names: Names) -> str | None:
        """Return the entity that would get a stack of this name, or None."""

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Create or update the stack; a replacement deletes it first."""
        entity = change.address.entity
        name = self.name_at(change.address, run.names)
        if change.drift and change.recorded is not None and change.action is Action.UPDATE:
            self._revert(
                change, inputs, change.recorded.outputs, run, frozenset(each.field for each in change.drift)
            )
        if change.drift_only and change.recorded is not None:
            return change.recorded.outputs
        if change.action is Action.REPLACE:
            run.stacks.delete(
                name, run.owner_tags(change.address), lambda text: run.report(change.address, text)
            )
        rendered = render(
            self.template,
            namespace=run.names.namespace,
            digest=digest(inputs),
            **self.values(self.own_name(entity), inputs, run),
        )
        blueprint = Blueprint(
            name,
            json.dumps(json.loads(rendered), separators=(",", ":")),
            run.stack_tags(change.address, inputs.get("tags", {})),
            run.owner_tags(change.address),
            protect=self.protect_termination,
            outputs={DIGEST: digest(inputs)},
        )
        stack = run.stacks.ensure(blueprint, lambda text: run.report(change.address, text))
        if not change.drift and any(each.cause is Cause.DRIFTED for each in change.reasons):
            # What else was changed below a stack that others changed could not be told before.
            self._revert(change, inputs, stack.outputs, run)
        return self.outputs(stack)

    def made_from(self, recorded: Recorded) -> Mapping[str, Any]:
        """Return the inputs that a recorded stack was rendered from."""
        return recorded.inputs

    def _revert(
        self,
        change: Change,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        run: Run,
        fields: frozenset[str] | None = None,
    ) -> None:
        """Set back what drifted, at once to what the file says now."""
        from iam_ra.kinds.drift import revert  # noqa: PLC0415 - it knows stacks

        if self.is_watched:
            revert(self, change.address, inputs, outputs, run, fields)

    def outputs(self, stack: Stack) -> dict[str, Any]:
        """Return what the state keeps of the stack."""
        return {**stack.outputs, UPDATED: stack.updated}

    def recover(
        self, address: Address, seen: Observed, inputs: Mapping[str, Any] | None, run: Run
    ) -> Recorded | None:
        """Take up the stack; if it was made from other inputs than the file's, it seems changed."""
        found = super().recover(address, seen, inputs, run)
        if found is None:
            return None
        outputs = {name: value for name, value in found.outputs.items() if name != STATUS}
        return replace(found, outputs={**outputs, DIGEST: digest(found.inputs)})

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Delete the stack."""
        name = self.name_at(recorded.address, run.names)
        run.stacks.delete(
            name, run.owner_tags(recorded.address), lambda text: run.report(recorded.address, text)
        )
