"""`iam-ra k8s render`: the manifests of a cluster on stdout."""

from __future__ import annotations

import os
import stat
import sys

import click

from iam_ra.cli.entities import CLUSTER
from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.running import workplace_for
from iam_ra.engine.errors import UsageError

_PIPE = "iam-ra k8s render {} --decrypt | kubectl apply --server-side -f -"


@click.command("render", cls=Command)
@click.argument("cluster", type=CLUSTER)
@click.argument("workload", required=False)
@click.option(
    "--decrypt", is_flag=True, help="Also the Secret with the authority's key, in clear; into a pipe only."
)
@pass_options
def render(options: Options, cluster: str, workload: str | None, decrypt: bool) -> None:
    """Print the manifests of CLUSTER, or of one WORKLOAD of it.

    CLUSTER alone includes all its workloads; WORKLOAD is NAMESPACE/NAME. They are what was applied, for
    `kubectl apply --server-side -f -`. What goes to kustomize or Helm is in the cluster's folder only.
    """
    name = cluster.removeprefix("cluster/")
    key = None if workload is None else workload.removeprefix(f"workload/{name}/")
    if decrypt:
        _check_pipe(name)
        if options.json or key is not None:
            other = "--json" if options.json else "a workload"
            raise UsageError(f"--decrypt and {other} do not go together", fix=_PIPE.format(name))
    from iam_ra.operations.rendering import opened_secret, rendered  # noqa: PLC0415 - part of no --help

    workplace = workplace_for(options, options.load())
    texts = rendered(workplace, name, key)
    if options.json:
        write_json(
            "k8s render", {"manifests": [{"path": path, "text": text} for path, text in texts.items()]}
        )
        return
    if decrypt:
        secret = opened_secret(workplace, name)
        sys.stdout.buffer.write(b"---\n" + secret.reveal())
    click.echo("".join(f"---\n{text}" for text in texts.values()), nl=False)


def _check_pipe(name: str) -> None:
    """Raise UsageError unless stdout is a pipe: a key has no place on a screen, nor on a disk."""
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except (OSError, ValueError):
        mode = 0
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        where = "a terminal" if sys.stdout.isatty() else "a file"
        raise UsageError(
            f"the key of the cluster {name} is not written to {where}",
            why="whoever sees it could take every role of the cluster's workloads",
            fix=f"pipe it to kubectl: {_PIPE.format(name)}",
        )
