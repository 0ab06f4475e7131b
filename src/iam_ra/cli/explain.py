"""`iam-ra explain`: every check that the service makes before it hands out credentials, and how each one goes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iam_ra.cli import exits
from iam_ra.cli.entities import ROLE, TAKER
from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.running import workplace_for
from iam_ra.engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iam_ra.anywhere.situation import CheckResult
    from iam_ra.render.style import Style

_WORKLOADS = "workload/"
_LIVE = ("--trust-anchor", "--profile-arn", "--role-arn")


@click.command("explain", cls=Command)
@click.argument("host", required=False, type=TAKER)
@click.argument("role", required=False, type=ROLE)
@click.option(
    "--certificate",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A certificate (PEM, intermediates after it): a workload's, from its cluster, or anybody's with the three ARNs "
    "read from AWS.",
)
@click.option("--trust-anchor", metavar="ARN", help="With --certificate: the trust anchor.")
@click.option("--profile-arn", metavar="ARN", help="With --certificate: the Roles Anywhere profile.")
@click.option("--role-arn", metavar="ARN", help="With --certificate: the role.")
@pass_options
def command(
    options: Options,
    host: str | None,
    role: str | None,
    certificate: Path | None,
    trust_anchor: str | None,
    profile_arn: str | None,
    role_arn: str | None,
) -> int:
    """Say why HOST may or may not take ROLE: each check of the service in its order, and how to put right what fails.

    HOST may be a workload, such as workload/prod/payments/api, whose default role need not be named; it is judged by the
    certificate that cert-manager would issue, unless one is given.
    Judged here, from the recorded state; nothing is asked of Roles Anywhere. Exit code 0 if the role would be given.
    """
    arns = (trust_anchor, profile_arn, role_arn)
    if host is not None and host.startswith(_WORKLOADS) and arns == (None, None, None):
        role = _default_role(options, host) if role is None else role.removeprefix("role/")
        results = _recorded(options, host, role, certificate)
        title = f"{host} as role/{role}"
    elif certificate is not None:
        if host or role or None in arns:
            raise UsageError(f"--certificate goes with {', '.join(_LIVE)} and without HOST and ROLE")
        results = _live(options, certificate, *(arn or "" for arn in arns))
        title = f"{certificate} as {role_arn}"
    elif host and role and arns == (None, None, None):
        host, role = host.removeprefix("host/"), role.removeprefix("role/")
        results = _recorded(options, host, role)
        title = f"host/{host} as role/{role}"
    else:
        raise UsageError(
            f"name a host and a role, or --certificate with {', '.join(_LIVE)}",
            fix="iam-ra explain HOST ROLE",
        )
    return _report(options, results, title)


def _recorded(
    options: Options, host: str, role: str, certificate: Path | None = None
) -> Sequence[CheckResult]:
    from iam_ra.operations.explaining import explain_recorded  # noqa: PLC0415 - part of no --help

    held = None if certificate is None else certificate.read_bytes()
    return explain_recorded(workplace_for(options, options.load()), host, role, held)


def _default_role(options: Options, workload: str) -> str:
    """Return the default role of a workload of the file. Raises UsageError for one that it does not have."""
    from iam_ra.kinds.manifest_texts import workload_of  # noqa: PLC0415 - part of no --help

    found = workload_of(workload, options.load().namespace)
    if found is None:
        raise UsageError(
            f"the file has no {workload}", fix=f"name the role too: iam-ra explain {workload} ROLE"
        )
    return found[1].roles[0]


def _live(options: Options, certificate: Path, anchor: str, profile: str, role: str) -> Sequence[CheckResult]:
    from iam_ra.anywhere.request import SessionRequest  # noqa: PLC0415 - part of no --help
    from iam_ra.operations.explaining import explain_live  # noqa: PLC0415

    return explain_live(certificate.read_bytes(), SessionRequest(anchor, profile, role), options.profile)


def _report(options: Options, results: Sequence[CheckResult], title: str) -> int:
    refusal = next((each for each in results if not each.passed), None)
    if options.json:
        write_json("explain", {"allowed": refusal is None, "checks": [_as_json(each) for each in results]})
    else:
        style = options.style(sys.stdout)
        text = _text(results, refusal, title, style, verbose=options.verbose)
        click.echo(text, nl=False, color=style.color)
    return exits.OK if refusal is None else exits.ERROR


def _as_json(result: CheckResult) -> dict[str, Any]:
    refusal = result.refusal
    return {
        "id": result.id,
        "title": result.title,
        "outcome": result.outcome.value,
        "compared": list(result.compared),
        "answer": None if refusal is None else f"{refusal.code}: {refusal.message}",
        "fix": result.fix,
        "uncertain": list(result.uncertain),
    }


def _text(
    results: Sequence[CheckResult], refusal: CheckResult | None, title: str, style: Style, *, verbose: bool
) -> str:
    from iam_ra.render.style import wrap  # noqa: PLC0415 - part of no --help

    marks = {"passed": style.green("✓"), "failed": style.red("✗"), "skipped": style.dim("·")}
    lines = [style.bold(f"iam-ra explain · {title}"), ""]
    said = ""
    for each in results:
        lines.append(f"{marks[each.outcome.value]} {each.title}")
        if verbose or each.outcome.value == "failed":
            lines += [
                style.dim(line) for text in each.compared for line in wrap(text, first="    ", rest="      ")
            ]
        if each.fix and each.fix != said:
            lines += wrap(f"fix: {each.fix}", first="    ", rest="         ")
        said = each.fix
    lines.append("")
    if refusal is None or refusal.refusal is None:
        lines.append(style.green("The service would give the role."))
    else:
        said = f"{refusal.refusal.code}: {refusal.refusal.message}"
        lines += wrap(f"The service would answer {refusal.refusal.status} {said}", first="", rest="  ")
    return "\n".join(lines) + "\n"
