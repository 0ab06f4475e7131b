"""`iam-ra plan`: what the file would change. Reads only."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iam_ra.cli import exits
from iam_ra.cli.envelope import write_object
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.running import plan_object, planner_for, show, workplace_for
from iam_ra.cli.wishes import Asked, asked_options, day_ahead
from iam_ra.engine.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from iam_ra.config.load import Loaded
    from iam_ra.operations.planning import Planned


@click.command("plan", cls=Command)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@click.option(
    "--now", "day", metavar="DATE", help="Plan for a day to come: +90d, or a date or time in ISO 8601."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the plan, for `iam-ra show FILE` and `iam-ra apply FILE`. It holds no secret.",
)
@asked_options
@pass_options
def command(
    options: Options,
    detailed_exitcode: bool,
    day: str | None,
    output: Path | None,
    asked: Asked,
) -> int:
    """Compare the file with the recorded state and with what is really there, and show what would change.

    Nothing is written, to AWS or to the disk but for the file of -o, and no lock is taken.
    """
    if output is not None and day is not None:
        raise UsageError(
            "--now and -o contradict each other", why="what a day to come brings cannot be applied today"
        )
    ahead = day_ahead(day)
    loaded = options.load()
    wishes = asked.wishes(loaded)
    workplace = workplace_for(options, loaded)
    planned = planner_for(workplace, asked.allow, wishes=wishes, ahead=ahead, scope=asked.scope).plan()
    if options.json:
        write_object(plan_object(loaded, planned, "plan"))
    else:
        show(options, loaded, planned, "plan")
    if output is not None and planned.is_applicable:
        _save(planned, loaded, asked, output)
        click.echo(f"Saved to {output}: `iam-ra apply {output}` makes it.", err=True)
    if not planned.is_applicable:
        return RefusedError.exit_code
    return exits.CHANGES if detailed_exitcode and not planned.plan.is_empty else exits.OK


def _save(planned: Planned, loaded: Loaded, asked: Asked, output: Path) -> None:
    from iam_ra.files import atomic  # noqa: PLC0415 - part of no --help
    from iam_ra.operations import saved_plans  # noqa: PLC0415 - boto3 is slow, and no part of --help

    data = saved_plans.write(planned, loaded.namespace, asdict(asked))
    atomic.write(output.absolute(), data, root=Path(output.absolute().anchor))
