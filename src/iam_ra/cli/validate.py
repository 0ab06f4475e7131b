"""`iam-ra validate`: every problem in the file at once, or how much is in it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, pass_options

if TYPE_CHECKING:
    from iam_ra.config.load import Loaded
    from iam_ra.config.model import Namespace


@click.command("validate", cls=Command)
@pass_options
def command(options: Options) -> None:
    """Check the file and list every problem in it, each with its place, cause and fix.

    Nothing is asked of AWS.
    """
    from iam_ra.render.problems import diagnostic_text, tally  # noqa: PLC0415 - loads the room of the file

    loaded = options.load()
    if options.json:
        write_json("validate", _as_json(loaded))
        return
    style = options.style(sys.stderr)
    for each in loaded.warnings:
        click.echo(f"{diagnostic_text(each, style)}\n", err=True, color=style.color)
    warned = f" ({tally(loaded.warnings)})" if loaded.warnings else ""
    click.echo(f"{loaded.namespace.file.name} is valid: {_summary(loaded.namespace)}{warned}")


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
