"""`iam-ra plan`: what the file would change. Reads only."""

from __future__ import annotations

import click

from iam_ra.cli import exits
from iam_ra.cli.envelope import write_object
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.running import allow_option, plan_object, planner_for, show, workplace_for
from iam_ra.cli.wishes import day_ahead, wish_options, wishes_of
from iam_ra.engine.errors import RefusedError


@click.command("plan", cls=Command)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@click.option(
    "--now", "day", metavar="DATE", help="Plan for a day to come: +90d, or a date or time in ISO 8601."
)
@wish_options
@allow_option
@pass_options
def command(
    options: Options,
    detailed_exitcode: bool,
    day: str | None,
    renew: tuple[str, ...],
    keep_old: bool,
    end_sessions: bool,
    only: str | None,
    allow: str | None,
) -> int:
    """Compare the file with the recorded state and with what is really there, and show what would change.

    Nothing is written, to AWS or to the disk, and no lock is taken.
    """
    ahead = day_ahead(day)
    loaded = options.load()
    wishes = wishes_of(loaded, renew, keep_old=keep_old, end_sessions=end_sessions, only=only)
    workplace = workplace_for(options, loaded)
    planned = planner_for(workplace, allow, wishes=wishes, ahead=ahead, only=only).plan()
    if options.json:
        write_object(plan_object(loaded, planned, "plan"))
    else:
        show(options, loaded, planned, "plan")
    if not planned.is_applicable:
        return RefusedError.exit_code
    return exits.CHANGES if detailed_exitcode and not planned.plan.is_empty else exits.OK
