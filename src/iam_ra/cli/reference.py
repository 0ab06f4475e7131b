"""The reference page of the commands, made from what `--help` is made of: `python -m iam_ra.cli.reference [DOCS]`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iam_ra.cli import exits
from iam_ra.cli.app import COMMANDS, app
from iam_ra.cli.options import CONTEXT, CommonOption

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FILE = "reference/commands.md"
_INTRODUCTION = """\
# Commands

<!-- Made by `python -m iam_ra.cli.reference` from the commands themselves: edit these, not this. -->

What `iam-ra COMMAND --help` says, for all commands. Results go to stdout, progress and errors to stderr. Without a
terminal nothing ever waits for an answer.
"""
_COMMON = "Options of every command"
_CODE = re.compile(r"(`[^`]*`)")


def reference() -> str:
    """Return the page as Markdown."""
    with click.Context(app, info_name="iam-ra", **CONTEXT) as top:
        return "\n".join([_INTRODUCTION, *_frame(top), *_sections(top)])


def write(docs: Path) -> Path:
    """Write the page below the folder `docs` and return its path."""
    path = docs / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(reference(), encoding="utf-8")
    return path


def _frame(top: click.Context) -> Iterator[str]:
    """Yield what all commands have in common."""
    common = [each for each in app.get_params(top) if isinstance(each, CommonOption)]
    yield f"## {_COMMON}\n\nBefore the command's name or after it.\n"
    yield _options(common, top)
    yield "## Exit codes\n\n| Code | Meaning |\n|---|---|"
    yield "".join(f"| {code} | {_prose(meaning)} |\n" for code, meaning in exits.MEANINGS)


def _sections(top: click.Context) -> Iterator[str]:
    for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
        yield f"## {section}\n"
        for name, entry in COMMANDS.items():
            command = app.get_command(top, name)
            if entry.section == section and command is not None:
                yield from _command(command, name, top)


def _command(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    """Yield the text of a command, then those of the commands below it."""
    with click.Context(command, parent, name) as context:
        below = command.commands if isinstance(command, click.Group) else {}
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        yield f"{'####' if parent.parent else '###'} `{context.command_path}`\n"
        yield f"```text\n{usage}\n```\n"
        yield _help(command)
        own = [each for each in command.get_params(context) if not isinstance(each, CommonOption)]
        yield from filter(None, [_options(own, context)])
        for each, inner in below.items():
            yield from _command(inner, each, context)


def _help(command: click.Command) -> str:
    paragraphs = (command.help or "").replace("\b", "").split("\n\n")
    return "\n\n".join(_prose(" ".join(each.split())) for each in paragraphs) + "\n"


def _options(params: Sequence[click.Parameter], context: click.Context) -> str:
    """Return a list of options. Of arguments the text above tells, and of `--help` this page."""
    records = [each.get_help_record(context) for each in params if isinstance(each, click.Option)]
    told = [each for each in records if each is not None and "--help" not in each[0]]
    return "".join(f"- `{flags}`: {_prose(text)}\n" for flags, text in told)


def _prose(text: str) -> str:
    """Return a text in which only what stands between backticks is more to Markdown than text."""
    pieces = _CODE.split(text)
    return "".join(
        piece if piece.startswith("`") else piece.replace("<", "&lt;").replace("*", "\\*") for piece in pieces
    )


if __name__ == "__main__":
    sys.stdout.write(f"{write(Path(sys.argv[1] if len(sys.argv) > 1 else 'docs'))}\n")
