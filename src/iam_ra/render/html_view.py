"""What the report says, as texts and lists: the template only puts them into elements. Every text is harmless, none is HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from iam_ra.config.diagnostics import ConfigError, Diagnostic
from iam_ra.engine.action import Action
from iam_ra.engine.errors import PreflightError
from iam_ra.engine.part import UNKNOWN
from iam_ra.render.entities import crowd_name, crowds, entities
from iam_ra.render.problems import plural
from iam_ra.render.style import Style, harmless
from iam_ra.render.text import ahead_sentence, due_sentence, total_lines
from iam_ra.render.values import full, in_order, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iam_ra.engine.diff import FieldChange
    from iam_ra.engine.drift import Drift
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.plan import Change
    from iam_ra.render.entities import Entity
    from iam_ra.render.graph import Graph
    from iam_ra.render.model import Header, Member, PlanDocument
    from iam_ra.render.problems import Warning_

# Rows that are shown at once; the others open with a click.
ROWS: Final = 25
SOON_DAYS: Final = 30
_LONGEST: Final = 300
_NOTHING: Final = "(nothing)"
# What nobody reads; a reason says that the template is another one.
_UNTOLD: Final = frozenset({"template"})
_KINDS: Final = {
    Action.CREATE: "added",
    Action.UPDATE: "changed",
    Action.REPLACE: "deleted",
    Action.DELETE: "deleted",
}
_SIGNS: Final = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "\N{MINUS SIGN}/+",
    Action.DELETE: "\N{MINUS SIGN}",
}
_PAST: Final = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.DELETE: "deleted",
}
# What goes comes first.
_GROUPS: Final = (
    ("What goes", (Action.DELETE, Action.REPLACE), 6),
    ("What changes", (Action.UPDATE,), 3),
    ("What comes", (Action.CREATE,), 0),
)


@dataclass(frozen=True, slots=True)
class Values:
    """A field before and after, each as lines; no lines where there is nothing."""

    name: str
    before: Sequence[str]
    after: Sequence[str]


@dataclass(frozen=True, slots=True)
class Row:
    """A part of an entity: what happens to it, why, and to which of its fields."""

    name: str
    sign: str
    kind: str
    verb: str
    reasons: str
    fields: Sequence[Values]


@dataclass(frozen=True, slots=True)
class Block:
    """An entity, or a crowd with the `names` of its members."""

    name: str
    sign: str
    kind: str
    reasons: str
    rows: Sequence[Row]
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Entities to which the same sort of thing happens; up to `open` of them show at once what it is."""

    title: str
    count: int
    blocks: Sequence[Block]
    open: int


@dataclass(frozen=True, slots=True)
class Problem:
    """An error or a warning."""

    id: str
    what: str
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that others changed, and what apply does about it."""

    name: str
    expected: Sequence[str]
    found: Sequence[str]
    remedy: str


@dataclass(frozen=True, slots=True)
class Life:
    """Somebody with a certificate: a row of the fleet. `state` is ok, soon, ended or off; `signs`: it is an authority."""

    entity: str
    identity: str
    roles: Sequence[str]
    left: str
    until: str
    used: str
    state: str
    signs: bool


@dataclass(frozen=True, slots=True)
class Taker:
    """Who may take a role, and what the plan does about that."""

    name: str
    kind: str
    off: bool


def facts(header: Header) -> list[tuple[str, str]]:
    """Return where a plan stands, as names and values."""
    known = {
        "Namespace": header.namespace,
        "Account": header.account_id,
        "Region": header.region,
        "File": header.file,
    }
    return [(name, harmless(value)) for name, value in known.items() if value]


def sentences(document: PlanDocument) -> list[str]:
    """Return the plan in short, as sentences."""
    found = list(total_lines(document.plan, Style(color=False)))
    if document.header.ahead is not None:
        found.append(ahead_sentence(document.header.ahead))
    if document.next_due is not None:
        found.append(due_sentence(document.next_due))
    return [harmless(each) for each in found]


def tiles(document: PlanDocument) -> list[tuple[int, str, str]]:
    """Return the counts of a plan, each with its label and its kind."""
    plan = document.plan
    drifted = sum(len(change.drift) for change in plan.drifted)
    counts = [
        (plan.counts.get(Action.DELETE, 0), "to delete", "deleted"),
        (plan.counts.get(Action.REPLACE, 0), "to replace", "deleted"),
        (plan.counts.get(Action.UPDATE, 0), "to update", "changed"),
        (plan.counts.get(Action.CREATE, 0), "to create", "added"),
        (drifted, "drifted", "changed"),
        (plan.unchanged, "unchanged", "same"),
    ]
    return [
        (count, label, kind)
        for count, label, kind in counts
        if count or label not in {"to replace", "drifted"}
    ]


def groups(document: PlanDocument) -> list[Group]:
    """Return what a plan does, entity by entity, what goes first."""
    changed = entities(document.plan)
    gathered = crowds(changed)
    found = []
    for title, actions, most in _GROUPS:
        members = [each for each in changed if _gravest(each) in actions]
        blocks = list(_blocks(members, gathered))
        if blocks:
            found.append(Group(title, len(members), blocks, most))
    return found


def _gravest(entity: Entity) -> Action:
    """Return what an entity stands under: with what goes if any part of it does, with what comes if all of it does."""
    lost = [each.action for each in entity.changes if each.action in {Action.DELETE, Action.REPLACE}]
    return entity.whole or (lost[0] if lost else Action.UPDATE)


def _blocks(members: Sequence[Entity], gathered: Mapping[Any, Sequence[Entity]]) -> Iterator[Block]:
    for entity in members:
        crowd = gathered.get(entity.likeness)
        if crowd is None:
            yield _block(entity)
        elif crowd[0] is entity:
            yield _crowd(crowd)


def _block(entity: Entity) -> Block:
    action = entity.whole or Action.UPDATE
    reasons = _reasons(entity.changes[0]) if entity.whole else ""
    rows = [_row(each, told=entity.whole is None) for each in entity.changes]
    return Block(harmless(entity.name), _SIGNS[action], _KINDS[action], reasons, rows)


def _crowd(crowd: Sequence[Entity]) -> Block:
    first = crowd[0]
    action = first.whole or Action.CREATE
    parts = ", ".join(each.address.part for each in first.changes)
    name = crowd_name(crowd)
    reasons = f"{_reasons(first.changes[0])}; each with {harmless(parts)}"
    names = [harmless(each.name.partition("/")[2]) for each in crowd]
    return Block(name, _SIGNS[action], _KINDS[action], reasons, (), names)


def _row(change: Change, *, told: bool) -> Row:
    fields: Sequence[FieldChange] = () if change.action is Action.DELETE else in_order(change.fields)
    shown = [
        Values(harmless(path), *_sides(list(same)))
        for path, same in groupby(fields, key=lambda each: each.path)
        if path not in _UNTOLD
    ]
    action = change.action
    reasons = _reasons(change) if told else ""
    return Row(harmless(change.address.part), _SIGNS[action], _KINDS[action], _PAST[action], reasons, shown)


def _sides(fields: Sequence[FieldChange]) -> tuple[list[str], list[str]]:
    """Return what goes and what comes; several changes of one field are elements of a list."""
    before = [line for each in fields for line in _lines(each.before)]
    return before, [line for each in fields for line in _lines(each.after)]


def _lines(value: Any) -> list[str]:
    if value is None or value in ("", [], {}):
        return []
    if value is UNKNOWN:
        return [UNKNOWN.value]
    return full(value) if isinstance(value, Mapping) else [short(value, _LONGEST)]


def _reasons(change: Change) -> str:
    return harmless("; ".join(dict.fromkeys(each.text for each in change.reasons)))


def problems(error: IamRaError) -> list[Problem]:
    """Return an error, and what it is made of before it."""
    parts: list[Problem] = []
    if isinstance(error, ConfigError):
        return [_diagnostic(each) for each in error.diagnostics]
    if isinstance(error, PreflightError):
        parts = [each for cause in error.errors for each in problems(cause)]
    return [*parts, Problem(error.id, *map(harmless, (error.what, error.why, error.fix)))]


def refusals(document: PlanDocument) -> list[Problem]:
    """Return why a plan may not be applied."""
    conflicts = [
        Problem("conflict", harmless(f"{each.address}: {each.text}")) for each in document.plan.conflicts
    ]
    return [*(found for each in document.refusals for found in problems(each)), *conflicts]


def warnings(given: Sequence[Warning_]) -> list[Problem]:
    """Return what is odd but forbids nothing."""
    return [
        _diagnostic(each) if isinstance(each, Diagnostic) else Problem("", harmless(each)) for each in given
    ]


def _diagnostic(problem: Diagnostic) -> Problem:
    what = f"{problem.file}:{problem.line}:{problem.column}: {problem.what}"
    return Problem(problem.id, *map(harmless, (what, problem.why, problem.fix)))


def drift(document: PlanDocument) -> list[tuple[str, list[Setting]]]:
    """Return what others changed, part by part, and what of it a rule of the file leaves alone."""
    found = [
        (harmless(str(change.address)), [_setting(each, each.remedy) for each in change.drift])
        for change in document.plan.drifted
    ]
    ignored = [
        (
            harmless(str(address)),
            [_setting(each, f"stays, by ignore_drift[{each.ignored_by}]") for each in settings],
        )
        for address, settings in sorted(document.ignored.items())
    ]
    return found + ignored


def _setting(drift_: Drift, remedy: str) -> Setting:
    return Setting(
        harmless(drift_.field),
        _lines(drift_.expected) or [_NOTHING],
        _lines(drift_.found) or [_NOTHING],
        harmless(remedy),
    )


def lives(members: Sequence[Member]) -> list[Life]:
    """Return the fleet, what ends first on top, and those last whose certificates only their cluster knows."""
    return [
        _life(each)
        for each in sorted(
            members, key=lambda each: (each.days_left is None, each.days_left or 0, each.entity)
        )
    ]


def _life(member: Member) -> Life:
    left, state = _left(member.days_left)
    return Life(
        harmless(member.entity),
        harmless(member.identity),
        [harmless(each) for each in member.roles],
        left,
        harmless(member.not_after[:10]),
        harmless(member.last_used[:16].replace("T", " ")),
        "off" if member.disabled else state,
        not member.entity.startswith(("host/", "workload/")),
    )


def _left(days: int | None) -> tuple[str, str]:
    """Return how long a certificate lasts, in words, and how that is to look."""
    if days is None:
        return "by its cluster", "ok"
    if days < 0:
        return "ended", "ended"
    return plural(days, "day"), "ok" if days > SOON_DAYS else "soon"


def takers(graph: Graph) -> list[tuple[str, str, list[Taker]]]:
    """Return each role, what the plan does about it, and who may take it: the picture as a list."""
    nodes = {node.key: node for node in graph.nodes}
    return [
        (
            harmless(role.name),
            role.mark.value,
            [
                Taker(harmless(nodes[edge.source].key), edge.mark.value, edge.off)
                for edge in graph.edges
                if edge.target == role.key
            ],
        )
        for role in graph.nodes
        if role.key.startswith("role/")
    ]


def sign_of(kind: str) -> str:
    """Return the sign of a change, so that colour is never all that tells it."""
    return {"added": "+", "changed": "~", "deleted": "\N{MINUS SIGN}"}.get(kind, "")
