"""What every command takes, before or after its name, and the classes of commands that see to it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from iam_ra.render.style import ColorMode, Style, wants_color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iam_ra.config.load import Loaded

COLOR_MODES: Final[tuple[ColorMode, ...]] = ("auto", "always", "never")
CONTEXT: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"], "max_content_width": 80}
# The longest first sentence of a help that stands on one line of 80 columns, behind its command's name.
SUMMARY: Final = 64


@dataclass(frozen=True, slots=True)
class Options:
    """The common options of one call. `file` is only what was given: `path` finds the file."""

    file: Path | None = None
    profile: str | None = None
    json: bool = False
    color: ColorMode = "auto"
    debug: bool = False
    verbose: bool = False

    def wants_color(self, stream: IO[str]) -> bool:
        """Decide whether to colour what goes to `stream`."""
        return wants_color(self.color, stream, os.environ)

    def style(self, stream: IO[str] | None = None) -> Style:
        """Return the style for `stream` (default: stdout)."""
        return Style(self.wants_color(stream or sys.stdout))

    def path(self) -> Path:
        """Find the file: the option, else IAM_RA_FILE, else upward; relative where it lies below the current folder.

        Raises ConfigError when there is none.
        """
        from iam_ra.config.finding import find  # noqa: PLC0415 - slow, and no part of --help

        found, here = find(self.file, os.environ, Path.cwd()), Path.cwd()
        return found.relative_to(here) if found.is_relative_to(here) else found

    def load(self) -> Loaded:
        """Find and read the file. Raises ConfigError with all of its problems."""
        from iam_ra.config.load import load  # noqa: PLC0415 - slow, and no part of --help

        return load(self.path())


pass_options = click.make_pass_decorator(Options)
files_argument = click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))


class Command(click.Command):
    """A command that takes the common options. What its function returns, if anything, is the exit code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **_with_context(kwargs))
        self.params.extend(_common_options())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, then take the common options out of the parameters and into the context."""
        rest = super().parse_args(ctx, args)
        _settle(ctx)
        return rest

    def get_short_help_str(self, limit: int = SUMMARY) -> str:
        """Return the first sentence, whole also where click has less room for it."""
        return super().get_short_help_str(max(limit, SUMMARY))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the common ones."""
        _write_options(self, ctx, formatter)


class Group(click.Group):
    """A command with commands of its own; takes the common options as well."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **_with_context(kwargs))
        self.params.extend(_common_options())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, then take the common options out of the parameters and into the context."""
        rest = super().parse_args(ctx, args)
        _settle(ctx)
        return rest

    def get_short_help_str(self, limit: int = SUMMARY) -> str:
        """Return the first sentence, whole also where click has less room for it."""
        return super().get_short_help_str(max(limit, SUMMARY))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order in which they are written."""
        return list(self.commands)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the group's own options, then the common ones."""
        self.format_commands(ctx, formatter)
        _write_options(self, ctx, formatter)


def scan(args: Sequence[str]) -> Options:
    """Read from a command line, right or wrong, how an error should be shown."""
    before = list(args[: args.index("--")] if "--" in args else args)
    color: ColorMode = "auto"
    for each, following in zip(before, [*before[1:], ""], strict=False):
        name, _, value = each.partition("=")
        if name == "--color":
            color = next((mode for mode in COLOR_MODES if mode == (value or following)), color)
    return Options(json="--json" in before, debug="--debug" in before, color=color)


class CommonOption(click.Option):
    """One of the options of every command."""


def _common_options() -> list[click.Parameter]:
    path = click.Path(dir_okay=False, path_type=Path)
    choice = click.Choice(COLOR_MODES)
    return [
        CommonOption(
            ["-f", "--file"], type=path, help="The file; else IAM_RA_FILE, else the nearest iam-ra.yaml."
        ),
        CommonOption(["--profile"], metavar="NAME", help="The AWS profile to use."),
        CommonOption(
            ["--json"], is_flag=True, help="Write one JSON object to stdout; errors as JSON to stderr."
        ),
        CommonOption(["--color"], type=choice, default="auto", help="When to colour; auto: on a terminal."),
        CommonOption(["--debug"], is_flag=True, help="Show stack traces of unexpected errors."),
        CommonOption(["-v", "--verbose"], is_flag=True, help="Say more: every field, whole values."),
    ]


def _settle(ctx: click.Context) -> None:
    """Lay what was given here over what was given before the command's name."""
    parent = ctx.parent.find_object(Options) if ctx.parent else None
    given = {}
    for each in fields(Options):
        value = ctx.params.pop(each.name)
        if ctx.get_parameter_source(each.name) is not ParameterSource.DEFAULT:
            given[each.name] = value
    ctx.obj = replace(parent or Options(), **given)


def _write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    own: list[tuple[str, str]] = []
    common: list[tuple[str, str]] = []
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
        if record is not None:
            (common if isinstance(param, CommonOption) else own).append(record)
    for title, records in (("Options", own), ("Options of every command", common)):
        with formatter.section(title):
            formatter.write_dl(records)


def _with_context(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {**kwargs, "context_settings": {**CONTEXT, **(kwargs.get("context_settings") or {})}}
