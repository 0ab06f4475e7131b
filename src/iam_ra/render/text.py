"""A plan for people: what changes, why, field by field, on 80 columns; what stays as it is, is only counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iam_ra.engine.action import Action, Reason
from iam_ra.render.drift import drift_lines
from iam_ra.render.entities import Entity, crowd_name, crowds, entities
from iam_ra.render.fields import key_fields, update_lines, whole_lines
from iam_ra.render.problems import error_lines, plural, warning_lines
from iam_ra.render.style import WIDTH, Style, cells, harmless, pad, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from iam_ra.engine.due import Due
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.plan import Change, Conflict, Plan
    from iam_ra.render.model import Header, PlanDocument

_VERBS: Final = {
    Action.CREATE: "to create",
    Action.UPDATE: "to update",
    Action.REPLACE: "to replace",
    Action.DELETE: "to delete",
}


def plan_text(document: PlanDocument, *, verbose: bool = False, color: bool = False) -> str:
    """Return the plan as text that ends in a newline.

    The checksum is shown to whoever wants more (`verbose`), and so are the ignored settings that others changed.
    """
    plan, header, style = document.plan, document.header, Style(color)
    blocks = [
        [*_title(header, style), *_ahead(header, style)],
        warning_lines(document.warnings, style),
        *(lines for lines, _ in entity_blocks(plan, style, verbose=verbose)),
        drift_lines(plan, document.ignored, style, verbose=verbose),
        *(_conflict_lines(each, style) for each in plan.conflicts),
        *(error_lines(each, style) for each in document.refusals),
        [
            *_totals(plan, document.refusals, style),
            *due_lines(document.next_due, style),
            *([style.dim(f"Checksum {document.checksum}")] if document.checksum and verbose else ()),
        ],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def entity_blocks(plan: Plan, style: Style, *, verbose: bool) -> Iterator[tuple[list[str], int]]:
    """Yield the lines of each entity, or of each crowd where its first member would stand; and how many entities they are."""
    changed = entities(plan)
    gathered = {} if verbose else crowds(changed)
    for entity in changed:
        crowd = gathered.get(entity.likeness)
        if crowd is None:
            yield _entity_lines(entity, style, verbose=verbose), 1
        elif crowd[0] is entity:
            yield _crowd_lines(crowd, style), len(crowd)


def _title(header: Header, style: Style) -> list[str]:
    place = f"{header.account_id}/{header.region}" if header.account_id else header.region
    rest = [f"namespace {header.namespace}", place, header.file]
    name = f"iam-ra {header.command}"
    lines = [name]
    for each in map(harmless, rest):
        if cells(lines[-1]) + cells(each) + 3 <= WIDTH:
            lines[-1] += f" · {each}"
        else:
            lines.append(f"  {each}")
    return [style.bold(name) + style.dim(lines[0].removeprefix(name)), *map(style.dim, lines[1:])]


def _ahead(header: Header, style: Style) -> list[str]:
    return [] if header.ahead is None else list(map(style.yellow, wrap(ahead_sentence(header.ahead))))


def ahead_sentence(ahead: datetime) -> str:
    """Say that a plan is for a day to come."""
    return f"A look ahead to {ahead:%Y-%m-%d %H:%M} UTC, as if nothing else changed until then."


def due_lines(due: Due | None, style: Style) -> list[str]:
    """Return what a later day will ask for as lines."""
    return [] if due is None else list(map(style.dim, wrap(due_sentence(due))))


def due_sentence(due: Due) -> str:
    """Say what a later day will ask for."""
    return f"Next, from {due.when:%Y-%m-%d} on: {due.address} {due.what}."


def _crowd_lines(crowd: Sequence[Entity], style: Style) -> list[str]:
    first = crowd[0]
    _, action, reasons, parts = first.likeness
    name = crowd_name(crowd)
    each = Reason(reasons[0].cause, f"each with {', '.join(parts)}")
    lines = _reasoned(
        f"{first.symbol:>3} ",
        name,
        (*reasons, each),
        style,
        style.bold,
        _paint(action or Action.CREATE, style),
    )
    names = ", ".join(entity.name.partition("/")[2] for entity in crowd)
    return lines + wrap(names, first=" " * 6, rest=" " * 6)


def _entity_lines(entity: Entity, style: Style, *, verbose: bool) -> list[str]:
    paint = _paint(entity.whole or Action.UPDATE, style)
    name = harmless(entity.name)
    reasons = entity.changes[0].reasons if entity.whole else ()
    lines = _reasoned(f"{entity.symbol:>3} ", name, reasons, style, style.bold, paint)
    if entity.whole is Action.DELETE:
        names = ", ".join(harmless(change.address.part) for change in entity.changes)
        return lines + [style.dim(line) for line in wrap(names, first=" " * 6, rest=" " * 6)]
    told = [each for each in entity.changes if verbose or not _is_mute(each, entity)]
    column = max((cells(harmless(each.address.part)) for each in told), default=0)
    for change in told:
        lines += _part_lines(change, column, style, verbose=verbose, headed=entity.whole is not None)
    mute = ", ".join(harmless(each.address.part) for each in entity.changes if each not in told)
    return lines + (wrap(mute, first=" " * 6, rest=" " * 6) if mute else [])


def _is_mute(change: Change, entity: Entity) -> bool:
    """Tell whether a part of a new entity has nothing to show but its name."""
    return entity.whole is not None and change.recorded is None and not key_fields(change, WIDTH)


def _part_lines(change: Change, column: int, style: Style, *, verbose: bool, headed: bool) -> list[str]:
    """Return a part's own line and its fields; `headed` when the entity's line already tells what happens and why."""
    name = harmless(change.address.part)
    fields = [] if change.recorded is None or change.action is Action.DELETE else change.fields
    if not headed:
        lines = _reasoned(
            f"{change.action.symbol:>7} ",
            pad(name, column),
            change.reasons,
            style,
            str,
            _paint(change.action, style),
        )
    elif change.recorded is None and not verbose:
        room = WIDTH - 8 - column
        return [f"      {pad(name, column)}  {style.dim(key_fields(change, room))}".rstrip()]
    else:
        lines = [f"      {name}"]
    if change.action is Action.DELETE:
        return lines
    if change.recorded is not None:
        return lines + update_lines(fields, style, verbose=verbose)
    if verbose:
        return lines + whole_lines(change.fields, style)
    summary = key_fields(change, WIDTH - 10)
    return [*lines, f"{'':10}{style.dim(summary)}"] if summary else lines


def _reasoned(
    mark: str,
    name: str,
    reasons: Sequence[Reason],
    style: Style,
    name_style: Callable[[str], str],
    paint: Callable[[str], str],
) -> list[str]:
    """Return `mark name  reasons`, the reasons wrapped under themselves."""
    margin = cells(mark) + cells(name) + 2
    told = "; ".join(dict.fromkeys(each.text for each in reasons))
    if not told:
        return [paint(mark) + name_style(name.rstrip())]
    if margin > WIDTH // 2:
        below = [style.dim(line) for line in wrap(told, first=" " * 8, rest=" " * 8)]
        return [paint(mark) + name_style(name.rstrip()), *below]
    first, *more = wrap(told, first=" " * margin, rest=" " * margin)
    return [f"{paint(mark)}{name_style(name)}  {style.dim(first[margin:])}", *map(style.dim, more)]


def _paint(action: Action, style: Style) -> Callable[[str], str]:
    return {
        Action.CREATE: style.green,
        Action.UPDATE: style.yellow,
        Action.REPLACE: style.magenta,
        Action.DELETE: style.red,
    }[action]


def _conflict_lines(conflict: Conflict, style: Style) -> list[str]:
    mark, address = "  ! ", harmless(str(conflict.address))
    text = wrap(conflict.text, first=" " * 6, rest=" " * 6)
    return [f"{style.red(mark)}{style.bold(address)}  {style.red('conflict')}", *text]


def _totals(plan: Plan, refusals: Sequence[IamRaError], style: Style) -> list[str]:
    lines = total_lines(plan, style)
    forbidden = [
        plural(count, noun)
        for count, noun in ((len(plan.conflicts), "conflict"), (len(refusals), "refusal"))
        if count
    ]
    if forbidden:
        lines.append(style.red(f"This plan cannot be applied: {' and '.join(forbidden)}, see above."))
    return lines


def total_lines(plan: Plan, style: Style) -> list[str]:
    """Return how much a plan changes as lines without any name in them."""
    lines: list[str] = []
    if plan.edits or plan.conflicts:
        lines.append(f"{style.bold('Plan:')} {_counts(plan, style)}, {plan.unchanged:,} unchanged.")
    elif plan.left_out and plan.is_empty:
        lines.append(style.bold("Nothing to do."))
    elif plan.is_empty:
        stay = plural(plan.unchanged, "part")
        as_said = f"{stay} {'is' if plan.unchanged == 1 else 'are'} as the file says."
        lines.append(f"{style.bold('No changes.')} {as_said}")
    if plan.drifted:
        count = sum(len(change.drift) for change in plan.drifted)
        parts = plural(len(plan.drifted), "part")
        lines.append(f"{style.bold('Drift:')} {plural(count, 'setting')} of {parts} changed outside iam-ra.")
    if plan.left_out:
        lines.append(f"Only a part of the plan: {plural(len(plan.left_out), 'change')} left out.")
    return lines


def _counts(plan: Plan, style: Style) -> str:
    shown = [each for each in _VERBS if each is not Action.REPLACE or plan.counts.get(each)]
    counts = {each: plan.counts.get(each, 0) for each in shown}
    texts = [
        (_paint(action, style) if count else str)(f"{count:,} {_VERBS[action]}")
        for action, count in counts.items()
    ]
    return ", ".join(texts)
