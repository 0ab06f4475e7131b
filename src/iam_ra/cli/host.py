"""`iam-ra host`: the hosts of the file."""

from __future__ import annotations

import click

from iam_ra.cli.lists import hosts
from iam_ra.cli.options import Command, Group, Options, pass_options
from iam_ra.cli.running import lock_timeout_option


@click.group("host", cls=Group)
def command() -> None:
    """Look after hosts: what changes the file also applies just that."""


command.add_command(hosts)


@command.command("renew", cls=Command)
@click.argument("name")
@click.option("--keep-old", is_flag=True, help="What it had before stays for its overlap.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@lock_timeout_option
@pass_options
def renew(options: Options, name: str, keep_old: bool, yes: bool, lock_timeout: float) -> int:
    """Issue a new certificate for the host NAME.

    For a key that is lost or stolen: what the host had before is revoked at once, unless --keep-old is given. The same as apply --target host/NAME
    --renew host/NAME.
    """
    from iam_ra.cli.apply import apply_file  # noqa: PLC0415 - no other command of the group needs it
    from iam_ra.cli.wishes import Asked  # noqa: PLC0415

    address = f"host/{name.removeprefix('host/')}"
    asked = Asked(target=(address,), renew=(address,), keep_old=keep_old)
    return apply_file(options, asked, yes=yes, lock_timeout=lock_timeout)
