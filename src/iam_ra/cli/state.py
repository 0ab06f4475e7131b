"""`iam-ra state`: what iam-ra remembers, its versions, who applied what, and who is at work."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from iam_ra.cli.entities import ADDRESS
from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Group, Options, pass_options
from iam_ra.cli.running import ask, lock_timeout_option, recaller_for, workplace_for
from iam_ra.engine.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iam_ra.engine.part import Recorded
    from iam_ra.render.table import Column
    from iam_ra.state.model import State

_SERIAL = click.IntRange(min=1)


@click.group("state", cls=Group)
def command() -> None:
    """Look at what iam-ra remembers of what it made, and put an earlier state back."""


@command.command("list", cls=Command)
@pass_options
def list_(options: Options) -> None:
    """List the recorded parts."""
    state = recaller_for(options).state()
    if options.json:
        parts = [{"address": str(each.address), "kind": each.kind} for each in _parts(state)]
        write_json("state list", {"serial": state.serial, "lineage": state.lineage, "parts": parts})
        return
    _table(options, ("address", "kind"), [(str(each.address), each.kind) for each in _parts(state)])


@command.command("files", cls=Command)
@pass_options
def files(options: Options) -> None:
    """List the files of the repository that iam-ra wrote.

    Each by its path from the folder of iam-ra.yaml. A pipeline commits these after an apply, and no others.
    """
    from iam_ra.kinds.repository_files import written_files  # noqa: PLC0415 - part of no --help

    found = written_files(_parts(recaller_for(options).state()))
    if options.json:
        write_json("state files", {"files": found})
    elif found:
        click.echo("\n".join(found))


@command.command("show", cls=Command)
@click.argument("address", type=ADDRESS)
@pass_options
def show(options: Options, address: str) -> None:
    """Show what is recorded of a part or of a whole entity, as JSON.

    ADDRESS is that of a part, such as host/web:certificate, or of an entity, such as host/web.
    """
    import json  # noqa: PLC0415 - no part of --help

    state = recaller_for(options).state()
    found = {str(each.address): _dump(each) for each in _parts(state) if _is_meant(each, address)}
    if not found:
        raise StateError(
            f"the state has no {address}", fix="`iam-ra state list` shows what it has, by its address"
        )
    if options.json:
        write_json("state show", {"parts": found})
    else:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@command.command("pull", cls=Command)
@pass_options
def pull(options: Options) -> None:
    """Write the state to stdout as it is stored."""
    click.echo(recaller_for(options).raw(), nl=False)


@command.command("history", cls=Command)
@pass_options
def history(options: Options) -> None:
    """Show who applied what and when.

    And the versions of the state that `iam-ra state restore` can bring back.
    """
    recaller = recaller_for(options)
    runs, versions = recaller.runs(), recaller.versions()
    kept: list[dict[str, Any]] = [
        {
            "serial": None if each.state is None else each.state.serial,
            "parts": None if each.state is None else len(each.state.parts),
            "written": each.version.modified.isoformat(),
            "version_id": each.version.id,
        }
        for each in versions
    ]
    if options.json:
        shown = [{key: value for key, value in run.items() if key != "plan"} for run in runs]
        write_json("state history", {"runs": shown, "versions": kept})
        return
    _table(
        options,
        ("when", "operation", "done", "failed", "skipped", "who"),
        [_run_row(run) for run in runs],
    )
    click.echo()
    rows = [
        (
            "damaged" if each["serial"] is None else str(each["serial"]),
            _minute(each["written"]),
            str(each["parts"] or ""),
        )
        for each in kept
    ]
    _table(options, ("serial", "written", "parts"), rows)


@command.command("diff", cls=Command)
@click.argument("serial", type=_SERIAL)
@click.argument("other", type=_SERIAL, required=False)
@pass_options
def diff(options: Options, serial: int, other: int | None) -> None:
    """Show what differs between two versions of the state.

    The one with SERIAL, and the present one or the one with serial OTHER.
    """
    from iam_ra.operations.recalling import differences  # noqa: PLC0415 - boto3 is slow, and no part of --help

    recaller = recaller_for(options)
    before = recaller.at(serial)
    after = recaller.state() if other is None else recaller.at(other)
    found = differences(before, after)
    if options.json:
        parts = [
            {"change": each.symbol, "address": str(each.address), "fields": each.fields} for each in found
        ]
        write_json("state diff", {"before": before.serial, "after": after.serial, "parts": parts})
        return
    style = options.style(sys.stdout)
    paint = {"+": style.green, "-": style.red, "~": style.yellow}
    for each in found:
        fields = style.dim(f"  {', '.join(each.fields)}") if each.fields else ""
        click.echo(f"{paint[each.symbol](each.symbol)} {each.address}{fields}", color=style.color)
    if not found:
        click.echo(f"State {before.serial} and state {after.serial} remember the same.")


@command.command("restore", cls=Command)
@click.argument("serial", type=_SERIAL)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@lock_timeout_option
@pass_options
def restore(options: Options, serial: int, yes: bool, lock_timeout: float) -> None:
    """Make the state with SERIAL the present one, under a new serial. Nothing in AWS changes.

    The next plan shows what then is not as remembered.
    """
    recaller = recaller_for(options)
    recaller.at(serial)
    ask(f"Make state {serial} the present one?", yes=yes, asked=not options.json)
    state = recaller.restore(serial, lock_timeout=lock_timeout)
    if options.json:
        write_json("state restore", {"restored": serial, "serial": state.serial})
    else:
        click.echo(f"State {serial} is the present one again, as serial {state.serial}. See `iam-ra plan`.")


@command.command("rebuild", cls=Command)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also where a state can be read.")
@lock_timeout_option
@pass_options
def rebuild(options: Options, yes: bool, force: bool, lock_timeout: float) -> None:
    """Make a lost state again, from AWS and the repository.

    Nothing in AWS changes. Nothing is issued anew. The next plan shows what is not as the file says.
    """
    from iam_ra.operations.rebuilding import Rebuilder  # noqa: PLC0415 - boto3 is slow, and no part of --help

    rebuilder = Rebuilder(workplace_for(options, options.load()), force=force)
    found = rebuilder.look()
    missing = [str(each) for each in found.missing]
    if not options.json:
        click.echo(f"Found {len(found.parts)} parts.")
        for each in missing:
            click.echo(f"Not found: {each}")
    ask("Make that the present state?", yes=yes, asked=not options.json)
    state = rebuilder.write(lock_timeout=lock_timeout)
    if options.json:
        data = {"serial": state.serial, "parts": len(state.parts), "missing": missing}
        write_json("state rebuild", data)
    else:
        click.echo(f"The state is made again, as serial {state.serial}. See `iam-ra plan`.")


@command.command("lock", cls=Command)
@pass_options
def lock(options: Options) -> None:
    """Show who holds the lock."""
    info = recaller_for(options).lock()
    if options.json:
        write_json("state lock", {"lock": None if info is None else asdict(info)})
    else:
        click.echo("Nobody holds the lock." if info is None else str(info))


def _parts(state: State) -> list[Recorded]:
    return [part for _, part in sorted(state.parts.items())]


def _is_meant(part: Recorded, address: str) -> bool:
    return address in {str(part.address), part.address.entity}


def _dump(part: Recorded) -> dict[str, Any]:
    return {
        "kind": part.kind,
        "inputs": dict(part.inputs),
        "outputs": dict(part.outputs),
        "depends_on": [str(each) for each in part.depends_on],
        "protect": part.protect,
    }


def _run_row(run: Mapping[str, Any]) -> tuple[str, ...]:
    counts = run["counts"]
    done, failed, skipped = (str(counts[name]) for name in ("done", "failed", "skipped"))
    return _minute(run["when"]), run["operation"], done, failed, skipped, run["who"]


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _table(options: Options, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from iam_ra.render.style import WIDTH  # noqa: PLC0415 - part of no --help
    from iam_ra.render.table import Column, table_text  # noqa: PLC0415

    columns: list[Column] = [Column(title) for title in titles]
    style = options.style(sys.stdout)
    width = WIDTH if sys.stdout.isatty() else None
    click.echo(table_text(columns, rows, color=style.color, width=width), nl=False, color=style.color)
