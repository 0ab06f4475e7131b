"""What plan, apply, destroy and status share: from the options to a workplace, from a plan to the screen, consent."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from iam_ra.cli import exits
from iam_ra.engine.errors import ApplyIncompleteError, IamRaError, NoConsentError, RefusedError
from iam_ra.engine.scope import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from iam_ra.cli.options import Options
    from iam_ra.cli.outputs import Outputs
    from iam_ra.config.load import Loaded
    from iam_ra.engine.events import Listener
    from iam_ra.engine.execute import Outcome
    from iam_ra.engine.scope import Scope
    from iam_ra.kinds.memory import Wishes
    from iam_ra.operations.applying import Applier
    from iam_ra.operations.planning import Planned, Planner
    from iam_ra.operations.recalling import Recaller
    from iam_ra.operations.workplace import Workplace
    from iam_ra.render.model import PlanDocument


def _seconds(_: click.Context, __: click.Parameter, text: str | None) -> float:
    if text is None:
        return 0.0
    from iam_ra.config.durations import parse_duration  # noqa: PLC0415 - part of no --help

    try:
        return 0.0 if text == "0" else parse_duration(text).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def lock_timeout_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--lock-timeout`; the function gets seconds."""
    return click.option(
        "--lock-timeout",
        metavar="TIME",
        callback=_seconds,
        help="How long to wait for another apply to finish, such as 10m. Without it: not at all.",
    )(function)


def recaller_for(options: Options) -> Recaller:
    """Return who looks at the memory of the file's namespace."""
    from iam_ra.operations.recalling import Recaller  # noqa: PLC0415 - boto3 is slow, and no part of --help

    return Recaller(workplace_for(options, options.load()))


def workplace_for(options: Options, loaded: Loaded, *, threads: int = 10) -> Workplace:
    """Return the workplace of the file, with the credentials of the environment or of `--profile`."""
    from iam_ra.operations.workplace import connect  # noqa: PLC0415 - boto3 is slow, and no part of --help

    return connect(loaded.namespace, options.profile, os.environ, threads=threads)


def planner_for(
    workplace: Workplace,
    allow: Sequence[str] = (),
    *,
    wishes: Wishes | None = None,
    ahead: Callable[[datetime], datetime] | None = None,
    scope: Scope = WHOLE,
    only_drift: bool = False,
    refresh: bool = True,
    named: Sequence[str] = (),
) -> Planner:
    """Return who plans; `allow` holds the option's texts, `named` the entities that the command itself names."""
    from iam_ra.kinds.memory import NO_WISHES  # noqa: PLC0415 - part of no --help
    from iam_ra.operations.guards import Allowed  # noqa: PLC0415
    from iam_ra.operations.planning import Planner  # noqa: PLC0415

    return Planner(
        workplace,
        allowed=Allowed.parse(allow, named),
        wishes=wishes or NO_WISHES,
        ahead=ahead,
        scope=scope,
        only_drift=only_drift,
        refresh=refresh,
    )


def applier_for(
    workplace: Workplace, planner: Planner, parallelism: int, lock_timeout: float = 0.0
) -> Applier:
    """Return who applies."""
    from iam_ra.operations.applying import Applier  # noqa: PLC0415 - part of no --help

    return Applier(workplace, planner, parallelism=parallelism, lock_timeout=lock_timeout)


def document_of(loaded: Loaded, planned: Planned, command: str, *, exit_code: int = exits.OK) -> PlanDocument:
    """Return what a rendering of the plan may say."""
    from iam_ra.render.model import Header, PlanDocument  # noqa: PLC0415 - part of no --help

    namespace, caller = loaded.namespace, planned.snapshot.caller
    return PlanDocument(
        planned.plan,
        Header(
            namespace.name,
            namespace.region,
            caller.account_id,
            namespace.file.name,
            command,
            planned.ahead,
        ),
        caller.now,
        lineage=planned.snapshot.lineage,
        serial=0 if planned.state is None else planned.state.serial,
        refusals=planned.refusals,
        warnings=(*loaded.warnings, *planned.warnings),
        # What an apply is about to change, it may change that too.
        next_due=planned.next_due if command == "plan" else None,
        checksum=_checksum(planned),
        ignored=planned.ignored,
        exit_code=exit_code,
    )


def settled(outputs: Outputs, loaded: Loaded, planned: Planned, command: str) -> int | None:
    """Show the plan that is about to be made; return the exit code if there is nothing to make or it may not be made."""
    if not planned.is_applicable:
        code = RefusedError.exit_code
        outputs.write_plan(document_of(loaded, planned, command, exit_code=code))
        return code
    outputs.announce(document_of(loaded, planned, command))
    return exits.OK if planned.plan.is_empty and outputs.is_plain else None


def _checksum(planned: Planned) -> str | None:
    from iam_ra.operations.saved_plans import checksum  # noqa: PLC0415 - part of no --help

    return checksum(planned) if planned.is_applicable and planned.ahead is None else None


def show_errors(options: Options, errors: Sequence[IamRaError]) -> None:
    """Write errors to stderr, each with its why and its fix."""
    from iam_ra.render.problems import error_text  # noqa: PLC0415 - part of no --help

    color = options.wants_color(sys.stderr)
    for error in errors:
        click.echo(error_text(error, color=color), err=True, color=color)


def ask(question: str, *, yes: bool, asked: bool) -> None:
    """Go on if the user agrees, who is `asked` only where text is shown.

    Raises NoConsentError otherwise, and when nobody is there to answer.
    """
    if yes:
        return
    if not asked or not sys.stdin.isatty():
        raise NoConsentError(
            "nothing was changed: nobody is there to agree",
            why="input that is no terminal and formats other than text never wait for an answer",
            fix="give --yes if the plan above is what you want",
        )
    if not click.confirm(question, default=False, err=True):
        raise NoConsentError("nothing was changed: you did not agree")


def carry_out(
    options: Options,
    outputs: Outputs,
    loaded: Loaded,
    planned: Planned,
    applier: Applier,
    work: Callable[[Planned, Listener], Outcome],
    command: str,
    go_on: Callable[[Outcome], str] | None = None,
) -> int:
    """Make the changes with their progress on stderr, say how it ended, keep the history; return the exit code.

    `go_on` tells the command that goes on with what is not done, where that is not just the same command.
    """
    from iam_ra.render.json import plan_json  # noqa: PLC0415 - part of no --help
    from iam_ra.render.model import OutcomeDocument  # noqa: PLC0415 - part of no --help

    since = time.monotonic()
    with outputs.listening(len(planned.plan.changes)) as listen:
        outcome = work(planned, listen)
    seconds = time.monotonic() - since
    document = document_of(loaded, planned, command)
    if outcome.done or outcome.failed:
        applier.write_history(command, plan_json(document), outcome)
    code = exits.OK if outcome.complete else ApplyIncompleteError.exit_code
    again = f"iam-ra {command}" if go_on is None else go_on(outcome)
    sessions = applier.open_sessions(planned, outcome)
    # What is due and had to be left out fails the command, though all that was planned is done.
    ends_with = ApplyIncompleteError.exit_code if planned.undone else code
    outputs.write_outcome(
        OutcomeDocument(document, outcome, seconds, again, sessions, planned.undone, ends_with)
    )
    if outcome.unrecorded is not None:
        show_errors(options, [outcome.unrecorded])
    return code
