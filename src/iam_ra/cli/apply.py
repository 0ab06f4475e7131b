"""`iam-ra apply`: make it as the file says."""

from __future__ import annotations

import click

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
from iam_ra.engine.errors import PreflightError


@click.command("apply", cls=Command)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--parallelism", type=click.IntRange(1, 64), default=10, show_default=True, help="Changes made at once."
)
@allow_option
@lock_timeout_option
@pass_options
def command(options: Options, yes: bool, parallelism: int, allow: str | None, lock_timeout: float) -> int:
    """Plan, show the plan, ask, and make the changes; each part as soon as what it needs is done.

    After a failure the parts that do not depend on it are made all the same. Run it again to go on.
    """
    loaded = options.load()
    workplace = workplace_for(options, loaded, threads=parallelism)
    planner = planner_for(workplace, allow)
    applier = applier_for(workplace, planner, parallelism, lock_timeout)
    with applier.locked("apply"):
        planned = planner.plan()
        code = settled(options, loaded, planned, "apply")
        if code is not None:
            return code
        problems = planner.preflight(planned)
        if problems:
            raise PreflightError(problems)
        ask(options, "Make these changes?", yes=yes or planned.plan.is_empty)
        return carry_out(options, loaded, planned, applier, applier.apply, "apply")
