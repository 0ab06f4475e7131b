"""`iam-ra plan`: what the file would change. Reads only."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iam_ra.cli import exits
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.outputs import PLAN_FORMATS, Outputs, Wanted, output_options
from iam_ra.cli.running import document_of, planner_for, workplace_for
from iam_ra.cli.wishes import Asked, asked_options, day_ahead
from iam_ra.engine.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from iam_ra.config.load import Loaded
    from iam_ra.operations.planning import Planned
    from iam_ra.operations.workplace import Workplace
    from iam_ra.render.model import Fleet


@click.command("plan", cls=Command)
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes, drift among them."
)
@click.option(
    "--drift-only", is_flag=True, help="Only what others changed in AWS; exits like --detailed-exitcode."
)
@click.option(
    "--refresh",
    type=click.Choice(["true", "false"]),
    default="true",
    help="false: plan from the state alone, without a look at what is really there.",
)
@click.option(
    "--now", "day", metavar="DATE", help="Plan for a day to come: +90d, or a date or time in ISO 8601."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the plan, for `iam-ra show FILE` and `iam-ra apply FILE`. It holds no secret.",
)
@output_options(PLAN_FORMATS)
@asked_options
@pass_options
def command(
    options: Options,
    detailed_exitcode: bool,
    drift_only: bool,
    refresh: str,
    day: str | None,
    output: Path | None,
    asked: Asked,
    wanted: Wanted,
) -> int:
    """Compare the file with the recorded state and with what is really there, and show what would change.

    Nothing is written, to AWS or to the disk but for the files of -o and --out, and no lock is taken. -o saves the plan
    itself, --out what it looks like.
    """
    _check(output, day, asked.only, is_refreshed=refresh == "true", drift_only=drift_only)
    ahead = day_ahead(day)
    outputs = Outputs(options, "plan", wanted, saved=output)
    outputs.check()
    with outputs.told():
        loaded = options.load()
        outputs.begin(loaded)
        workplace = workplace_for(options, loaded)
        planner = planner_for(
            workplace,
            asked.allow,
            wishes=asked.wishes(loaded),
            ahead=ahead,
            scope=asked.scope,
            only_drift=drift_only,
            refresh=refresh == "true",
        )
        planned = planner.plan()
        code = _exit_code(planned, says_more=detailed_exitcode or drift_only)
        if output is not None and planned.is_applicable:
            _save(planned, loaded, asked, output)
        document = document_of(loaded, planned, "plan", exit_code=code)
        outputs.write_plan(replace(document, fleet=lambda: _fleet(workplace, planned)))
    if output is not None and planned.is_applicable:
        click.echo(f"Saved to {output}: `iam-ra apply {output}` makes it.", err=True)
    return code


def _exit_code(planned: Planned, *, says_more: bool) -> int:
    if not planned.is_applicable:
        return RefusedError.exit_code
    return exits.CHANGES if says_more and not planned.plan.is_empty else exits.OK


def _check(
    output: Path | None, day: str | None, only: str | None, *, is_refreshed: bool, drift_only: bool
) -> None:
    """Raise UsageError for options that contradict each other."""
    if output is not None and day is not None:
        raise UsageError(
            "--now and -o contradict each other", why="what a day to come brings cannot be applied today"
        )
    if output is not None and (drift_only or not is_refreshed):
        other = "--drift-only" if drift_only else "--refresh=false"
        raise UsageError(
            f"{other} and -o contradict each other",
            why="a plan that is to be applied is made from all that is there",
            fix="leave one of the two out",
        )
    if drift_only and (not is_refreshed or only is not None):
        other = "--only renewals" if only is not None else "--refresh=false"
        raise UsageError(
            f"--drift-only and {other} contradict each other",
            why="drift is neither in the state nor in the calendar",
            fix="leave one of the two out",
        )


def _fleet(workplace: Workplace, planned: Planned) -> Fleet:
    from iam_ra.operations.overview import fleet  # noqa: PLC0415 - only for formats that show it

    return fleet(workplace, planned)


def _save(planned: Planned, loaded: Loaded, asked: Asked, output: Path) -> None:
    from iam_ra.files import atomic  # noqa: PLC0415 - part of no --help
    from iam_ra.operations import saved_plans  # noqa: PLC0415 - boto3 is slow, and no part of --help

    data = saved_plans.write(planned, loaded.namespace, asdict(asked))
    atomic.write(output.absolute(), data, root=Path(output.absolute().anchor))
