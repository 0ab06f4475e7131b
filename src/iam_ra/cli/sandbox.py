"""`iam-ra sandbox`: the local AWS of a folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iam_ra.cli import exits
from iam_ra.cli.envelope import write_json
from iam_ra.cli.options import Command, Group, Options, pass_options
from iam_ra.engine.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iam_ra.render.style import Style
    from iam_ra.sandbox.process import Endpoint
    from iam_ra.sandbox.remote import Remote

_DEFAULT_REGION = "us-east-1"
_HIGHEST_PORT = 65_535
_LONGEST_SECONDS = 3600
# As `iam_ra.sandbox.faults.KINDS`, which loads too much for --help.
_KINDS = ("throttle", "500", "timeout", "denied", "reset", "slow", "412", "409")
_BAD, _NO_ANSWER = 400, 0
_HINT = 'eval "$(iam-ra sandbox env)"'


def _seconds(text: str) -> float:
    """Read seconds, written `2s`, `2` or `0.5`."""
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_SECONDS:
        raise click.BadParameter(f"`{text}` is no number of seconds from 0 to {_LONGEST_SECONDS}")
    return seconds


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
@click.option(
    "--real-limits", is_flag=True, help="Hold callers to AWS's calls a second; it throttles what is above."
)
@click.option(
    "--iam-delay",
    metavar="SECONDS",
    type=_seconds,
    default="0",
    help="How long CreateSession sees roles as they were before a change, such as 2s.",
)
@click.option(
    "--from",
    "source",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Start with what `sandbox save` wrote. Load only files of your own.",
)
@pass_options
def up(options: Options, port: int, real_limits: bool, iam_delay: float, source: Path | None) -> None:
    """Start the sandbox, or find it running."""
    from iam_ra.sandbox import process  # noqa: PLC0415 - no part of --help
    from iam_ra.sandbox.settings import Settings  # noqa: PLC0415

    folder = _folder(options)
    if (real_limits or iam_delay) and process.status(folder) is not None:
        raise SandboxError(
            "A sandbox runs here already.",
            why="--real-limits and --iam-delay are set when it starts.",
            fix="iam-ra sandbox down, then the same command again",
        )
    settings = Settings(port=port, real_limits=real_limits, iam_delay_seconds=iam_delay)
    endpoint = process.up(folder, settings, source=source)
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


@command.command("clock", cls=Command)
@click.argument("to", metavar="[+90d|DATE|reset]", required=False)
@pass_options
def clock(options: Options, to: str | None) -> None:
    """Show the sandbox's clock, or set it.

    +90d goes on from where it stands; DATE is such as 2030-01-31 or 2030-01-31T12:00 (UTC). AWS's answers bear
    this time, and certificates, revocation lists, sessions and iam-ra's plans go by it.
    """
    found = _asked(lambda: _remote(options).clock(to))
    if options.json:
        write_json("sandbox clock", found)
        return
    click.echo(f"The sandbox's clock shows {found['now']}{'' if found['shifted'] else ', the real time'}.")


@command.group("faults", cls=Group)
def faults() -> None:
    """Let calls or stack resources fail, to see what then happens."""


@faults.command("add", cls=Command)
@click.option("--service", metavar="S", help="The service by its signing name, such as s3 or cloudformation.")
@click.option("--operation", metavar="O", help="The operation, such as CreateStack; Describe* works too.")
@click.option("--nth", metavar="N", type=click.IntRange(1), help="Only the Nth of these calls.")
@click.option("--every", metavar="N", type=click.IntRange(1), help="Every Nth of these calls.")
@click.option("--rate", metavar="R", type=click.FloatRange(0, 1), help="This share of them, such as 0.1.")
@click.option("--seed", metavar="N", type=int, help="With --rate: which ones; the same for the same seed.")
@click.option("--kind", type=click.Choice(_KINDS), help="How the calls fail.")
@click.option("--seconds", type=_seconds, metavar="S", help="How long slow and timeout take.")
@click.option("--resource", metavar="ID", help="Instead: a stack's resource, by its logical id.")
@click.option(
    "--on", type=click.Choice(("create", "update", "delete")), help="With --resource; default: create."
)
@click.option("--reason", metavar="TEXT", help="With --resource: what CloudFormation says.")
@click.option("--stack", metavar="NAME", help="With --resource: only in this stack.")
@click.option("--times", metavar="N", type=click.IntRange(1), help="With --resource: how often; default: 1.")
@pass_options
def faults_add(options: Options, /, **given: Any) -> None:
    """Let calls, or a stack's resource, fail from now on.

    Without --nth, --every and --rate all calls that fit do. `reset` ends the connection before the call is done;
    `timeout` does it and loses the answer.
    """
    wanted = _wanted({name: value for name, value in given.items() if value is not None}, options)
    found = _asked(lambda: _remote(options).add_fault(**wanted))
    if options.json:
        write_json("sandbox faults add", found)
    else:
        click.echo(f"Added: {_resource_words(found) if 'resource' in found else _fault_words(found)}.")


@faults.command("list", cls=Command)
@pass_options
def faults_list(options: Options) -> None:
    """Show what is to fail, and how often it did."""
    found = _remote(options).faults()
    if options.json:
        write_json("sandbox faults list", found)
        return
    for each in found["calls"]:
        click.echo(f"{_fault_words(each)}: met {each['hits']} of {each['calls']} calls")
    for each in found["resources"]:
        click.echo(f"{_resource_words(each)}: waits")
    if not any(found.values()):
        click.echo("No faults.")


@faults.command("clear", cls=Command)
@pass_options
def faults_clear(options: Options) -> None:
    """Let nothing fail any more."""
    count = _remote(options).clear_faults()
    if options.json:
        write_json("sandbox faults clear", {"cleared": count})
    else:
        click.echo(f"Cleared: {count}.")


@command.command("log", cls=Command)
@click.option("--follow", is_flag=True, help="Go on with the calls to come, until Ctrl-C.")
@click.option("-n", "count", metavar="N", type=click.IntRange(0), default=20, help="How many; default: 20.")
@pass_options
def show_log(options: Options, follow: bool, count: int) -> None:
    """Show the last calls.

    When, which, their status, and how long they took. What CloudFormation called for a stack stands behind a
    dot. With --json and --follow: one object a line.
    """
    remote = _remote(options)
    entries = remote.last_calls(max(count, 1))
    after = entries[-1]["number"] if entries else 0
    entries = entries if count else []
    if options.json and not follow:
        write_json("sandbox log", {"calls": entries})
        return
    for each in entries:
        _show(each, options)
    if follow:
        for each in remote.follow_calls(after):
            _show(each, options)
    elif not entries:
        click.echo("No calls yet.")


@command.command("reset", cls=Command)
@pass_options
def reset(options: Options) -> None:
    """Empty the sandbox.

    All that is in it goes, with its faults and its clock's shift.
    """
    _remote(options).reset()
    if options.json:
        write_json("sandbox reset", {})
    else:
        click.echo("The sandbox is empty.")


@command.command("save", cls=Command)
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@pass_options
def save(options: Options, target: Path) -> None:
    """Write all that is in the sandbox to FILE.

    `iam-ra sandbox up --from FILE` starts with it. The file holds the sandbox's keys and secrets, and is for
    its owner only. Its faults and its log are not in it.
    """
    from iam_ra.sandbox import snapshots  # noqa: PLC0415 - no part of --help

    remote = _remote(options)
    try:
        data = remote.save()
    except ValueError as error:
        raise SandboxError(
            "The sandbox is not saved.",
            why=f"{str(error)[:1].upper()}{str(error)[1:]}.",
            fix="Wait until nothing is in progress, then run the command again.",
        ) from error
    file = target.absolute()
    snapshots.write(file, data)
    left_out = snapshots.read_header(data, str(file)).left_out
    if options.json:
        write_json("sandbox save", {"file": str(file), "bytes": len(data), "left_out": left_out})
        return
    click.echo(f"Saved to {file}")
    if left_out:
        click.echo(f"Left out, since iam-ra does not use them: {', '.join(left_out)}", err=True)


def _remote(options: Options) -> Remote:
    """Return the folder's sandbox. Raises SandboxError when none runs."""
    from iam_ra.sandbox import process  # noqa: PLC0415 - no part of --help
    from iam_ra.sandbox.remote import Remote  # noqa: PLC0415

    folder = _folder(options)
    endpoint = process.status(folder)
    if endpoint is None:
        raise SandboxError(f"No sandbox runs in {folder}.", fix="iam-ra sandbox up")
    return Remote(endpoint)


def _asked(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Call the sandbox; what it refuses was wrongly asked."""
    try:
        return ask()
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _wanted(given: dict[str, Any], options: Options) -> dict[str, Any]:
    """Return what to add: a fault of calls or, with a resource's id, one of a resource."""
    of_calls = {"service", "operation", "nth", "every", "rate", "seed", "kind", "seconds"}
    wrong = sorted(given.keys() & of_calls) if "resource" in given else sorted(given.keys() - of_calls)
    if wrong:
        both = "goes" if len(wrong) == 1 else "go"
        neighbour = "with --resource" if "resource" in given else "without --resource"
        raise click.UsageError(f"{', '.join(f'--{name}' for name in wrong)} {both} not {neighbour}")
    if "resource" not in given:
        if "kind" not in given:
            raise click.UsageError("a fault needs --kind, or --resource")
        return given
    if "stack" in given:
        given["stack_name"] = given.pop("stack")
    return {"region": _region(options), "on": "create", **given}


def _fault_words(fault: Mapping[str, Any]) -> str:
    which = "all"
    if fault["nth"] is not None:
        which = f"number {fault['nth']}"
    elif fault["every"] is not None:
        which = f"every {fault['every']}."
    elif fault["rate"] is not None:
        which = f"{fault['rate']:.0%} (seed {fault['seed']})"
    return f"{fault['kind']} on {fault['service']} {fault['operation']}, {which}"


def _resource_words(fault: Mapping[str, Any]) -> str:
    stack = f" of stack {fault['stack_name']}" if fault.get("stack_name") else ""
    return f"resource {fault['resource']}{stack} fails on {fault['on']} in {fault['region']}"


def _show(entry: Mapping[str, Any], options: Options) -> None:
    """Write one line of the log, within 80 columns, or one JSON object."""
    if options.json:
        import json  # noqa: PLC0415 - no part of --help

        click.echo(json.dumps(entry))
        return
    style = options.style()
    click.echo(_line(entry, style), color=style.color)


def _line(entry: Mapping[str, Any], style: Style) -> str:
    from datetime import datetime  # noqa: PLC0415 - no part of --help

    from iam_ra.render.style import elide, harmless, pad  # noqa: PLC0415 - no part of --help

    time = datetime.fromisoformat(entry["time"]).astimezone()
    inside = "·" if entry["by"] == "cloudformation" else " "
    name = pad(elide(harmless(entry["operation"]), 32), 32)
    status = f"{entry['status']:>3}" if entry["status"] != _NO_ANSWER else " - "
    failed = entry["status"] == _NO_ANSWER or entry["status"] >= _BAD
    fault = style.yellow(f"  {entry['fault']}") if entry["fault"] else ""
    return (
        f"{style.dim(f'{time:%H:%M:%S}')} {inside} {pad(elide(harmless(entry['service']), 14), 14)} "
        f"{style.bold(name) if not inside.strip() else name} "
        f"{style.red(status) if failed else style.green(status)} {entry['milliseconds']:>6.0f} ms{fault}"
    ).rstrip()


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
