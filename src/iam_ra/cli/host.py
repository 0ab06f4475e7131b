"""`iam-ra host`: the hosts of the file."""

from __future__ import annotations

import os
from pathlib import Path

import click

from iam_ra.cli import exits
from iam_ra.cli.entities import HOST, ROLE
from iam_ra.cli.lists import hosts as host_list
from iam_ra.cli.options import Command, Group, Options, pass_options
from iam_ra.cli.verbs import How, ca_option, carry, finish, plain, plain_all, verb_options


@click.group("host", cls=Group)
def command() -> None:
    """Look after hosts: what changes the file also applies just that."""


@command.command("onboard", cls=Command)
@click.argument("name")
@click.option(
    "--role",
    "roles",
    metavar="NAME",
    type=ROLE,
    multiple=True,
    help="A role that it may take; may be given several times.",
)
@click.option(
    "--default-role", metavar="NAME", type=ROLE, help="The one of several that its configuration names."
)
@ca_option(help="The authority that signs its certificate.")
@click.option("--identity", metavar="CN", help="The certificate's common name; else NAME.")
@click.option(
    "--validity-days",
    type=click.IntRange(1, 36_500),
    metavar="DAYS",
    help="How long its certificates are valid.",
)
@click.option("--no-sops", is_flag=True, help="Write no SOPS file for it.")
@click.option("--sops-output", type=click.Path(path_type=Path), help="Where its SOPS file goes.")
@click.option(
    "--csr", type=click.Path(path_type=Path), help="Its certificate signing request: it keeps its key."
)
@click.option("--overwrite", is_flag=True, help="Change a host that is in the file already.")
@verb_options
@pass_options
def onboard(
    options: Options,
    name: str,
    roles: tuple[str, ...],
    default_role: str | None,
    ca: str | None,
    identity: str | None,
    validity_days: int | None,
    no_sops: bool,
    sops_output: Path | None,
    csr: Path | None,
    overwrite: bool,
    how: How,
) -> int:
    """Give the host NAME a certificate and roles."""
    from iam_ra.config import changes  # noqa: PLC0415 - ruamel.yaml is part of no --help

    code = carry(
        options,
        "host onboard",
        lambda data: changes.onboard_host(
            data,
            plain("host", name),
            roles=plain_all("role", roles),
            default_role=default_role and plain("role", default_role),
            authority=ca,
            identity=identity,
            validity_days=validity_days,
            sops=not no_sops,
            sops_output=_from_file(options, sops_output),
            csr=_from_file(options, csr),
            overwrite=overwrite,
        ),
        how,
    )
    if code == exits.OK and how.apply and not options.json:
        _say_next(options, plain("host", name))
    return code


def _say_next(options: Options, name: str) -> None:
    from iam_ra.operations.onboarded import onboarded  # noqa: PLC0415 - part of no --help
    from iam_ra.render.next_steps import next_steps  # noqa: PLC0415

    namespace = options.load().namespace
    click.echo(f"\n{next_steps(onboarded(namespace, namespace.hosts[name]))}", nl=False)


@command.command("offboard", cls=Command)
@click.argument("name", type=HOST)
@verb_options
@pass_options
def offboard(options: Options, name: str, how: How) -> int:
    """Take every role from the host NAME.

    Its certificates are revoked and its roles stop naming it, both at once; then its secrets and files go.
    """
    from iam_ra.config import changes  # noqa: PLC0415 - ruamel.yaml is part of no --help

    return carry(options, "host offboard", lambda data: changes.offboard_host(data, plain("host", name)), how)


@command.command("renew", cls=Command)
@click.argument("name", type=HOST)
@click.option("--keep-old", is_flag=True, help="What it had before stays for its overlap.")
@verb_options(edits=False)
@pass_options
def renew(options: Options, name: str, keep_old: bool, how: How) -> int:
    """Issue a new certificate for the host NAME.

    For a key that is lost or stolen: what the host had before is revoked at once, unless --keep-old is given. The same
    as apply --target host/NAME --renew host/NAME.
    """
    from iam_ra.cli.wishes import Asked  # noqa: PLC0415 - click alone is part of --help

    address = f"host/{plain('host', name)}"
    return finish(
        options, "host renew", (address,), None, how, asked=Asked(renew=(address,), keep_old=keep_old)
    )


command.add_command(host_list)


def _from_file(options: Options, path: Path | None) -> str | None:
    """Return a path as the file names it: relative to its folder, if it lies there."""
    if path is None:
        return None
    # Without a look at the disk: a link in the repository is the user's business.
    target = Path(os.path.normpath(Path.cwd() / path))
    folder = Path(os.path.normpath(options.path().absolute().parent))
    return (target.relative_to(folder) if target.is_relative_to(folder) else path).as_posix()
