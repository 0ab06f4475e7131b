"""`iam-ra ca`: the authorities, and what they signed."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from iam_ra.cli.entities import AUTHORITY
from iam_ra.cli.envelope import write_json
from iam_ra.cli.lists import authorities
from iam_ra.cli.options import Command, Group, Options, pass_options
from iam_ra.cli.running import lock_timeout_option, workplace_for
from iam_ra.cli.verbs import How, carry, mode_options, plain, verb_options
from iam_ra.engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iam_ra.render.style import Style
    from iam_ra.state.certificates import Certificate

_PREFIX = "ca/"


@click.group("ca", cls=Group)
def command() -> None:
    """Look after the certificate authorities and what they signed."""


@command.command("setup", cls=Command)
@click.argument("name")
@mode_options
@verb_options
@pass_options
def setup(
    options: Options,
    name: str,
    ca_mode: str | None,
    pca_arn: str | None,
    ca_validity_years: int | None,
    how: How,
) -> int:
    """Add the authority NAME, and make it."""
    from iam_ra.config import changes  # noqa: PLC0415 - ruamel.yaml is part of no --help

    return carry(
        options,
        "ca setup",
        lambda data: changes.setup_authority(
            data, plain("ca", name), mode=ca_mode, pca_arn=pca_arn, validity_years=ca_validity_years
        ),
        how,
    )


@command.command("delete", cls=Command)
@click.argument("name", type=AUTHORITY)
@verb_options
@pass_options
def delete(options: Options, name: str, how: How) -> int:
    """Delete the authority NAME; refused while somebody needs it."""
    from iam_ra.config import changes  # noqa: PLC0415 - ruamel.yaml is part of no --help

    return carry(options, "ca delete", lambda data: changes.delete_authority(data, plain("ca", name)), how)


@command.command("rotate", cls=Command)
@click.argument("name", type=AUTHORITY)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@lock_timeout_option
@pass_options
def rotate(options: Options, name: str, yes: bool, lock_timeout: float) -> int:
    """Give the authority NAME a new key and a new certificate.

    This is an apply that also begins a new generation. Hosts get new certificates, their former ones stay good
    for their overlap, and the former generation leaves the trust anchor when none of them is left. The same as
    apply --renew ca/NAME.
    """
    from iam_ra.cli.apply import apply_file  # noqa: PLC0415 - no other command of the group needs it
    from iam_ra.cli.wishes import Asked  # noqa: PLC0415

    address = f"{_PREFIX}{plain('ca', name)}"
    return apply_file(options, Asked(renew=(address,)), yes=yes, lock_timeout=lock_timeout)


command.add_command(authorities)


@command.command("ledger", cls=Command)
@click.option("--ca", "scope", metavar="NAME", type=AUTHORITY, help="Only what this authority signed.")
@pass_options
def ledger(options: Options, scope: str | None) -> None:
    """List every certificate that was ever begun.

    Whose it is, for how long, and what became of it. With -v also why it was issued, and by which apply. Reads
    only.
    """
    from iam_ra.config.model import entity_of  # noqa: PLC0415 - loads the room of the file

    loaded = options.load()
    workplace = workplace_for(options, loaded)
    found = workplace.certificates()
    if scope is not None:
        wanted = entity_of(scope.removeprefix(_PREFIX))
        known = {each.authority for each in found}.union(map(entity_of, loaded.namespace.authorities))
        if wanted not in known:
            raise UsageError(
                f"there is no {wanted}, and there never was", fix=f"name one of {', '.join(sorted(known))}"
            )
        found = tuple(each for each in found if each.authority == wanted)
    if options.json:
        write_json("ca ledger", {"certificates": [asdict(each) for each in found]})
        return
    style = options.style(sys.stdout)
    if not found:
        click.echo("The ledger is empty: nothing was issued yet.")
        return
    click.echo(_table(found, style, verbose=options.verbose), color=style.color)
    counts = Counter(each.status for each in found)
    click.echo(", ".join(f"{count:,} {status}" for status, count in counts.items()) + ".")


def _table(found: Sequence[Certificate], style: Style, *, verbose: bool) -> str:
    from iam_ra.render.style import WIDTH  # noqa: PLC0415 - part of no --help
    from iam_ra.render.table import Cell, Column, table_text  # noqa: PLC0415

    paint = {
        "valid": style.green,
        "overlap": style.yellow,
        "superseded": style.yellow,
        "revoked": style.red,
        "lost": style.dim,
        "expired": style.dim,
    }
    columns = [Column(name) for name in ("serial", "entity", "signed by", "from", "to", "status")]
    more = [Column("identity"), Column("why"), Column("apply")] if verbose else []
    rows = [
        (
            each.serial_hex or f"token {each.token}",
            each.entity,
            f"{each.authority} G{each.generation}",
            each.not_before[:10],
            each.not_after[:10],
            Cell(_status(each), paint[each.status]),
            *((each.identity, each.why, each.run) if verbose else ()),
        )
        for each in found
    ]
    width = WIDTH if sys.stdout.isatty() and not verbose else None
    return table_text([*columns, *more], rows, color=style.color, width=width)


def _status(each: Certificate) -> str:
    if each.until:
        return f"overlap until {each.until[:10]}"
    return f"{each.status} {each.revoked[:10]}".rstrip() if each.status == "revoked" else each.status
