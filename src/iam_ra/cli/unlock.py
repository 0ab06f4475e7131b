"""`iam-ra unlock`: take the lock away from an apply that is dead."""

from __future__ import annotations

import sys

import click

from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.running import recaller_for
from iam_ra.engine.errors import UsageError


@click.command("unlock", cls=Command)
@click.argument("lock_id", metavar="ID", required=False)
@click.option("--force", is_flag=True, help="Take away a lock object that cannot be read.")
@pass_options
def command(options: Options, lock_id: str | None, force: bool) -> None:
    """Take the lock with this ID away from whoever holds it; the message of a refused apply names it.

    A dead apply's lease ends by itself after two minutes. One that is alive notices, begins nothing more, and ends
    with an error.
    """
    if (lock_id is None) is not force:
        raise UsageError(
            "give the ID of the lock, or --force for one that cannot be read",
            fix="`iam-ra state lock` shows who holds it",
        )
    info = recaller_for(options).unlock(lock_id)
    if options.json:
        write_json("unlock", {"unlocked": lock_id})
        return
    style = options.style(sys.stdout)
    whose = "" if info is None else f" of {info.holder}@{info.host} ({info.operation})"
    click.echo(f"The lock{whose} is gone.", color=style.color)
