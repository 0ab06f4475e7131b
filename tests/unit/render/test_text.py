from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.render import samples

from iam_ra.config.diagnostics import Diagnostic
from iam_ra.engine.errors import IamRaError, ProtectedError, TooManyDeletionsError
from iam_ra.render.style import cells
from iam_ra.render.text import plan_text
from iam_ra.render.values import in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.engine.plan import Plan

ANSI = re.compile(r"\x1b\[[0-9;]*m")
PLANS: dict[str, Callable[[], Plan]] = {
    "first_apply": samples.first_apply,
    "edited_role": samples.edited_role,
    "removed_host": samples.removed_host,
    "replaced_anchor": samples.replaced_anchor,
    "drift": samples.drift,
    "drift_below": samples.drift_below,
    "protection": samples.protection,
    "conflict": samples.conflict,
    "hostile": samples.hostile,
    "fleet": samples.fleet,
    "nothing": lambda: samples.plan(settled=[f"host/h{number}:stack" for number in range(31)]),
}
REFUSALS: list[IamRaError] = [
    TooManyDeletionsError(
        "12 of 20 entities would be deleted or replaced: 60%, and the limit is 30%",
        why="A file that lost its entries by mistake would take them from AWS; `limits.max_delete_percent` guards that.",
        fix="If it is meant, run `iam-ra apply --allow deletes:12`.",
    ),
    ProtectedError("host/old is protected", fix="Set `protect: false`, apply, then remove it."),
]
WARNINGS: list[str | Diagnostic] = [
    "this machine's clock is 3 minutes behind that of AWS",
    Diagnostic("warning", "IRA1173", "iam-ra.yaml", 12, 5, "hosts.web", "renew_before is cut to 20d", "", ""),
]


def shown(plan: Plan, *, verbose: bool = False, color: bool = False, **more: Any) -> str:
    return plan_text(samples.document(plan, **more), verbose=verbose, color=color)


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_looks_as_agreed(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.txt", shown(PLANS[name]()))


@pytest.mark.parametrize("name", ["first_apply", "edited_role"])
def test_verbose_shows_all_fields(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.verbose.txt", shown(PLANS[name](), verbose=True))


def test_ignored_drift_is_for_who_wants_more(golden: Callable[[str, str], None]) -> None:
    text = shown(samples.drift_below(), ignored=samples.IGNORED, verbose=True)
    golden("drift_below.verbose.txt", text)


def test_refusals_and_warnings_frame_the_plan(golden: Callable[[str, str], None]) -> None:
    text = shown(samples.removed_host(), refusals=REFUSALS, warnings=WARNINGS)
    golden("refused.txt", text)


@pytest.mark.parametrize("name", PLANS)
def test_colour_adds_nothing_but_colour(name: str) -> None:
    plan = PLANS[name]()
    colored = shown(plan, color=True, refusals=REFUSALS, warnings=WARNINGS)
    assert ANSI.search(colored)
    assert ANSI.sub("", colored) == shown(plan, refusals=REFUSALS, warnings=WARNINGS)


@pytest.mark.parametrize("name", sorted(PLANS.keys() - {"hostile"}))
def test_a_plan_fits_80_columns(name: str) -> None:
    text = shown(PLANS[name](), refusals=REFUSALS, warnings=WARNINGS)
    assert max(map(cells, text.splitlines())) <= 80


@pytest.mark.parametrize("verbose", [False, True])
def test_hostile_names_cannot_steer_the_terminal(verbose: bool) -> None:
    text = shown(samples.hostile(), verbose=verbose)
    assert all(line.isprintable() for line in text.split("\n"))
    assert r"\x1b[2J" in text


def test_different_values_never_look_alike() -> None:
    text = shown(samples.hostile())
    values = re.findall(r"^ +(?:same +)?([-+]) (…?p+.*)$", text, re.MULTILINE)
    assert len(values) == 2
    assert values[0][1] != values[1][1]


def test_the_order_of_fields_hangs_on_nothing_else() -> None:
    change = samples.edited_role().changes[0]
    assert in_order(change.fields) == in_order(reversed(change.fields))
    removed_first = [each.before is None for each in in_order(change.fields) if each.path == "policies"]
    assert removed_first == sorted(removed_first)


def test_an_unknown_account_is_left_out() -> None:
    title = shown(samples.plan(), header=replace(samples.HEADER, account_id="")).splitlines()[0]
    assert title == "iam-ra plan · namespace default · ap-southeast-2 · iam-ra.yaml"


def test_the_order_of_changes_does_not_move_entities() -> None:
    plan = samples.first_apply()
    backwards = replace(
        plan, changes=tuple(sorted(plan.changes, key=lambda each: each.address, reverse=True))
    )
    headings = [re.findall(r"^  [+~-] (.*)$", shown(each), re.MULTILINE) for each in (plan, backwards)]
    assert headings[0] == headings[1]
    assert [each.partition("  ")[0] for each in headings[0]] == [
        "init",
        "ca/default",
        "role/admin",
        "host/web",
    ]
