"""`iam-ra host list`, `role list` and `ca list`: what the file names and what was applied, in one table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.running import planner_for, workplace_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iam_ra.config.model import Namespace
    from iam_ra.operations.overview import Overview
    from iam_ra.render.style import Style
    from iam_ra.render.table import Cell
    from iam_ra.state.status import Identity, Standing

_TITLES = {"days_left": "days", "last_used": "last used", "taken_by": "taken by", "key_store": "key"}
_NUMBERS = ("days_left", "signs")


class Listing(NamedTuple):
    """A list to be: the key of its entries in JSON, their keys that are shown, and what is said when there are none."""

    key: str
    columns: Sequence[str]
    none: str


_HOSTS = Listing(
    "hosts",
    ("host", "identity", "roles", "days_left", "last_used", "status"),
    "No hosts yet: `iam-ra host onboard NAME --role ROLE` adds one.",
)
_ROLES = Listing(
    "roles",
    ("role", "policies", "taken_by", "status"),
    "No roles yet: `iam-ra role create NAME --policy ARN` adds one.",
)
_AUTHORITIES = Listing(
    "authorities",
    ("ca", "mode", "key_store", "signs", "days_left", "status"),
    "No authorities yet: `iam-ra ca setup NAME` adds one.",
)


@click.command("list", cls=Command)
@pass_options
def hosts(options: Options) -> None:
    """List the hosts of the file, and those that were applied.

    With what an apply would do to each, the roles that the file gives them, the days that their certificates
    last, and when they were last seen.
    """
    namespace, seen = look(options)
    rows = []
    for name, known, status in entities(seen, "host/", namespace.hosts):
        host = namespace.hosts.get(name)
        rows.append(
            {
                "host": name,
                "identity": host.identity if host else known.identity if known else "",
                "ca": host.authority if host else None,
                "roles": list(host.roles if host else known.roles if known else ()),
                "default_role": host.default_role if host else None,
                **life(known),
                "last_used": known.last_used if known else "",
                **status,
            }
        )
    write(options, "host list", (_HOSTS, rows))


@click.command("list", cls=Command)
@pass_options
def roles(options: Options) -> None:
    """List the roles of the file, and those that were applied.

    With what an apply would do to each, and who may take them by now.
    """
    namespace, seen = look(options)
    rows = []
    for name, _, status in entities(seen, "role/", namespace.roles):
        role = namespace.roles.get(name)
        rows.append(
            {
                "role": name,
                "policies": [*role.policies, *role.inline_policies] if role else [],
                "session_duration": role.session_duration if role else None,
                "taken_by": list(seen.roles.get(name, ())),
                **status,
            }
        )
    write(options, "role list", (_ROLES, rows))


@click.command("list", cls=Command)
@pass_options
def authorities(options: Options) -> None:
    """List the authorities of the file, and those that were applied.

    With what an apply would do to each, how many hosts of the file each signs for, and the days that its own
    certificate lasts.
    """
    namespace, seen = look(options)
    of_clusters = {each.scope for each in namespace.clusters.values()}
    named = {name: each for name, each in namespace.authorities.items() if name not in of_clusters}
    rows = []
    for name, known, status in entities(seen, "ca/", named):
        authority = named.get(name)
        rows.append(
            {
                "ca": name,
                "identity": known.identity if known else "",
                "mode": authority.mode if authority else None,
                "key_store": authority.key_store if authority and authority.mode == "self-signed" else None,
                "signs": sum(host.authority == name for host in namespace.hosts.values()),
                **life(known),
                **status,
            }
        )
    write(options, "ca list", (_AUTHORITIES, rows))


def look(options: Options) -> tuple[Namespace, Overview]:
    """Return what the file says, and what there is."""
    from iam_ra.operations.overview import overview  # noqa: PLC0415 - part of no --help

    loaded = options.load()
    workplace = workplace_for(options, loaded)
    return loaded.namespace, overview(workplace, planner_for(workplace).plan())


def entities(
    seen: Overview, prefix: str, named: Mapping[str, object]
) -> Sequence[tuple[str, Identity | None, Mapping[str, Any]]]:
    """Return the name of each entity, its certificate if it has one, and how it stands."""
    known = {each.entity: each for each in seen.identities}
    return [
        (entity.removeprefix(prefix), known.get(entity), _state(entity, standing, seen))
        for entity, standing in seen.standings(prefix, named).items()
    ]


def life(known: Identity | None) -> Mapping[str, Any]:
    """Return how long a certificate lasts, as lists say it."""
    if known is None:
        return {"not_after": None, "days_left": None}
    return {"not_after": known.not_after, "days_left": known.days_left}


def _state(entity: str, standing: Standing, seen: Overview) -> Mapping[str, Any]:
    return {"status": str(standing), "disabled": entity in seen.off}


def write(options: Options, command: str, *lists: tuple[Listing, Sequence[Mapping[str, Any]]]) -> None:
    """Write the lists of a command: as tables, or with `--json` as one object."""
    if options.json:
        write_json(command, {what.key: list(rows) for what, rows in lists})
        return
    style = options.style(sys.stdout)
    click.echo("\n".join(_table(what, rows, style) for what, rows in lists), nl=False, color=style.color)


def _table(what: Listing, rows: Sequence[Mapping[str, Any]], style: Style) -> str:
    from iam_ra.render.style import WIDTH  # noqa: PLC0415 - part of no --help
    from iam_ra.render.table import Column, table_text  # noqa: PLC0415

    if not rows:
        return f"{what.none}\n"
    columns = [Column(_TITLES.get(key, key), "right" if key in _NUMBERS else "left") for key in what.columns]
    body = [[_cell(key, row, style) for key in what.columns] for row in rows]
    return table_text(columns, body, color=style.color, width=WIDTH if sys.stdout.isatty() else None)


def _cell(key: str, row: Mapping[str, Any], style: Style) -> Cell | str:
    from iam_ra.render.cells import days_cell, disabled_cell, moment_cell  # noqa: PLC0415 - part of no --help
    from iam_ra.render.table import Cell  # noqa: PLC0415

    value = row[key]
    match key, value:
        case "days_left", _:
            return days_cell(value, style)
        case "last_used", _:
            return moment_cell(value)
        case "status", _:
            paint = {"to be made": style.green, "to be changed": style.yellow, "to be deleted": style.red}
            is_off = row["disabled"] and value not in paint
            return disabled_cell(style) if is_off else Cell(value, paint.get(value, str))
        case "policies", _:
            return ", ".join(each.rpartition("/")[2] for each in value)
        case "taken_by", []:
            return "nobody"
    return ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
