"""`iam-ra verify`: really obtain credentials with the hosts' certificates."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iam_ra.cli import exits
from iam_ra.cli.entities import TAKER
from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.running import workplace_for
from iam_ra.engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iam_ra.kinds.host_keys import HostKey
    from iam_ra.operations.verifying import Attempt
    from iam_ra.render.style import Style
    from iam_ra.render.table import Cell

_WORKLOADS = "workload/"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("verify", cls=Command)
@click.argument("hosts", nargs=-1, type=TAKER)
@click.option("--all", "every", is_flag=True, help="Every host.")
@click.option("--negative", is_flag=True, help="Also try the roles that a host must not open.")
@click.option("--certificate", metavar="FILE", type=_FILE, help="Of a workload: its certificate (PEM).")
@click.option("--private-key", metavar="FILE", type=_FILE, help="Of a workload: its private key (PEM).")
@pass_options
def command(
    options: Options,
    hosts: tuple[str, ...],
    every: bool,
    negative: bool,
    certificate: Path | None,
    private_key: Path | None,
) -> int:
    """Open a session for each of HOSTS and each of its roles, and ask AWS who that is.

    Keys are read from Secrets Manager or the hosts' SOPS files, into memory only. A workload, such as
    workload/prod/payments/api, is verified by itself, with --certificate and --private-key from its cluster. Exit code 1 if
    anything is not as the file says.
    """
    workloads = [each for each in hosts if each.startswith(_WORKLOADS)]
    if bool(hosts) == every:
        raise UsageError("name the hosts to verify, or give --all", fix="iam-ra verify --all")
    if bool(workloads) != bool(certificate and private_key) or (workloads and len(hosts) > 1):
        raise UsageError(
            "a workload is verified by itself, with --certificate and --private-key from its cluster",
            why="its key is there alone",
            fix="iam-ra verify workload/CLUSTER/NAMESPACE/NAME --certificate tls.crt --private-key tls.key",
        )
    from iam_ra.operations.verifying import Verifier  # noqa: PLC0415 - part of no --help

    verifier = Verifier(workplace_for(options, options.load()))
    if certificate is not None and private_key is not None:
        attempts = verifier.verify_workload(workloads[0], _held(certificate, private_key), negative=negative)
    else:
        chosen = (
            verifier.hosts() if every else list(dict.fromkeys(host.removeprefix("host/") for host in hosts))
        )
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


def _held(certificate: Path, private_key: Path) -> HostKey:
    """Return a pair of files; what follows the first certificate is left out."""
    from iam_ra.kinds.host_keys import HostKey  # noqa: PLC0415 - part of no --help
    from iam_ra.pki.certificate import certificate_pem, load_bundle  # noqa: PLC0415
    from iam_ra.pki.keys import PrivateKey  # noqa: PLC0415
    from iam_ra.pki.secret import Secret  # noqa: PLC0415

    leaf = load_bundle(certificate.read_bytes())[0]
    key = PrivateKey.from_pem(Secret(private_key.read_bytes()))
    return HostKey(str(leaf.serial_number), certificate_pem(leaf).encode(), key)


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
