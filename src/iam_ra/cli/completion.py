"""`iam-ra completion`: the script by which a shell completes commands, options, and names from the file."""

from __future__ import annotations

import click

from iam_ra.cli.options import Command, Options, pass_options

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", cls=Command)
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(SHELLS))
@pass_options
def command(options: Options, shell: str) -> None:  # noqa: ARG001 - every command gets its options
    """Print the script by which a shell completes commands, options, and the names in the nearest iam-ra.yaml.

    In ~/.bashrc: eval "$(iam-ra completion bash)". In ~/.zshrc, after compinit: eval "$(iam-ra completion zsh)". In
    ~/.config/fish/config.fish: iam-ra completion fish | source.
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - not needed by --help

    from iam_ra.cli.app import COMPLETION, NAME, app  # noqa: PLC0415 - the frame loads this module

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click knows no shell {shell!r}")
    click.echo(found(app, {}, NAME, COMPLETION).source())
