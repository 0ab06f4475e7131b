"""`iam-ra verify`: really obtain credentials with the hosts' certificates."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from iam_ra.cli import exits
from iam_ra.cli.entities import HOST
from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.running import workplace_for
from iam_ra.engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iam_ra.operations.verifying import Attempt
    from iam_ra.render.style import Style
    from iam_ra.render.table import Cell


@click.command("verify", cls=Command)
@click.argument("hosts", nargs=-1, type=HOST)
@click.option("--all", "every", is_flag=True, help="Every host.")
@click.option("--negative", is_flag=True, help="Also try the roles that a host must not open.")
@pass_options
def command(options: Options, hosts: tuple[str, ...], every: bool, negative: bool) -> int:
    """Open a session for each of HOSTS and each of its roles, and ask AWS who that is.

    Keys are read from Secrets Manager or the hosts' SOPS files, into memory only. Exit code 1 if anything is not as the
    file says.
    """
    if bool(hosts) == every:
        raise UsageError("name the hosts to verify, or give --all", fix="iam-ra verify --all")
    from iam_ra.operations.verifying import Verifier  # noqa: PLC0415 - part of no --help

    verifier = Verifier(workplace_for(options, options.load()))
    chosen = verifier.hosts() if every else list(dict.fromkeys(host.removeprefix("host/") for host in hosts))
    attempts = verifier.verify(chosen, negative=negative)
    wrong = [attempt for attempt in attempts if not attempt.is_right]
    if options.json:
        data = {
            "right": not wrong,
            "attempts": [{**asdict(each), "right": each.is_right} for each in attempts],
        }
        write_json("verify", data)
    else:
        style = options.style(sys.stdout)
        click.echo(_text(attempts, style), nl=False, color=style.color)
    return exits.ERROR if wrong else exits.OK


def _mark(attempt: Attempt, style: Style) -> Cell:
    from iam_ra.render.table import Cell  # noqa: PLC0415 - part of no --help

    if attempt.result == "unchecked":
        return Cell("-")
    return Cell("✓", style.green) if attempt.is_right else Cell("✗", style.red)


def _text(attempts: Sequence[Attempt], style: Style) -> str:
    from iam_ra.render.problems import plural  # noqa: PLC0415 - part of no --help
    from iam_ra.render.style import WIDTH, wrap  # noqa: PLC0415
    from iam_ra.render.table import Column, table_text  # noqa: PLC0415

    columns = (
        Column(""),
        Column("host"),
        Column("role"),
        Column("session"),
        Column("until"),
        Column("days", "right"),
    )
    rows = [
        (
            _mark(each, style),
            each.host,
            each.role,
            each.arn.rpartition("assumed-role/")[2] or each.result,
            each.expires[11:16],
            "" if each.days_left is None else f"{each.days_left:,}",
        )
        for each in attempts
    ]
    wrong = [each for each in attempts if not each.is_right]
    lines = []
    for each in wrong:
        said = each.error or "the role was opened, and must not be"
        lines += ["", style.red(f"✗ {each.host} as {each.role}"), *wrap(said, first="  ", rest="  ")]
    unchecked = [each for each in attempts if each.result == "unchecked"]
    tried = len(attempts) - len(unchecked)
    judged = f"{len(wrong)} not" if wrong else "all"
    tally = f"{plural(tried, 'attempt')}, {judged} as the file says." if tried else "Nothing was tried."
    if unchecked:
        hosts = ", ".join(dict.fromkeys(each.host for each in unchecked))
        lines += ["", *wrap(f"{hosts}: {unchecked[0].error}", first="", rest="  ")]
    return (
        table_text(columns, rows, color=style.color, width=WIDTH if sys.stdout.isatty() else None)
        + "\n".join([*lines, "", tally])
        + "\n"
    )
