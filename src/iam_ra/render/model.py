"""What a rendering says beside the plan itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from iam_ra.engine.part import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from iam_ra.engine.address import Address
    from iam_ra.engine.drift import Drift
    from iam_ra.engine.due import Due
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.execute import Outcome
    from iam_ra.engine.plan import Plan
    from iam_ra.render.graph import Graph
    from iam_ra.render.problems import Warning_


@dataclass(frozen=True, slots=True)
class Header:
    """Where a plan stands: one namespace in one account and region, from one file.

    `account_id` is empty as long as nobody knows it. `file` is the path as people should see it. `command` is the
    command that shows the plan, `ahead` the day to come that it is for, if it is not for today.
    """

    namespace: str
    region: str
    account_id: str
    file: str
    command: str = "plan"
    ahead: datetime | None = None


class Member(Protocol):
    """An authority or a host with its certificate, as it was applied; as `state.status.Identity` has it."""

    @property
    def entity(self) -> str:
        """Its address."""

    @property
    def identity(self) -> str:
        """The common name of its certificate."""

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that it can take now."""

    @property
    def not_after(self) -> str:
        """When its certificate ends, in ISO 8601."""

    @property
    def days_left(self) -> int | None:
        """How many days that is from now on; below 0 where it has ended, None where only its cluster knows."""

    @property
    def last_used(self) -> str:
        """When Roles Anywhere last saw it, in ISO 8601, or nothing."""

    @property
    def disabled(self) -> bool:
        """Whether it opens nothing for now."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a report says beside a plan: who has a certificate now, and who may become whom by the file and the plan."""

    members: Sequence[Member]
    graph: Graph


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """A plan with all that a rendering of it may say, in whichever format. It holds no secret, as the plan does not.

    `now` is when it was made, by the clock of AWS. `lineage` and `serial` are those of the state that was planned
    against; `lineage` is None before the first apply. `refusals` are why it may not be applied. `next_due` is what a
    later day will ask for. `checksum` names what would be made: `apply --checksum` makes no other plan. `ignored` are
    settings that others changed and that stay. `exit_code` is what the command that shows it ends with. `fleet` looks at
    what there is, for formats that show it; None where only the plan is known.
    """

    plan: Plan
    header: Header
    now: datetime
    lineage: str | None = None
    serial: int = 0
    refusals: Sequence[IamRaError] = ()
    warnings: Sequence[Warning_] = ()
    next_due: Due | None = None
    checksum: str | None = None
    ignored: Mapping[Address, Sequence[Drift]] = field(default_factory=dict)
    exit_code: int = 0
    fleet: Callable[[], Fleet] | None = None

    @property
    def is_applicable(self) -> bool:
        """Whether nothing forbids to apply the plan."""
        return not self.refusals and not self.plan.conflicts


@dataclass(frozen=True, slots=True)
class OutcomeDocument:
    """How an apply of a plan ended after `seconds`.

    `again` is the exact command to go on with. `sessions` are the hosts that lost a role, with the end of the last
    session that they may have open. `undone` holds a line for each entity that is due and had to be left out.
    `exit_code` is what the command ends with.
    """

    planned: PlanDocument
    outcome: Outcome
    seconds: float
    again: str
    sessions: Mapping[str, datetime] = field(default_factory=lambda: NOTHING)
    undone: Sequence[str] = ()
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class ErrorDocument:
    """Why there is no plan, or no apply. What nobody knows yet of `header` is empty."""

    error: IamRaError
    header: Header

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        return self.error.exit_code
