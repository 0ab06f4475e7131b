"""`iam-ra init`: the first file, and what everything stands on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.verbs import How, finish, mode_options, verb_options
from iam_ra.engine.errors import UsageError

if TYPE_CHECKING:
    from iam_ra.config.load import Loaded
    from iam_ra.operations.editing import FileEdit

_ENTITIES = ("init", "ca/default")
_NAMESPACE = "default"
_MODE = "self-signed"


@click.command("init", cls=Command)
@click.option("--namespace", metavar="NAME", help="What begins every name; else default.")
@click.option("--region", metavar="NAME", help="The region; else that of the environment or the profile.")
@mode_options
@verb_options
@pass_options
def command(
    options: Options,
    namespace: str | None,
    region: str | None,
    ca_mode: str | None,
    pca_arn: str | None,
    ca_validity_years: int | None,
    how: How,
) -> int:
    """Write a first iam-ra.yaml, if there is none, and make the bucket, its key and the authority.

    The file names the account of the credentials in use, so that no other one is taken by mistake. A file that is there
    stays as it is.
    """
    from iam_ra.config.changes import authority_entry  # noqa: PLC0415 - ruamel.yaml is part of no --help
    from iam_ra.config.finding import FILE_NAME, FILE_VARIABLE, is_there  # noqa: PLC0415

    if is_there(options.file, os.environ, Path.cwd()):
        entry = authority_entry(ca_mode, pca_arn, ca_validity_years) if ca_mode or ca_validity_years else {}
        _check(options.load(), namespace, region, entry)
        return finish(options, "init", _ENTITIES, None, how)
    path = options.file or Path(os.environ.get(FILE_VARIABLE) or FILE_NAME)
    entry = authority_entry(ca_mode or _MODE, pca_arn, ca_validity_years or 10)
    edit = _starter(options, Path.cwd() / path, namespace or _NAMESPACE, region, entry)
    return finish(options, "init", _ENTITIES, edit, how)


def _starter(
    options: Options, path: Path, namespace: str, region: str | None, authority: dict[str, Any]
) -> FileEdit:
    from iam_ra.operations.editing import starter_edit  # noqa: PLC0415 - boto3 is slow, and no part of --help

    return starter_edit(path, options.profile, os.environ, namespace, region, authority)


def _check(loaded: Loaded, namespace: str | None, region: str | None, authority: dict[str, Any]) -> None:
    """Raise UsageError for an option that contradicts the file."""
    known = loaded.namespace
    default = known.authorities.get("default")
    years = authority.pop("validity", None)
    said: list[tuple[str, Any, Any]] = [
        ("--namespace", namespace, known.name),
        ("--region", region, known.region),
        *(("--ca-mode", value, getattr(default, key, None)) for key, value in authority.items()),
        ("--ca-validity-years", years, None if default is None else f"{default.validity.days // 365}y"),
    ]
    for option, given, there in said:
        if given is not None and given != there:
            raise UsageError(
                f"{option} contradicts {known.file.name}, which says {there}",
                why=f"there is a file already: {known.file}",
                fix="leave the option out, or edit the file",
            )
