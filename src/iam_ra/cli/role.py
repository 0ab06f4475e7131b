"""`iam-ra role`: the roles of the file."""

from __future__ import annotations

import click

from iam_ra.cli.lists import roles
from iam_ra.cli.options import Group


@click.group("role", cls=Group)
def command() -> None:
    """Create, change and delete roles: each command edits the file, then applies just that."""


command.add_command(roles)
