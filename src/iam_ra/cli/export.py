"""`iam-ra export`: what a host needs to know, for whatever reads it."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from iam_ra.cli.entities import HOST
from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.cli.running import workplace_for
from iam_ra.engine.errors import StateError

if TYPE_CHECKING:
    from iam_ra.files.aws_config import HostConfig

FORMATS = ("aws-config", "env", "json")


@click.command("export", cls=Command)
@click.argument("host", type=HOST)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="aws-config",
    show_default=True,
    help="What to print.",
)
@pass_options
def command(options: Options, host: str, form: str) -> None:
    """Print what HOST needs to know: names, ARNs and paths, nothing secret.

    aws-config is a ready ~/.aws/config; env sets the default role's variables in a shell; json is for programs.
    """
    from iam_ra.files.aws_config import aws_config  # noqa: PLC0415 - part of no --help

    config = _recorded(options, host.removeprefix("host/"))
    if form == "json" or options.json:
        write_json("export", asdict(config))
    elif form == "env":
        click.echo(_variables(config), nl=False)
    else:
        click.echo(aws_config(config), nl=False)


def _recorded(options: Options, host: str) -> HostConfig:
    """Return what the last apply recorded for a host. Raises StateError when there is nothing."""
    from iam_ra.engine.address import Address  # noqa: PLC0415 - part of no --help
    from iam_ra.kinds.host_aws_config import PART, host_config  # noqa: PLC0415
    from iam_ra.kinds.host_keys import ENTITIES  # noqa: PLC0415

    state = workplace_for(options, options.load()).state()
    recorded = None if state is None else state.parts.get(Address(f"{ENTITIES}{host}", PART))
    if recorded is None:
        raise StateError(
            f"host/{host} was not applied yet",
            why="the recorded state does not have it",
            fix="add it to the file if it is not there, and run `iam-ra apply`",
        )
    return host_config(host, recorded.inputs)


def _variables(config: HostConfig) -> str:
    profile = next(each for each in config.profiles if each.name == config.default)
    variables = {
        "AWS_REGION": config.region,
        "IAM_RA_CERTIFICATE": config.certificate_path,
        "IAM_RA_PRIVATE_KEY": config.private_key_path,
        "IAM_RA_TRUST_ANCHOR_ARN": config.trust_anchor_arn,
        "IAM_RA_PROFILE_ARN": profile.profile_arn,
        "IAM_RA_ROLE_ARN": profile.role_arn,
        "IAM_RA_SESSION_DURATION": str(profile.session_duration),
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
