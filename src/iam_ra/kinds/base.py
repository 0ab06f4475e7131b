"""The contract of a kind, and the register of all of them.

A kind is one file in this folder with one class that `@register` puts into the register. The life of a part:

1. `desired(namespace, repository)` yields the parts that the file asks for. Pure. Inputs are JSON without secrets; an output of
   another part stands in them as a `Ref`.
2. `observed(snapshot)` says which parts of the kind the world shows, wanted or not. Pure. Yield only what is provably
   ours (tags, lineage), and FOREIGN for what bears a name that we would give.
3. `review(recorded, seen, now)` may find a reason to change a part whose inputs are as recorded. Pure. `due(recorded,
   namespace, now)` tells what days to come will ask for.
4. `doubts(change, names)` yields what a change rests on that only a list has shown, for lists may lag behind; it is asked
   for by itself and the plan made again. `closer_look(change, run)` may look closer at a part that would change, when the bulk does not show enough, and give
   facts about other parts; the plan is then made again with them. Reads only.
5. `preflight(change, run)` yields what would stop a change, before anything is written. Reads only.
6. `recover(address, seen, inputs, run)` tells what a state that is lost held of a part. Reads only.
7. `apply(change, inputs, run)` makes the part so, whatever it finds half done, and returns its outputs.
   `delete(recorded, run)` takes it away; a part that is gone is fine.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.diff import Finding
from iam_ra.engine.part import Observed, Part, Presence, Recorded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.naming import Names
    from iam_ra.aws.snapshot import Doubt, Snapshot
    from iam_ra.config.model import Namespace
    from iam_ra.engine.address import Address
    from iam_ra.engine.due import Due
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run


class Kind(ABC):
    """The code that knows one sort of part.

    `name` is the kind's name in states and plans, `summary` a line that describes it. `stable_outputs` are the outputs
    that an update in place keeps; `fixed_inputs` those inputs that can never change, each with the reason; `pool` names a limit on how many changes of such kinds run at once. `drift_notes`
    says in words what it means that a fact is not as recorded.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    stable_outputs: ClassVar[frozenset[str]] = frozenset()
    fixed_inputs: ClassVar[Mapping[str, str]] = {}
    pool: str | None = None
    drift_notes: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:
        """Yield the parts that the file, and the repository around it, ask for."""

    @abstractmethod
    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the parts that the snapshot shows. The facts of an unrecorded one hold its `kind`."""

    @abstractmethod
    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Make the part as `inputs` say and return its outputs, the observable facts among them."""

    @abstractmethod
    def delete(self, recorded: Recorded, run: Run) -> None:
        """Take the part away."""

    def kept_outputs(self, change: Change) -> frozenset[str]:  # noqa: ARG002 - most kinds keep always the same
        """Return the outputs that an update in place keeps."""
        return self.stable_outputs

    def doubts(self, change: Change, names: Names) -> Iterator[Doubt]:  # noqa: ARG002 - most kinds rest on no list
        """Yield what a change that the world asks for rests on and only a list, which may lag, has shown."""
        yield from ()

    def closer_look(self, change: Change, run: Run) -> Iterator[tuple[Address, Mapping[str, Any]]]:  # noqa: ARG002
        """Yield facts, by address, that only a closer look at a part that would change can give."""
        yield from ()

    def preflight(self, change: Change, run: Run) -> Iterator[IamRaError]:  # noqa: ARG002 - most kinds need nothing
        """Yield what would stop the change, before anything is written."""
        yield from ()

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:  # noqa: ARG002
        """Return why a recorded part must change although its inputs did not, or None."""
        if seen is None:
            return Finding(Action.CREATE, (Reason(Cause.MISSING, "was deleted outside iam-ra"),))
        if seen.presence is Presence.BROKEN:
            return Finding(Action.REPLACE, (Reason(Cause.FAILED, seen.note),))
        notes = {
            self.drift_notes[fact]
            for fact, value in seen.facts.items()
            if fact in self.drift_notes and value != recorded.outputs.get(fact)
        }
        reasons = tuple(Reason(Cause.DRIFTED, note) for note in sorted(notes))
        return Finding(Action.UPDATE, reasons) if reasons else None

    def recover(
        self,
        address: Address,
        seen: Observed,
        inputs: Mapping[str, Any] | None,
        run: Run,  # noqa: ARG002 - most kinds show it all
    ) -> Recorded | None:
        """Return what a lost state held of a part that is there, or None where the world does not tell.

        `inputs` are those that the file asks for; None for a part that it does not ask for, or not as far as is known
        yet. What differs from them must not be passed over: the next plan shows what is recorded here. Reads only.
        """
        if inputs is None:
            return None
        outputs = {name: value for name, value in seen.facts.items() if name != "kind"}
        return Recorded(address, self.name, inputs, outputs)

    def as_recorded(self, recorded: Recorded) -> Observed:
        """Return what would be observed of a recorded part that nobody touched, for plans that do not look."""
        return Observed(Presence.PRESENT, {**recorded.outputs, "kind": self.name})

    def leaving(self, recorded: Recorded, now: datetime) -> Reason | None:  # noqa: ARG002 - parts go by edits of the file
        """Return why a part goes although its entity stays, where that is no edit of the file, or None."""
        return None

    def due(self, recorded: Recorded, namespace: Namespace, now: datetime) -> Iterator[Due]:  # noqa: ARG002
        """Yield what days to come will ask of a recorded part, by what is remembered of it at `now`."""
        yield from ()


_REGISTER: dict[str, Kind] = {}
K = TypeVar("K", bound=type[Kind])


def register(kind: K) -> K:
    """Add a kind to the register (a class decorator)."""
    _REGISTER[kind.name] = kind()
    return kind


@cache
def all_kinds() -> Mapping[str, Kind]:
    """Return every kind of this folder by name, in the order of names."""
    package = importlib.import_module("iam_ra.kinds")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"iam_ra.kinds.{module.name}")
    return dict(sorted(_REGISTER.items()))
