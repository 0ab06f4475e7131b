"""What somebody changed below the stacks, found setting by setting, and put back.

A stack does not notice that its role's trust policy was edited. So the stack's template is rendered from the recorded
inputs, its resources are compared with what AWS shows of them, and apply sets back what differs by the services' own
calls: UpdateStack with an unchanged template does nothing.

Only what a stack of ours made is looked at, by the ARNs in its outputs. What bears the name of such a resource and is
another one, or has the tags of another life of the namespace, is foreign: refused, never touched.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from iam_ra.aws.live import ATTACHED, Key, Live, read
from iam_ra.aws.naming import LINEAGE_TAG
from iam_ra.engine.drift import Drift
from iam_ra.engine.errors import ConflictError, StackError
from iam_ra.engine.part import Observed, Presence
from iam_ra.files.templating import render
from iam_ra.kinds.drift_expected import Resource, resources
from iam_ra.kinds.drift_revert import put_back
from iam_ra.kinds.stack import DIGEST, UPDATED, StackKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from iam_ra.aws.live_settings import Settings
    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import IgnoreDrift
    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Recorded
    from iam_ra.kinds.base import Kind
    from iam_ra.kinds.run import Run

# Lists of these may lag minutes behind; a second look is cheap.
_LAGGING: Final = frozenset({"role", "secret"})
# A stack whose resource of such a sort was deleted is made anew; kinds see by themselves when a role or a secret is gone.
_REPLACED: Final = frozenset({"profile", "trust_anchor"})
_GONE: Final = "apply replaces the stack"


@dataclass
class Drifted:
    """What was found. `suspects` are resources that only a list has shown to differ, `ignored` what stays by a rule.

    `used` are the numbers of the rules that some setting was ignored by.
    """

    observed: dict[Address, Observed]
    suspects: set[Key] = field(default_factory=set)
    ignored: dict[Address, tuple[Drift, ...]] = field(default_factory=dict)

    @property
    def used(self) -> set[int]:
        """The numbers of the rules by which something stays."""
        return {
            drift.ignored_by
            for each in self.ignored.values()
            for drift in each
            if drift.ignored_by is not None
        }


def with_drift(
    observed: Mapping[Address, Observed],
    recorded: Mapping[Address, Recorded],
    snapshot: Snapshot,
    kinds: Mapping[str, Kind],
    run: Run,
) -> Drifted:
    """Return what was observed with the drift in it."""
    found = Drifted(dict(observed))
    for address, known in recorded.items():
        kind, seen = kinds.get(known.kind), observed.get(address)
        if seen is None or not isinstance(kind, StackKind) or not _is_comparable(kind, known, seen):
            continue
        stack = snapshot.stacks[kind.name_at(address, snapshot.names)]
        for resource in stack_resources(
            kind, address, kind.made_from(known), {**known.outputs, **stack.outputs}, run
        ):
            found.observed[address] = _judged(found, address, resource, snapshot.live, run)
    return found


def _is_comparable(kind: StackKind, known: Recorded, seen: Observed) -> bool:
    """Tell whether the stack is still the one that was recorded: what differs then is not the stack's doing."""
    return (
        kind.is_watched
        and seen.presence in {Presence.PRESENT, Presence.BROKEN}
        and known.inputs.get("template") == kind.template_input()
        and all(seen.facts.get(fact) == known.outputs.get(fact) for fact in (DIGEST, UPDATED))
    )


def stack_resources(
    kind: StackKind, address: Address, inputs: Mapping[str, Any], outputs: Mapping[str, Any], run: Run
) -> Iterator[Resource]:
    """Yield the resources of a part's stack as its template makes them of `inputs`."""
    values = kind.values(kind.own_name(address.entity), inputs, run)
    template = json.loads(render(kind.template, namespace=run.names.namespace, digest="", **values))
    tags = run.stack_tags(address, inputs.get("tags", {}))
    return resources(template, outputs, tags, run.aws.caller.partition)


def _judged(found: Drifted, address: Address, resource: Resource, live: Live, run: Run) -> Observed:
    """Return what is observed of a part, now that one of its resources has been looked at."""
    seen, key = found.observed[address], resource.key
    there = live.resources.get(key)
    if there is None:
        if key.sort not in live.listed:
            return seen
        found.suspects.add(key)
        gone = Drift(resource.name, resource.arn or key.id, None, _GONE)
        if seen.presence is Presence.PRESENT and key.sort in _REPLACED:
            note = f"{resource.name.replace('_', ' ')} {key.id.rpartition('/')[2]} was deleted outside iam-ra"
            return replace(seen, presence=Presence.BROKEN, note=note, drift=(*seen.drift, gone))
        return replace(seen, drift=(*seen.drift, gone)) if seen.presence is Presence.BROKEN else seen
    if _is_another(resource, there, run):
        found.suspects.add(key)
        what = f"{resource.name.replace('_', ' ')} {key.id}"
        return Observed(Presence.FOREIGN, note=f"{what} exists that this namespace did not make")
    drift = list(_differences(address, resource, there, live, run.ignore_drift))
    if drift and key.sort in _LAGGING:
        found.suspects.add(key)
    ignored = tuple(each for each in drift if each.ignored_by is not None)
    if ignored:
        found.ignored[address] = (*found.ignored.get(address, ()), *ignored)
    left = tuple(each for each in drift if each.ignored_by is None)
    return replace(seen, drift=(*seen.drift, *left)) if left else seen


def _is_another(resource: Resource, there: Settings, run: Run) -> bool:
    """Tell whether a resource is another one than the stack made: of the same name, or of another life's tags."""
    lineage = there.get(f"tags.{LINEAGE_TAG}", run.lineage)
    return bool(resource.arn and there.get("arn") != resource.arn) or lineage != run.lineage


def _differences(
    address: Address, resource: Resource, there: Settings, live: Live, rules: Sequence[IgnoreDrift]
) -> Iterator[Drift]:
    wanted = resource.settings
    for name in sorted((wanted.keys() | there.keys()) - {"arn"}):
        before, after = wanted.get(name), there.get(name)
        if before != after and live.is_read(resource.key.sort, name):
            path = f"{resource.name}.{name}"
            yield Drift(path, before, after, _remedy(before, after), _rule(address, path, rules))


def _remedy(expected: Any, found: Any) -> str:
    if ATTACHED in {expected if isinstance(expected, str) else "", found if isinstance(found, str) else ""}:
        return "apply attaches it again" if found is None else "apply detaches it"
    if expected is None:
        return "apply removes it"
    return "apply sets it again" if found is None else "apply sets it back"


def _rule(address: Address, path: str, rules: Sequence[IgnoreDrift]) -> int | None:
    """Return the number of the first rule by which a setting stays, or None."""
    for number, rule in enumerate(rules):
        is_meant = any(fnmatchcase(each, rule.address) for each in (str(address), address.entity))
        if is_meant and any(fnmatchcase(path, each) for each in rule.fields):
            return number
    return None


def revert(
    kind: StackKind,
    address: Address,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    run: Run,
    fields: frozenset[str] | None = None,
) -> None:
    """Set what differs back to what `inputs` say: of `fields` only, or of everything that no rule leaves alone.

    Everything is looked at anew before it is touched. Raises StackError when a resource is gone meanwhile, and
    ConflictError when it is another one.
    """
    for resource in stack_resources(kind, address, inputs, outputs, run):
        asked = fields is None or any(each.partition(".")[0] == resource.name for each in fields)
        there = read(run.aws, resource.key) if asked else {}
        if not asked:
            continue
        if there is None:
            raise StackError(
                f"{resource.key.id} was deleted meanwhile",
                why="somebody else was at it since the plan was made",
                fix="run apply again: it plans with what is there now",
            )
        if _is_another(resource, there, run):
            raise ConflictError(
                f"{resource.key.id} is not the one that this namespace made; it was not touched",
                fix="give one of the two another name, or delete it if nobody needs it",
            )
        wrong = _wrong(_differences(address, resource, there, Live(), run.ignore_drift), fields)
        if wrong:
            run.report(address, f"puts back {', '.join(sorted(wrong))}")
            names = frozenset(each.partition(".")[2] for each in wrong)
            put_back(run.aws, resource, names, there)


def _wrong(drift: Iterable[Drift], fields: frozenset[str] | None) -> set[str]:
    return {
        each.field for each in drift if each.ignored_by is None and (fields is None or each.field in fields)
    }


def unread_warnings(live: Live) -> Iterator[str]:
    """Yield a line for each denied action, with what could not be seen for it."""
    denied: defaultdict[str, list[str]] = defaultdict(list)
    for (sort, setting), action in sorted(live.unread.items()):
        denied[action].append(f"{sort}.{setting}" if setting else f"{sort}s")
    for action, unseen in sorted(denied.items()):
        yield f"drift of {', '.join(unseen)} cannot be seen: {action} is not allowed"


def unused_warnings(rules: Sequence[IgnoreDrift], used: set[int]) -> Iterator[str]:
    """Yield a line for each rule that leaves nothing alone."""
    for number, rule in enumerate(rules):
        if number not in used:
            what = f"{rule.address}: {', '.join(rule.fields)}"
            yield f"ignore_drift[{number}] ({what}) ignores nothing: remove it, unless it is for later"
