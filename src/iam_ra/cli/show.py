"""`iam-ra show`: a saved plan, as `iam-ra plan` showed it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from iam_ra.cli.envelope import write_object
from iam_ra.cli.options import Command, Options, pass_options


@click.command("show", cls=Command)
@click.argument("plan_file", metavar="PLANFILE", type=click.Path(dir_okay=False, path_type=Path))
@pass_options
def command(options: Options, plan_file: Path) -> None:
    """Show a plan that `iam-ra plan -o PLANFILE` saved. Neither AWS nor the file that was planned is looked at."""
    from datetime import datetime  # noqa: PLC0415 - part of no --help

    from iam_ra.operations.saved_plans import load  # noqa: PLC0415 - boto3 is slow, and no part of --help
    from iam_ra.render.json import plan_json  # noqa: PLC0415
    from iam_ra.render.model import Header  # noqa: PLC0415
    from iam_ra.render.text import plan_text  # noqa: PLC0415

    saved = load(plan_file)
    header = Header(saved.namespace, saved.region, saved.account_id, plan_file.name, "show")
    if options.json:
        write_object(
            plan_json(
                saved.plan,
                header,
                lineage=saved.lineage,
                serial=saved.serial,
                now=datetime.fromisoformat(saved.made),
                checksum=saved.checksum,
            )
        )
        return
    color = options.wants_color(sys.stdout)
    text = plan_text(saved.plan, header, checksum=saved.checksum, verbose=options.verbose, color=color)
    click.echo(text, nl=False, color=color)
    click.echo(f"Made on {saved.made[:16].replace('T', ' ')} UTC; `iam-ra apply {plan_file}` makes it.")
