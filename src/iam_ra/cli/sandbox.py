"""`iam-ra sandbox`: the local AWS of a folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iam_ra.cli import exits
from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Group, Options, pass_options

if TYPE_CHECKING:
    from iam_ra.sandbox.process import Endpoint

_DEFAULT_REGION = "us-east-1"
_HIGHEST_PORT = 65_535
_HINT = 'eval "$(iam-ra sandbox env)"'


@click.group("sandbox", cls=Group)
def command() -> None:
    """Run a local AWS for trying and testing; it belongs to the folder of the nearest iam-ra.yaml.

    Point iam-ra, the AWS CLI and boto3 at it with: eval "$(iam-ra sandbox env)"
    """


@command.command("up", cls=Command)
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, _HIGHEST_PORT),
    default=0,
    help="The port on the loopback interface; without it, a free one.",
)
@pass_options
def up(options: Options, port: int) -> None:
    """Start the sandbox, or find it running."""
    from iam_ra.sandbox import process  # noqa: PLC0415 - no part of --help
    from iam_ra.sandbox.settings import Settings  # noqa: PLC0415

    endpoint = process.up(_folder(options), Settings(port=port))
    if options.json:
        write_json("sandbox up", _as_json(endpoint))
        return
    style = options.style()
    click.echo(f"The sandbox runs at {style.cyan(endpoint.url)}", color=style.color)
    click.echo(f"Use it with: {_HINT}", err=True)


@command.command("down", cls=Command)
@pass_options
def down(options: Options) -> None:
    """End the sandbox; all that is in it is gone."""
    from iam_ra.sandbox import process  # noqa: PLC0415 - no part of --help

    was_running = process.down(_folder(options))
    if options.json:
        write_json("sandbox down", {"was_running": was_running})
    else:
        click.echo("The sandbox is down." if was_running else "No sandbox was running here.")


@command.command("env", cls=Command)
@click.option("--https", is_flag=True, help="Over TLS, for clients that speak nothing else.")
@pass_options
def env(options: Options, https: bool) -> int:
    """Print what points a shell at the sandbox.

    Exit code 1 when none runs.
    """
    from iam_ra.sandbox import process  # noqa: PLC0415 - no part of --help

    folder = _folder(options)
    endpoint = process.status(folder)
    if endpoint is None:
        click.echo(f"no sandbox runs in {folder}; start one: iam-ra sandbox up", err=True)
        return exits.ERROR
    variables = process.environment(endpoint, _region(options), https=https)
    if options.json:
        write_json("sandbox env", variables)
        return exits.OK
    for name, value in variables.items():
        click.echo(f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}")
    return exits.OK


@command.command("status", cls=Command)
@pass_options
def status(options: Options) -> int:
    """Say whether the sandbox runs, and where.

    Exit code 1 when it does not.
    """
    from iam_ra.sandbox import process  # noqa: PLC0415 - no part of --help

    folder = _folder(options)
    endpoint = process.status(folder)
    if options.json:
        write_json(
            "sandbox status", {"running": endpoint is not None, **(_as_json(endpoint) if endpoint else {})}
        )
    elif endpoint is None:
        click.echo(f"No sandbox runs in {folder}.")
    else:
        style = options.style()
        click.echo(f"The sandbox runs at {style.cyan(endpoint.url)}", color=style.color)
        click.echo(f"Process {endpoint.pid}, since {endpoint.started}, version {endpoint.version}.")
    return exits.ERROR if endpoint is None else exits.OK


def _folder(options: Options) -> Path:
    """Return the folder of the nearest file, else the current one: a sandbox needs no file."""
    file = _nearest(options)
    return Path.cwd() if file is None else file.absolute().parent


def _nearest(options: Options) -> Path | None:
    from iam_ra.config.diagnostics import ConfigError  # noqa: PLC0415 - no part of --help

    try:
        return options.path()
    except ConfigError:
        if options.file is not None:
            raise
        return None


def _region(options: Options) -> str:
    """Return the region that the nearest file names; a file with problems must not keep the shell from its sandbox."""
    from iam_ra.config.diagnostics import ConfigError  # noqa: PLC0415 - no part of --help

    if _nearest(options) is None:
        return _DEFAULT_REGION
    try:
        return options.load().namespace.region
    except ConfigError as error:
        click.echo(f"{error.what}, so the region is {_DEFAULT_REGION}; see: iam-ra validate", err=True)
        return _DEFAULT_REGION


def _as_json(endpoint: Endpoint) -> dict[str, str | int]:
    return {
        "url": endpoint.url,
        "https_url": endpoint.https_url,
        "ca_bundle": endpoint.ca_bundle,
        "pid": endpoint.pid,
        "started": endpoint.started,
        "version": endpoint.version,
    }
