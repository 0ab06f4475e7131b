"""What the imperative verbs share: edit the file, show the edit, then plan and apply just the entities that they name."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import click

from iam_ra.cli import exits
from iam_ra.cli.entities import AUTHORITY
from iam_ra.cli.envelope import write_json
from iam_ra.cli.running import lock_timeout_option
from iam_ra.engine.errors import ApplyIncompleteError, IamRaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from iam_ra.cli.options import Options
    from iam_ra.cli.wishes import Asked
    from iam_ra.config.changes import Changed
    from iam_ra.operations.editing import FileEdit

    Change = Callable[[dict[str, Any]], Changed]
    Result = Callable[[tuple[str, ...]], str]


MODES: Final = ("self-signed", "kms", "pca-new", "pca-existing")


@dataclass(frozen=True, slots=True)
class How:
    """The options of every verb: whether to apply, without asking, and how many seconds to wait for another apply."""

    apply: bool = True
    yes: bool = False
    lock_timeout: float = 0.0


def plain(kind: str, name: str) -> str:
    """Return the name in an address such as `host/web`, or the name itself."""
    return name.removeprefix(f"{kind}/")


def plain_all(kind: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names in addresses or names."""
    return tuple(plain(kind, each) for each in names)


def verb_options(function: Callable[..., Any] | None = None, *, edits: bool = True) -> Callable[..., Any]:
    """Add what every verb takes; the function gets it as `how`. Without `edits` there is no --no-apply."""
    if function is None:
        return functools.partial(verb_options, edits=edits)

    @functools.wraps(function)
    def bundled(*args: Any, yes: bool, lock_timeout: float, no_apply: bool = False, **kwargs: Any) -> Any:
        return function(*args, how=How(not no_apply, yes, lock_timeout), **kwargs)

    wrapped: Callable[..., Any] = lock_timeout_option(bundled)
    wrapped = click.option("-y", "--yes", is_flag=True, help="Do not ask, whatever else goes.")(wrapped)
    if edits:
        wrapped = click.option("--no-apply", is_flag=True, help="Only edit the file.")(wrapped)
    return wrapped


def ca_option(*, multiple: bool = False, help: str) -> Callable[..., Any]:  # noqa: A002 - click's word
    """Add `--ca`, and `--scope`, which it was called before; the function gets `ca`."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def bundled(*args: Any, ca: Any, scope: Any, **kwargs: Any) -> Any:
            given = (*ca, *scope) if multiple else tuple(filter(None, (ca or scope,)))
            names = plain_all("ca", given)
            return function(*args, ca=names if multiple else next(iter(names), None), **kwargs)

        hidden = click.option("--scope", metavar="NAME", type=AUTHORITY, multiple=multiple, hidden=True)(
            bundled
        )
        wrapped: Callable[..., Any] = click.option(
            "--ca", metavar="NAME", type=AUTHORITY, multiple=multiple, help=help
        )(hidden)
        return wrapped

    return add


def mode_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add how an authority is made; the function gets `ca_mode`, `pca_arn` and `ca_validity_years`."""
    for option in (
        click.option(
            "--ca-validity-years",
            "--validity-years",
            type=click.IntRange(1, 50),
            metavar="YEARS",
            help="How long it is valid; else 10 years.",
        ),
        click.option("--pca-arn", metavar="ARN", help="The private CA; needed with pca-existing."),
        click.option(
            "--ca-mode",
            "--mode",
            type=click.Choice(MODES),
            help="How it is made; kms is self-signed with the key in AWS KMS. Else self-signed.",
        ),
    ):
        function = option(function)
    return function


def carry(
    options: Options,
    command: str,
    change: Change,
    how: How,
    *,
    asked: Asked | None = None,
    result: Result | None = None,
) -> int:
    """Edit the file, show the edit, then apply what it means for the entities that it is about; return the exit code.

    The edit is checked before it is written, and stays whatever becomes of the apply. With `result` stdout is for what
    that returns of the entities, once they are applied, and the rest goes to stderr.
    """
    from iam_ra.operations.editing import edit_of  # noqa: PLC0415 - part of no --help

    changed: list[Changed] = []

    def data_to_be(data: dict[str, Any]) -> Mapping[str, Any]:
        changed.append(change(data))
        return changed[-1].data

    edit = edit_of(options.path(), data_to_be)
    told = changed[-1].told or (() if edit.is_change else (f"{edit.name} says so already.",))
    for sentence in told:
        click.echo(sentence, err=True)
    return finish(options, command, changed[-1].entities, edit, how, asked=asked, result=result)


def finish(
    options: Options,
    command: str,
    entities: tuple[str, ...],
    edit: FileEdit | None,
    how: How,
    *,
    asked: Asked | None = None,
    result: Result | None = None,
) -> int:
    """Write an edit, show it, and apply what it means for `entities`; return the exit code."""
    from iam_ra.cli.wishes import Asked  # noqa: PLC0415 - click alone is part of --help

    wished = replace(asked or Asked(), target=entities)
    standing = edit if edit is not None and edit.is_change else None
    again = wished.command
    code = exits.OK
    with _told(options, aside=result is not None) as written:
        if standing is not None:
            _write(options, standing)
        if how.apply:
            with _standing(standing, again):
                code = _apply(options, command, wished, how)
    if options.json:
        write_json(
            command,
            {
                "entities": list(entities),
                "edit": None if edit is None else _edit_json(edit),
                "apply": json.loads(written.getvalue()) if written.getvalue() else None,
                "exit_code": code,
                "go_on": None if how.apply and code == exits.OK else again,
            },
        )
    elif not how.apply:
        click.echo(f"Nothing is applied yet. To do so:\n  {again}", err=True)
    elif code != exits.OK and standing is not None:
        # Of an apply that is not complete, its own summary says how to go on.
        rest = "" if code == ApplyIncompleteError.exit_code else f" Go on with:\n  {again}"
        click.echo(f"The edit of {standing.name} stays.{rest}", err=True)
    if result is not None and how.apply and code == exits.OK and not options.json:
        click.echo(result(entities), nl=False)
    return code


def _edit_json(edit: FileEdit) -> dict[str, Any]:
    return {"file": edit.name, "changed": edit.is_change, "diff": list(edit.diff)}


def _write(options: Options, edit: FileEdit) -> None:
    """Write an edit that is right, and show it."""
    from iam_ra.config.diagnostics import ConfigError  # noqa: PLC0415 - part of no --help
    from iam_ra.render.edit_diff import diff_text  # noqa: PLC0415

    try:
        edit.check()
    except ConfigError:
        if not options.json:
            what = "is not written. It" if edit.before is None else "is left as it is. With the edit it"
            click.echo(f"{edit.name} {what} would have problems:\n", err=True)
        raise
    edit.write()
    if not options.json:
        color = options.wants_color(sys.stdout)
        click.echo(diff_text(edit.diff, color=color), color=color)


def _apply(options: Options, command: str, asked: Asked, how: How) -> int:
    from iam_ra.cli.apply import apply_file  # noqa: PLC0415 - no verb with --no-apply needs it

    return apply_file(
        options, asked, yes=how.yes, lock_timeout=how.lock_timeout, command=command, named=asked.target
    )


@contextlib.contextmanager
def _standing(edit: FileEdit | None, again: str) -> Iterator[None]:
    """Let an error, or who interrupts the apply, know that the edit stays, and how to go on."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        if edit is not None:
            click.echo(f"\nThe edit of {edit.name} stays. Go on with:\n  {again}", err=True)
        raise
    except IamRaError as error:
        if edit is not None:
            stays = f"the edit of {edit.name} stays: `{again}` goes on with it"
            error.fix = f"{error.fix}\n{stays}" if error.fix else stays
        raise


@contextlib.contextmanager
def _told(options: Options, *, aside: bool) -> Iterator[io.StringIO]:
    """Keep the apply's own JSON object from stdout: the verb's envelope holds it. `aside`: send all to stderr."""
    written = io.StringIO()
    place = written if options.json else sys.stderr if aside else None
    with contextlib.nullcontext() if place is None else contextlib.redirect_stdout(place):
        yield written
