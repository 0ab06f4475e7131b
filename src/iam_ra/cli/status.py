"""`iam-ra status`: what there is, who may take which role, and how long certificates last."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.running import planner_for, workplace_for

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from iam_ra.render.style import Style
    from iam_ra.state.status import Identity


@click.command("status", cls=Command)
@pass_options
def command(options: Options) -> None:
    """Show what was applied: authorities, hosts and roles, the days that certificates last, and what is pending."""
    from iam_ra.operations.overview import overview  # noqa: PLC0415 - part of no --help
    from iam_ra.render.json import due_json  # noqa: PLC0415
    from iam_ra.render.text import due_lines  # noqa: PLC0415

    loaded = options.load()
    workplace = workplace_for(options, loaded)
    planned = planner_for(workplace).plan()
    seen = overview(workplace, planned)
    parts, found, roles, off = seen.parts, seen.identities, seen.roles, seen.off
    caller = planned.snapshot.caller
    pending = len(planned.plan.changes) + len(planned.plan.conflicts)
    waiting = {
        str(address): part.outputs["pending"] for address, part in parts.items() if "pending" in part.outputs
    }
    if options.json:
        data: dict[str, Any] = {
            "namespace": loaded.namespace.name,
            "region": loaded.namespace.region,
            "account_id": caller.account_id,
            "lineage": planned.snapshot.lineage,
            "serial": 0 if planned.state is None else planned.state.serial,
            "identities": [asdict(each) for each in found],
            "roles": roles,
            "disabled": sorted(off),
            "pending_changes": pending,
            "pending_revocations": waiting,
            "next_due": due_json(planned.next_due),
        }
        write_json("status", data)
        return
    style = options.style(sys.stdout)
    place = f"{caller.account_id}/{loaded.namespace.region}"
    click.echo(
        f"{style.bold('iam-ra status')} · namespace {loaded.namespace.name} · {place}\n", color=style.color
    )
    if not found:
        click.echo("Nothing was applied yet: `iam-ra apply` makes the namespace.")
        return
    click.echo(_tables(found, roles, off, style), color=style.color)
    for address, text in waiting.items():
        click.echo(f"{address} is pending: {text}.")
    click.echo(_pending(pending))
    for line in due_lines(planned.next_due, style):
        click.echo(line, color=style.color)


def _pending(count: int) -> str:
    if not count:
        return "The world is as the file says."
    changes = "1 change is" if count == 1 else f"{count:,} changes are"
    return f"{changes} pending: `iam-ra plan` shows them."


def _tables(
    found: Sequence[Identity], roles: Mapping[str, Sequence[str]], off: Collection[str], style: Style
) -> str:
    from iam_ra.render.cells import days_cell, disabled_cell, moment_cell  # noqa: PLC0415 - part of no --help
    from iam_ra.render.style import WIDTH  # noqa: PLC0415
    from iam_ra.render.table import Column, table_text  # noqa: PLC0415

    columns = (
        Column("entity"),
        Column("identity"),
        Column("roles"),
        Column("days", "right"),
        Column("last used"),
    )
    rows = [
        (
            each.entity,
            each.identity,
            disabled_cell(style) if each.entity in off else ", ".join(each.roles),
            days_cell(each.days_left, style),
            moment_cell(each.last_used),
        )
        for each in found
    ]
    takers = [
        (
            f"role/{name}",
            disabled_cell(style) if f"role/{name}" in off else ", ".join(entities) or "nobody",
        )
        for name, entities in roles.items()
    ]
    width = WIDTH if sys.stdout.isatty() else None
    identities = table_text(columns, rows, color=style.color, width=width)
    return f"{identities}\n{table_text((Column('role'), Column('taken by')), takers, color=style.color, width=width)}"
