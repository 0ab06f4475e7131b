"""A cloud in memory with one kind of thing in it, and runs against it that can be killed."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.unit.engine.samples import KIND, NOW, Rules

from iam_ra.engine.action import Action
from iam_ra.engine.diff import make_plan
from iam_ra.engine.errors import AwsError
from iam_ra.engine.execute import Executor, Outcome
from iam_ra.engine.part import Observed, Part, Presence, Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iam_ra.engine.address import Address
    from iam_ra.engine.plan import Change, Plan

RULES = {KIND: Rules(stable=frozenset({"arn"}), pool="slow")}


class KilledError(AwsError):
    """The process is dead: nothing of what it was about to do happens."""


@dataclass
class Thing:
    """Something that was made: an ARN for life, a digest of what it was made from."""

    arn: str
    content: str
    broken: bool = False


@dataclass
class Cloud:
    """Things, and what was remembered of them: the state. `lives` is how many more steps a run may take."""

    things: dict[Address, Thing] = field(default_factory=dict)
    state: dict[Address, Recorded] = field(default_factory=dict)
    _numbers: Any = field(default_factory=itertools.count)
    _guard: Any = field(default_factory=threading.Lock)

    def observed(self) -> dict[Address, Observed]:
        return {
            address: Observed(
                Presence.BROKEN if thing.broken else Presence.PRESENT,
                {"kind": KIND, "arn": thing.arn, "digest": thing.content},
                "broken" if thing.broken else "",
            )
            for address, thing in self.things.items()
        }

    def plan(self, desired: Iterable[Part]) -> Plan:
        return make_plan(desired, self.state, self.observed(), RULES, NOW)

    def make(self, change: Change, inputs: Mapping[str, Any]) -> dict[str, Any]:
        content = json.dumps(inputs, sort_keys=True)
        with self._guard:
            thing = self.things.get(change.address)
            if thing is None or change.action is Action.REPLACE:
                assert thing is None or thing.broken
                self.things[change.address] = thing = Thing(f"arn:{next(self._numbers)}", content)
            thing.content = content
            return {"arn": thing.arn, "digest": thing.content}

    def unmake(self, address: Address) -> None:
        with self._guard:
            users = [
                str(each)
                for each, part in self.state.items()
                if address in part.depends_on and each in self.things and address not in part.released_by
            ]
            assert not users, f"{address} was deleted under {users}"
            self.things.pop(address, None)


class Actor:
    """Works on the cloud until it is killed: between two changes, or after one and before it is recorded."""

    def __init__(self, cloud: Cloud, steps: int | None = None) -> None:
        self._cloud = cloud
        self._steps = steps
        self._guard = threading.Lock()

    def _step(self) -> None:
        with self._guard:
            if self._steps is not None:
                self._steps -= 1
                if self._steps < 0:
                    raise KilledError("killed")

    def apply(self, change: Change, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        self._step()
        if change.action is Action.DELETE:
            self._cloud.unmake(change.address)
            return {}
        return self._cloud.make(change, inputs)

    def record(self, address: Address, part: Recorded | None) -> None:
        self._step()
        if part is None:
            self._cloud.state.pop(address, None)
        else:
            self._cloud.state[address] = part


def carry_out(cloud: Cloud, plan: Plan, steps: int | None = None) -> Outcome:
    """Apply a plan with one worker, so that a number of steps always ends at the same place."""
    if steps is None:
        cloud.state.update(plan.settled)
    return Executor(Actor(cloud, steps), lambda _: None, parallelism=1 if steps is not None else 4).run(plan)
