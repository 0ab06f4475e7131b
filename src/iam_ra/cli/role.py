"""`iam-ra role`: the roles of the file."""

from __future__ import annotations

import click

from iam_ra.cli.entities import ROLE
from iam_ra.cli.lists import roles as role_list
from iam_ra.cli.options import Command, Group, Options, pass_options
from iam_ra.cli.verbs import How, ca_option, carry, plain, verb_options


@click.group("role", cls=Group)
def command() -> None:
    """Create, change and delete roles: each command edits the file, then applies just that."""


@command.command("create", cls=Command)
@click.argument("name")
@click.option(
    "--policy", "policies", metavar="ARN", multiple=True, help="A managed policy; may be given several times."
)
@click.option("--session-duration", metavar="TIME", help="How long credentials are valid: 1h, or seconds.")
@ca_option(multiple=True, help="Only certificates of this authority may take it.")
@verb_options
@pass_options
def create(
    options: Options,
    name: str,
    policies: tuple[str, ...],
    session_duration: str | None,
    ca: tuple[str, ...],
    how: How,
) -> int:
    """Create the role NAME, or change one that is there.

    Of a role that is there only what is given changes; its policies are then those that are given.
    """
    from iam_ra.config import changes  # noqa: PLC0415 - ruamel.yaml is part of no --help

    return carry(
        options,
        "role create",
        lambda data: changes.create_role(
            data,
            plain("role", name),
            policies=policies,
            session_duration=session_duration,
            authorities=ca,
        ),
        how,
    )


@command.command("delete", cls=Command)
@click.argument("name", type=ROLE)
@click.option("--force", is_flag=True, help="Take it from those that have it.")
@verb_options
@pass_options
def delete(options: Options, name: str, force: bool, how: How) -> int:
    """Delete the role NAME; refused while somebody has it.

    With --force those that have it lose it, and keep their others.
    """
    from iam_ra.config import changes  # noqa: PLC0415 - ruamel.yaml is part of no --help

    return carry(
        options,
        "role delete",
        lambda data: changes.delete_role(data, plain("role", name), force=force),
        how,
    )


command.add_command(role_list)
