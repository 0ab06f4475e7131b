"""What others changed below the stacks: apart from what the file changes, each with what apply does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from iam_ra.engine.action import Action
from iam_ra.render.style import WIDTH, Style, cells, harmless, wrap
from iam_ra.render.values import full, pair, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from iam_ra.engine.address import Address
    from iam_ra.engine.drift import Drift
    from iam_ra.engine.plan import Change, Plan

_INDENT: Final = " " * 10
_NOTHING: Final = "(nothing)"
DRIFT_TITLE: Final = "Changed outside iam-ra"


def drift_lines(
    plan: Plan, ignored: Mapping[Address, Sequence[Drift]] | None, style: Style, *, verbose: bool
) -> list[str]:
    """Return the section of a plan as lines, a heading first."""
    lines = [line for block in drift_blocks(plan, ignored, style, verbose=verbose) for line in block]
    return [style.bold(f"{DRIFT_TITLE} (expected → found)"), *lines] if lines else []


def drift_blocks(
    plan: Plan, ignored: Mapping[Address, Sequence[Drift]] | None, style: Style, *, verbose: bool
) -> list[list[str]]:
    """Return the lines of each part; what a rule of the file leaves alone is shown only to whoever wants more."""
    blocks = [list(_part(change, style, verbose=verbose)) for change in plan.drifted]
    if verbose:
        for address, drift in sorted((ignored or {}).items()):
            name = style.bold(harmless(str(address)))
            lines = [f"  {style.dim('·')} {name}  {style.dim('ignored')}"]
            for each in drift:
                remedy = f"left alone by ignore_drift[{each.ignored_by}]"
                lines += _setting(each, remedy, style, verbose=True)
            blocks.append(lines)
    return blocks


def drift_json(plan: Plan, ignored: Mapping[Address, Sequence[Drift]] | None = None) -> list[dict[str, Any]]:
    """Return each setting that others changed as a JSON object; `ignored_by` is the number of a rule of the file."""
    found = [(change.address, each) for change in plan.drifted for each in change.drift]
    found += [(address, each) for address, drift in sorted((ignored or {}).items()) for each in drift]
    return [
        {
            "address": str(address),
            "entity": address.entity,
            "part": address.part,
            "field": each.field,
            "expected": each.expected,
            "found": each.found,
            "remedy": "ignored" if each.ignored_by is not None else each.remedy,
            "ignored_by": each.ignored_by,
        }
        for address, each in found
    ]


def _part(change: Change, style: Style, *, verbose: bool) -> Iterator[str]:
    mark = change.action.symbol if change.action is Action.REPLACE else Action.UPDATE.symbol
    yield f"{style.yellow(f'{mark:>3} ')}{style.bold(harmless(str(change.address)))}"
    for each in change.drift:
        yield from _setting(each, each.remedy, style, verbose=verbose)


def _setting(drift: Drift, remedy: str, style: Style, *, verbose: bool) -> Iterator[str]:
    """Yield `name  expected → found · remedy`, on several lines where one is too short."""
    name = harmless(drift.field)
    room = WIDTH - len(_INDENT)
    values = _values(drift, room, style, verbose=verbose)
    plain = _values(drift, room, Style(color=False), verbose=verbose)
    one = f"{name}  {plain[0]} · {remedy}" if len(plain) == 1 else ""
    if one and cells(one) <= WIDTH - 6:
        yield f"      {name}  {values[0]} {style.dim(f'· {remedy}')}"
        return
    yield f"      {name}"
    yield from (f"{_INDENT}{line}" for line in values)
    yield from (style.dim(line) for line in wrap(remedy, first=_INDENT, rest=_INDENT))


def _values(drift: Drift, room: int, style: Style, *, verbose: bool) -> list[str]:
    expected, found = drift.expected, drift.found
    if verbose:
        whole = [*_signed("-", expected), *_signed("+", found)]
        if any(cells(line) > room for line in whole) or isinstance(expected or found, dict | list):
            return whole
    if expected is None or found is None:
        before, after = (
            _NOTHING if each is None else short(each, room - cells(_NOTHING) - 3)
            for each in (expected, found)
        )
    else:
        before, after = pair(expected, found, room - 3)
    if cells(before) + cells(after) + 3 > room:
        return [style.green(f"- {before}"), style.red(f"+ {after}")]
    return [f"{style.green(before)} {style.dim('→')} {style.red(after)}"]


def _signed(sign: str, value: Any) -> list[str]:
    lines = [_NOTHING] if value is None else full(value)
    return [f"{sign if index == 0 else ' '} {line}" for index, line in enumerate(lines)]
