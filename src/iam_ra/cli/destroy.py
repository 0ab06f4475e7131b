"""`iam-ra destroy`: delete everything of the namespace."""

from __future__ import annotations

import click

from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.outputs import Outputs
from iam_ra.cli.running import (
    applier_for,
    ask,
    carry_out,
    lock_timeout_option,
    planner_for,
    settled,
    workplace_for,
)


@click.command("destroy", cls=Command)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--parallelism", type=click.IntRange(1, 64), default=10, show_default=True, help="Changes made at once."
)
@lock_timeout_option
@pass_options
def command(options: Options, yes: bool, parallelism: int, lock_timeout: float) -> int:
    """Delete every host, role and authority, their files and keys, and at last the bucket with the state.

    Refused while anything is protected. It can be run again from wherever it stopped.
    """
    loaded = options.load()
    workplace = workplace_for(options, loaded, threads=parallelism)
    planner = planner_for(workplace)
    applier = applier_for(workplace, planner, parallelism, lock_timeout)
    outputs = Outputs(options, "destroy")
    with applier.locked("destroy"):
        planned = planner.plan(destroy=True)
        code = settled(outputs, loaded, planned, "destroy")
        if code is not None:
            return code
        ask(
            "Delete all of this? It cannot be undone.",
            yes=yes or planned.plan.is_empty,
            asked=not options.json,
        )
        return carry_out(options, outputs, loaded, planned, applier, applier.destroy, "destroy")
