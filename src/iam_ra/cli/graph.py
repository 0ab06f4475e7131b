"""`iam-ra graph`: who may become whom, as a picture or as text that others draw."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, pass_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.config.model import Namespace
    from iam_ra.engine.plan import Plan
    from iam_ra.render.graph import Graph

FORMATS: Final = ("mermaid", "dot", "svg")


@click.command("graph", cls=Command)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="mermaid",
    show_default=True,
    help="mermaid: for Markdown; dot: for Graphviz; svg: a picture that needs no other program.",
)
@click.option(
    "--plan",
    "plan_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Mark what a plan of `iam-ra plan -o FILE` adds, changes and deletes.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, not to stdout.",
)
@pass_options
def command(options: Options, form: str, plan_file: Path | None, output: Path | None) -> None:
    """Draw which authorities sign for which hosts and workloads, and which roles those may take.

    It is the file that is drawn; AWS is not asked. --json writes nodes and arrows for programs, all of them.
    """
    from iam_ra.render.graph import fleet_graph  # noqa: PLC0415 - part of no --help
    from iam_ra.render.graph_crowds import condensed  # noqa: PLC0415
    from iam_ra.render.problems import warning_lines  # noqa: PLC0415

    namespace = options.load().namespace
    graph = fleet_graph(namespace, None if plan_file is None else _saved(plan_file, namespace))
    if options.json:
        write_json("graph", _data(graph))
        if output is None:
            return
    graph = condensed(graph)
    for line in warning_lines(graph.notes, options.style(sys.stderr)):
        click.echo(line, err=True, color=options.wants_color(sys.stderr))
    text = _writer(form)(graph)
    if output is None:
        click.echo(text, nl=False)
        return

    from iam_ra.files import atomic  # noqa: PLC0415 - part of no --help

    atomic.write(output.absolute(), text.encode(), root=Path(output.absolute().anchor))
    click.echo(f"wrote {output}", err=True)


def _writer(form: str) -> Callable[[Graph], str]:
    if form == "svg":
        from iam_ra.render.svg import graph_svg  # noqa: PLC0415 - only what is asked for

        return graph_svg
    if form == "dot":
        from iam_ra.render.graph_dot import graph_dot  # noqa: PLC0415

        return graph_dot
    from iam_ra.render.graph_mermaid import graph_mermaid  # noqa: PLC0415

    return graph_mermaid


def _saved(file: Path, namespace: Namespace) -> Plan:
    """Return a saved plan. Raises StalePlanError unless it is one of this file as it is now."""
    from iam_ra.operations.saved_plans import check_place, load  # noqa: PLC0415 - boto3 is slow, and no part of --help

    saved = load(file)
    check_place(saved, namespace, saved.account_id)
    return saved.plan


def _data(graph: Graph) -> dict[str, Any]:
    return {
        "namespace": graph.namespace,
        "marked": graph.marked,
        "notes": list(graph.notes),
        "nodes": [
            {
                "address": node.key,
                "kind": node.sort.name.lower(),
                "name": node.name,
                "detail": node.detail,
                "change": node.mark.value,
                "disabled": node.off,
            }
            for node in graph.nodes
        ],
        "edges": [
            {
                "from": edge.source,
                "to": edge.target,
                "means": edge.verb,
                "change": edge.mark.value,
                "disabled": edge.off,
            }
            for edge in graph.edges
        ],
    }
