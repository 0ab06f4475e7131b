"""`iam-ra apply`: make it as the file says."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iam_ra.cli import exits
from iam_ra.cli.flakes import point_out_untracked
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.outputs import APPLY_FORMATS, Outputs, Wanted, output_options
from iam_ra.cli.running import (
    applier_for,
    ask,
    carry_out,
    lock_timeout_option,
    planner_for,
    settled,
    workplace_for,
)
from iam_ra.cli.streaming import apply_outputs
from iam_ra.cli.wishes import Asked, asked_options, undone_error
from iam_ra.engine.errors import PreflightError, UsageError

if TYPE_CHECKING:
    from iam_ra.config.load import Loaded
    from iam_ra.operations.planning import Planned
    from iam_ra.operations.saved_plans import SavedPlan


_PARALLELISM = 10


@click.command("apply", cls=Command)
@click.argument(
    "plan_file", metavar="[PLANFILE]", required=False, type=click.Path(dir_okay=False, path_type=Path)
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--checksum", metavar="SUM", help="Make no other plan than the one with this checksum; do not ask."
)
@click.option(
    "--parallelism",
    type=click.IntRange(1, 64),
    default=_PARALLELISM,
    show_default=True,
    help="Changes made at once.",
)
@output_options(APPLY_FORMATS)
@asked_options
@lock_timeout_option
@pass_options
def command(
    options: Options,
    plan_file: Path | None,
    yes: bool,
    checksum: str | None,
    parallelism: int,
    asked: Asked,
    lock_timeout: float,
    wanted: Wanted,
) -> int:
    """Plan, show the plan, ask, and make the changes; each part as soon as what it needs is done.

    With PLANFILE, make exactly the plan that `plan -o` saved, without asking, and nothing if the world it was made for
    is another by now.

    After a failure the parts that do not depend on it are made all the same. Run it again to go on. With --only renewals
    it ends with 3, too, when something is due that it had to leave out.
    """
    return apply_file(
        options,
        asked,
        yes=yes,
        parallelism=parallelism,
        lock_timeout=lock_timeout,
        plan_file=plan_file,
        checksum=checksum,
        wanted=wanted,
    )


def apply_file(
    options: Options,
    asked: Asked,
    *,
    yes: bool,
    parallelism: int = _PARALLELISM,
    lock_timeout: float = 0.0,
    plan_file: Path | None = None,
    checksum: str | None = None,
    wanted: Wanted | None = None,
    command: str = "apply",
    named: tuple[str, ...] | None = None,
) -> int:
    """Plan, show, ask and apply; return the exit code. Also for commands that are an apply with a wish.

    A command that names entities (`named`) is the consent for them: it asks only if others lose something.
    """
    outputs = apply_outputs(options, wanted or Wanted())
    outputs.check(*([] if plan_file is None else [plan_file]))
    with outputs.told():
        loaded = options.load()
        outputs.begin(loaded)
        saved = _saved(plan_file, wished=checksum is not None or not asked.is_nothing)
        if saved is not None:
            asked = Asked.from_saved(saved.asked)
        workplace = workplace_for(options, loaded, threads=parallelism)
        scope = replace(asked.scope, with_followers=named is not None)
        planner = planner_for(
            workplace, asked.allow, wishes=asked.wishes(loaded), scope=scope, named=named or ()
        )
        applier = applier_for(workplace, planner, parallelism, lock_timeout)
        go_on = functools.partial(asked.go_on, with_followers=named is not None)
        with applier.locked(command):
            planned = _agreed(planner.plan(), saved, loaded)
            code = settled(outputs, loaded, planned, command)
            if code is None:
                problems = planner.preflight(planned)
                if problems:
                    raise PreflightError(problems)
                agreed = yes or saved is not None or (named is not None and not _losses(planned, named))
                _consent(outputs, planned, checksum, yes=agreed)
                code = carry_out(options, outputs, loaded, planned, applier, applier.apply, command, go_on)
                point_out_untracked(planned.plan, loaded.namespace.root)
        undone = undone_error(planned)
        if undone is not None and code == exits.OK:
            raise undone
        return outputs.ends_with(code)


def _saved(plan_file: Path | None, *, wished: bool) -> SavedPlan | None:
    if plan_file is None:
        return None
    if wished:
        raise UsageError(
            "a saved plan is applied as it is",
            why="what it was made with (--renew, --only, --allow ...) is in it",
            fix=f"run `iam-ra apply {plan_file}`, or plan again with other options",
        )
    from iam_ra.operations.saved_plans import load  # noqa: PLC0415 - boto3 is slow, and no part of --help

    return load(plan_file)


def _agreed(planned: Planned, saved: SavedPlan | None, loaded: Loaded) -> Planned:
    if saved is None:
        return planned
    from iam_ra.operations.saved_plans import check_place, narrowed  # noqa: PLC0415 - part of no --help

    check_place(saved, loaded.namespace, planned.snapshot.caller.account_id)
    return narrowed(saved, planned)


def _consent(outputs: Outputs, planned: Planned, checksum: str | None, *, yes: bool) -> None:
    if checksum is None:
        ask("Make these changes?", yes=yes or planned.plan.is_empty, asked=outputs.format == "text")
        return
    from iam_ra.operations.saved_plans import check_checksum  # noqa: PLC0415 - part of no --help

    check_checksum(checksum, planned)


def _losses(planned: Planned, named: tuple[str, ...]) -> tuple[str, ...]:
    from iam_ra.operations.guards import unnamed_losses  # noqa: PLC0415 - part of no --help

    return unnamed_losses(planned.plan, named)
