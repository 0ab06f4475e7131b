"""The frame: a static table of commands, each loaded only when it is run; errors into texts and exit codes."""

from __future__ import annotations

import difflib
import json
import os
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import click
from click.shell_completion import CompletionItem, shell_complete

from iam_ra import __version__
from iam_ra.cli import exits
from iam_ra.cli.failures import as_ours, silence_stdout
from iam_ra.cli.options import Group, Options, scan

if TYPE_CHECKING:
    from collections.abc import Sequence


class Entry(NamedTuple):
    """A line of the command table; `module` has the command as `command`."""

    module: str
    summary: str
    section: str


NAME = "iam-ra"
COMPLETION = "_IAM_RA_COMPLETE"
_MAIN = "The main job"
_VERBS = "One thing at a time"
_ANSWERS = "Who may become whom"
_STATE = "What is remembered"
_MORE = "For editors, shells and pipelines"
_TRY = "Trying it out"

COMMANDS = {
    "validate": Entry("iam_ra.cli.validate", "Check the file and list every problem in it.", _MAIN),
    "plan": Entry("iam_ra.cli.plan", "Show what the file would change.", _MAIN),
    "show": Entry("iam_ra.cli.show", "Show a saved plan.", _MAIN),
    "apply": Entry("iam_ra.cli.apply", "Make it as the file says.", _MAIN),
    "status": Entry("iam_ra.cli.status", "Show what there is and how long it lasts.", _MAIN),
    "destroy": Entry("iam_ra.cli.destroy", "Delete everything of this namespace.", _MAIN),
    "init": Entry("iam_ra.cli.init", "Write a first file, and make what everything stands on.", _VERBS),
    "role": Entry("iam_ra.cli.role", "Create, change, delete and list roles.", _VERBS),
    "host": Entry("iam_ra.cli.host", "Onboard, renew, offboard and list hosts.", _VERBS),
    "k8s": Entry("iam_ra.cli.k8s", "Look after Kubernetes clusters and their workloads.", _VERBS),
    "ca": Entry("iam_ra.cli.ca", "Look after the authorities and what they signed.", _VERBS),
    "verify": Entry("iam_ra.cli.verify", "Really obtain credentials with the hosts' certificates.", _ANSWERS),
    "explain": Entry("iam_ra.cli.explain", "Say why a certificate may or may not take a role.", _ANSWERS),
    "graph": Entry(
        "iam_ra.cli.graph", "Draw hosts and workloads with the roles that they may take.", _ANSWERS
    ),
    "export": Entry("iam_ra.cli.export", "Print what a host needs to know.", _ANSWERS),
    "state": Entry("iam_ra.cli.state", "Look at what is remembered, and put an earlier state back.", _STATE),
    "unlock": Entry("iam_ra.cli.unlock", "Take the lock away from an apply that is dead.", _STATE),
    "fmt": Entry("iam_ra.cli.fmt", "Bring the file into its canonical order and style.", _MORE),
    "completion": Entry("iam_ra.cli.completion", "Print the script by which a shell completes.", _MORE),
    "schema": Entry("iam_ra.cli.schema", "Print the JSON Schema of the file, for editors.", _MORE),
    "permissions": Entry("iam_ra.cli.permissions", "Print the IAM policy that plan or apply needs.", _MORE),
    "demo": Entry("iam_ra.cli.demo", "Take a tour on a local AWS.", _TRY),
    "sandbox": Entry("iam_ra.cli.sandbox", "Run a local AWS for trying and testing.", _TRY),
}


class App(Group):
    """The group `iam-ra`; knows its commands from the table alone until one is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load one command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = import_module(entry.module).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}.command is no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for a name that is none, suggest the nearest."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            raise click.UsageError(
                f"there is no command {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""), ctx
            )
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of commands from the table, options as click does."""
        names = [
            CompletionItem(name, help=entry.summary)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the table, section by section."""
        width = max(map(len, COMMANDS))
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            rows = [
                (name.ljust(width), entry.summary)
                for name, entry in COMMANDS.items()
                if entry.section == section
            ]
            with formatter.section(section):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the table of exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl(exits.MEANINGS)


@click.group(
    cls=App,
    name="iam-ra",
    help="One file says who may become whom in AWS through IAM Roles Anywhere. "
    "`plan` shows what it would change, `apply` makes it so.",
    subcommand_metavar="COMMAND [OPTIONS]",
    options_metavar="[OPTIONS]",
)
@click.version_option(__version__, prog_name="iam-ra", message="%(prog)s %(version)s")
def app() -> None:
    """Parse the options that stand before the command; the command does the rest."""


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code; no exception gets past it but a second Ctrl-C."""
    _tolerate_any_text()
    try:
        code = _invoke(args)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt) as stop:
        click.echo("\n" + "; ".join(["interrupted", *map(str, stop.args)]), err=True)
        return exits.INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return exits.USAGE
    except BrokenPipeError:
        silence_stdout()
        return exits.BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last resort: no stack trace reaches a user
        return _report(error, scan(args))
    return code


def _invoke(args: Sequence[str]) -> int:
    # What click's own main would do, less its way to end the process.
    instruction = os.environ.get(COMPLETION)
    if instruction:
        return shell_complete(app, {}, NAME, COMPLETION, instruction)
    try:
        with app.make_context(NAME, list(args)) as context:
            code = app.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    return code if isinstance(code, int) else exits.OK


def _report(cause: Exception, shown: Options) -> int:
    """Write what went wrong to stderr and return its exit code."""
    from iam_ra.render.problems import error_json, error_text  # noqa: PLC0415 - not needed while all goes well

    error = as_ours(cause, debug=shown.debug)
    if shown.debug and not isinstance(cause, click.ClickException):
        click.echo("".join(traceback.format_exception(cause)), err=True, nl=False)
    if shown.json:
        click.echo(json.dumps(error_json(error), ensure_ascii=False), err=True)
    else:
        color = shown.wants_color(sys.stderr)
        click.echo(error_text(error, color=color), err=True, nl=False, color=color)
    return error.exit_code


def _tolerate_any_text() -> None:
    """Let a terminal that cannot show a character get an escape of it, not a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
