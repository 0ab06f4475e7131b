"""`iam-ra fmt`: the file in its canonical form."""

from __future__ import annotations

import difflib
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, files_argument, pass_options
from iam_ra.engine.errors import FormatError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_STDIN = Path("-")


@click.command("fmt", cls=Command)
@files_argument
@click.option("--check", is_flag=True, help="Write nothing; end with 1 if a file is not formatted.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@pass_options
def command(options: Options, files: Sequence[Path], check: bool, diff: bool) -> None:
    """Bring FILE into its canonical order and style; comments stay with what they belong to.

    Default: the nearest iam-ra.yaml. With - the text comes from stdin and goes to stdout. What a file means never
    changes.
    """
    if _STDIN in files:
        if len(files) > 1 or options.json:
            raise UsageError("`-` takes no other file and no --json", fix="Run `iam-ra fmt - <FILE`.")
        _from_stdin(options, check=check, diff=diff)
        return
    writes = not (check or diff)
    paths = [replace(options, file=each).path() for each in files] or [options.path()]
    changed = {path: _format(options, path, writes=writes, diff=diff) for path in paths}
    if options.json:
        found = [{"file": str(path), "changed": each} for path, each in changed.items()]
        write_json("fmt", {"written": writes, "files": found})
    elif writes:
        for path, each in changed.items():
            click.echo(f"{path} is formatted{'' if each else ' already'}.")
    if check:
        _expect_formatted([path for path, each in changed.items() if each])


def _format(options: Options, path: Path, *, writes: bool, diff: bool) -> bool:
    """Format one file, and tell whether that changes it. Raises ConfigError, FormatError and FileError."""
    from iam_ra.config.finding import read  # noqa: PLC0415 - slow, and no part of --help
    from iam_ra.config.format import formatted  # noqa: PLC0415
    from iam_ra.files import atomic  # noqa: PLC0415

    # What a link leads to is changed, not the link.
    real = path.resolve()
    source = read(path)
    before, after = source.text, formatted(source)
    if diff:
        _show(options, before, after, path)
    if writes and after != before:
        if read(path).text != before:
            raise FormatError(f"{path} changed meanwhile", why="Nothing was written.", fix="Run it again.")
        atomic.write(real, after.encode(), root=real.parent, mode=real.stat().st_mode & 0o777)
    return after != before


def _from_stdin(options: Options, *, check: bool, diff: bool) -> None:
    from iam_ra.config.format import formatted  # noqa: PLC0415 - slow, and no part of --help
    from iam_ra.config.source import Source  # noqa: PLC0415

    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise FormatError("the text on stdin is not UTF-8", fix="Convert it: `iconv -t utf-8`.") from error
    result = formatted(Source("<stdin>", text))
    if diff:
        _show(options, text, result, Path("<stdin>"))
    elif not check:
        click.echo(result, nl=False)
    if check and result != text:
        raise FormatError("the text is not formatted", fix="Run `iam-ra fmt -`.")


def _show(options: Options, before: str, after: str, path: Path) -> None:
    from iam_ra.render.edit_diff import diff_text  # noqa: PLC0415 - part of no --help

    name, color = str(path), options.wants_color(sys.stdout)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    click.echo(diff_text(list(lines), color=color), nl=False, color=color)


def _expect_formatted(others: Sequence[Path]) -> None:
    if others:
        names = ", ".join(map(str, others))
        raise FormatError(
            f"{names} {'is' if len(others) == 1 else 'are'} not formatted",
            why="`iam-ra fmt` would change the order or the style, not the meaning; `--diff` shows how.",
            fix=f"Run `iam-ra fmt {shlex.join(map(str, others))}`.",
        )
