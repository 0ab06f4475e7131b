"""`iam-ra show`: a saved plan, as `iam-ra plan` showed it."""

from __future__ import annotations

from pathlib import Path

import click

from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.outputs import PLAN_FORMATS, Outputs, Wanted, output_options


@click.command("show", cls=Command)
@click.argument("plan_file", metavar="PLANFILE", type=click.Path(dir_okay=False, path_type=Path))
@output_options(PLAN_FORMATS)
@pass_options
def command(options: Options, plan_file: Path, wanted: Wanted) -> None:
    """Show a plan that `iam-ra plan -o PLANFILE` saved. Neither AWS nor the file that was planned is looked at."""
    from datetime import datetime  # noqa: PLC0415 - part of no --help

    from iam_ra.operations.saved_plans import load  # noqa: PLC0415 - boto3 is slow, and no part of --help
    from iam_ra.render.model import Header, PlanDocument  # noqa: PLC0415

    outputs = Outputs(options, "show", wanted)
    outputs.check(plan_file)
    with outputs.told():
        saved = load(plan_file)
        document = PlanDocument(
            saved.plan,
            Header(saved.namespace, saved.region, saved.account_id, plan_file.name, "show"),
            datetime.fromisoformat(saved.made),
            lineage=saved.lineage,
            serial=saved.serial,
            next_due=saved.next_due,
            checksum=saved.checksum,
        )
        outputs.write_plan(document)
    if outputs.format == "text":
        click.echo(f"Made on {saved.made[:16].replace('T', ' ')} UTC; `iam-ra apply {plan_file}` makes it.")
