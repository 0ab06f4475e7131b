"""`iam-ra validate`: every problem in the file at once, or how much is in it."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, files_argument, pass_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from iam_ra.config.load import Loaded
    from iam_ra.config.model import Namespace
    from iam_ra.render.style import Style


@click.command("validate", cls=Command)
@files_argument
@pass_options
def command(options: Options, files: Sequence[Path]) -> None:
    """Check FILE and list every problem in it, each with its place, cause and fix.

    Default: the nearest iam-ra.yaml. Nothing is asked of AWS.
    """
    from iam_ra.config.finding import shown_path  # noqa: PLC0415 - slow, and no part of --help

    loaded = _load_all(options, files)
    if options.json:
        found = [_as_json(each) for each in loaded]
        write_json("validate", found[0] if len(found) == 1 else {"valid": True, "files": found})
        return
    for each in loaded:
        file = each.namespace.file
        _say(each, shown_path(file) if len(loaded) > 1 else file.name, options.style(sys.stderr))


def _load_all(options: Options, files: Sequence[Path]) -> Sequence[Loaded]:
    """Load each file. Raises ConfigError with the problems of all of them."""
    from iam_ra.config.diagnostics import ConfigError  # noqa: PLC0415 - part of no --help

    loaded: list[Loaded] = []
    errors: list[ConfigError] = []
    for each in [replace(options, file=file) for file in files] or [options]:
        try:
            loaded.append(each.load())
        except ConfigError as error:
            errors.append(error)
    if len(errors) > 1:
        raise ConfigError("the set of files", [problem for error in errors for problem in error.diagnostics])
    if errors:
        raise errors[0]
    return loaded


def _say(loaded: Loaded, name: str, style: Style) -> None:
    from iam_ra.render.problems import diagnostic_text, tally  # noqa: PLC0415 - loads the room of the file

    for each in loaded.warnings:
        click.echo(f"{diagnostic_text(each, style)}\n", err=True, color=style.color)
    warned = f" ({tally(loaded.warnings)})" if loaded.warnings else ""
    click.echo(f"{name} is valid: {_summary(loaded.namespace)}{warned}")


def _summary(namespace: Namespace) -> str:
    from iam_ra.render.problems import plural  # noqa: PLC0415 - loads the room of the file

    counts = _counts(namespace)
    said = [
        plural(counts["authorities"], "authority", "authorities"),
        plural(counts["roles"], "role"),
        plural(counts["hosts"], "host"),
    ]
    if namespace.clusters:
        said += [plural(counts["clusters"], "cluster"), plural(counts["workloads"], "workload")]
    return ", ".join(said)


def _counts(namespace: Namespace) -> dict[str, int]:
    from iam_ra.config.model import CLUSTERS  # noqa: PLC0415 - loads the room of the file

    return {
        "authorities": sum(not each.startswith(CLUSTERS) for each in namespace.authorities),
        "roles": len(namespace.roles),
        "hosts": len(namespace.hosts),
        "clusters": len(namespace.clusters),
        "workloads": sum(len(each.workloads) for each in namespace.clusters.values()),
    }


def _as_json(loaded: Loaded) -> dict[str, Any]:
    namespace = loaded.namespace
    return {
        "valid": True,
        "file": str(namespace.file),
        "namespace": namespace.name,
        "counts": _counts(namespace),
        "warnings": [each.as_dict() for each in loaded.warnings],
    }
