"""`iam-ra permissions`: the IAM policy that plan or apply needs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, cast

import click

from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.engine.errors import UsageError

if TYPE_CHECKING:
    from iam_ra.aws.permissions import Purpose, Scope
    from iam_ra.config.model import Namespace


@click.command("permissions", cls=Command)
@click.argument("purpose", metavar="plan|apply", type=click.Choice(("plan", "apply")))
@click.option("--everything", is_flag=True, help="Also what this file does not use, but might one day.")
@click.option(
    "--part", metavar="N", type=click.IntRange(1), help="Only the Nth policy, where there are several."
)
@pass_options
def command(options: Options, purpose: str, everything: bool, part: int | None) -> None:
    """Print the IAM policy that a command needs for this file: no more, on as few resources as IAM allows.

    plan's only reads, and is enough for every command that only reads, but for `verify`. apply's is enough for all.
    Nothing is asked of AWS. More than IAM takes in one policy is printed as several, one after the other.
    """
    from iam_ra.aws.permissions import MAX_CHARACTERS, policies, size  # noqa: PLC0415 - part of no --help

    namespace = options.load().namespace
    scope = scope_of(namespace, everything=everything)
    documents = policies(cast("Purpose", purpose), scope)
    if options.json:
        write_json("permissions", _as_json(purpose, namespace, documents))
        return
    if part is not None and part > len(documents):
        raise UsageError(f"there is no part {part}: {len(documents)} is all there is")
    for number, document in enumerate(documents, 1):
        if part not in {None, number}:
            continue
        which = f"policy {number} of {len(documents)}: " if len(documents) > 1 else ""
        note = f"{which}{size(document):,} of {MAX_CHARACTERS:,} characters of a managed policy"
        click.echo(options.style(sys.stderr).dim(note), err=True)
        click.echo(json.dumps(document, indent=2))
    if scope.account == "*":
        click.echo("any account: the file has no account_id", err=True)


def scope_of(namespace: Namespace, *, everything: bool = False) -> Scope:
    """Return what a file's policy is about."""
    from iam_ra.aws.naming import Names  # noqa: PLC0415 - part of no --help
    from iam_ra.aws.permissions import USES, Scope, Use  # noqa: PLC0415 - part of no --help
    from iam_ra.config.arns import partition_of  # noqa: PLC0415 - part of no --help

    roles, hosts = namespace.roles.values(), namespace.hosts.values()
    attached = {arn for role in roles for arn in role.policies}
    boundaries = {role.permissions_boundary for role in roles if role.permissions_boundary}
    authorities = namespace.authorities.values()
    private_cas = {each.pca_arn for each in authorities if each.pca_arn}
    used: dict[Use, bool] = {
        "secretsmanager": any("secretsmanager" in host.delivery for host in hosts),
        "kms": any(each.key_store == "kms" for each in authorities),
        "private CA": bool(private_cas),
        "new private CA": any(each.mode == "pca-new" for each in authorities),
        "inline policies": any(role.inline_policies for role in roles),
        "managed policies": bool(attached),
        "boundaries": bool(boundaries),
    }
    return Scope(
        Names(namespace.name),
        partition_of(namespace.region),
        namespace.region,
        namespace.account_id or "*",
        USES if everything else frozenset(use for use, is_used in used.items() if is_used),
        sorted(attached),
        sorted(boundaries),
        sorted(private_cas),
    )


def _as_json(purpose: str, namespace: Namespace, documents: list[dict[str, Any]]) -> dict[str, Any]:
    from iam_ra.aws.permissions import MAX_CHARACTERS, size  # noqa: PLC0415 - part of no --help

    return {
        "for": purpose,
        "namespace": namespace.name,
        "region": namespace.region,
        "account_id": namespace.account_id,
        "limit": MAX_CHARACTERS,
        "policies": [{"characters": size(each), "document": each} for each in documents],
    }
