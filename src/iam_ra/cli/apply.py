"""`iam-ra apply`: make it as the file says."""

from __future__ import annotations

from functools import partial

import click

from iam_ra.cli import exits
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.running import (
    allow_option,
    applier_for,
    ask,
    carry_out,
    lock_timeout_option,
    planner_for,
    settled,
    workplace_for,
)
from iam_ra.cli.wishes import go_on, undone_error, wish_options, wishes_of
from iam_ra.engine.errors import PreflightError


@click.command("apply", cls=Command)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--parallelism", type=click.IntRange(1, 64), default=10, show_default=True, help="Changes made at once."
)
@wish_options
@allow_option
@lock_timeout_option
@pass_options
def command(
    options: Options,
    yes: bool,
    parallelism: int,
    renew: tuple[str, ...],
    keep_old: bool,
    end_sessions: bool,
    only: str | None,
    allow: str | None,
    lock_timeout: float,
) -> int:
    """Plan, show the plan, ask, and make the changes; each part as soon as what it needs is done.

    After a failure the parts that do not depend on it are made all the same. Run it again to go on. With --only renewals
    it ends with 3, too, when something is due that it had to leave out.
    """
    loaded = options.load()
    wishes = wishes_of(loaded, renew, keep_old=keep_old, end_sessions=end_sessions, only=only)
    workplace = workplace_for(options, loaded, threads=parallelism)
    planner = planner_for(workplace, allow, wishes=wishes, only=only)
    applier = applier_for(workplace, planner, parallelism, lock_timeout)
    with applier.locked("apply"):
        planned = planner.plan()
        code = settled(options, loaded, planned, "apply")
        if code is None:
            problems = planner.preflight(planned)
            if problems:
                raise PreflightError(problems)
            ask(options, "Make these changes?", yes=yes or planned.plan.is_empty)
            more = partial(go_on, renew, end_sessions, only)
            code = carry_out(options, loaded, planned, applier, applier.apply, "apply", more)
    undone = undone_error(planned)
    if undone is not None and code == exits.OK:
        raise undone
    return code
