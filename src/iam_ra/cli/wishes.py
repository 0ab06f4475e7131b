"""What plan and apply may be asked beyond the file: renewals now, only what is due, a day to come."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import click

from iam_ra.engine.errors import ApplyIncompleteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from iam_ra.config.load import Loaded
    from iam_ra.engine.execute import Outcome
    from iam_ra.kinds.memory import Wishes
    from iam_ra.operations.planning import Planned

_CERTIFICATE = "certificate"


def wish_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--renew`, `--keep-old`, `--end-sessions` and `--only`."""
    options = (
        click.option(
            "--renew",
            metavar="ADDRESS",
            multiple=True,
            help="Issue a new certificate for host/NAME, and revoke what it had before at once; or begin a new "
            "generation of ca/NAME. May be given several times.",
        ),
        click.option(
            "--keep-old", is_flag=True, help="With --renew: what it had before stays for its overlap."
        ),
        click.option(
            "--end-sessions",
            is_flag=True,
            help="Also end the open sessions of every role that somebody loses. All who took the role must take it again.",
        ),
        click.option(
            "--only",
            type=click.Choice(["renewals"]),
            help="Only what time alone has brought about, for jobs that nobody watches.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def wishes_of(
    loaded: Loaded,
    renew: Sequence[str],
    *,
    keep_old: bool,
    end_sessions: bool = False,
    only: str | None = None,
) -> Wishes:
    """Return what the options wish of a run. Raises UsageError for an address that the file does not have."""
    from iam_ra.kinds.memory import Wishes  # noqa: PLC0415 - part of no --help

    namespace = loaded.namespace
    known = [f"host/{name}" for name in namespace.hosts] + [f"ca/{name}" for name in namespace.authorities]
    for address in renew:
        if address not in known:
            names = {each.partition("/")[2]: each for each in reversed(known)}
            near = difflib.get_close_matches(address, [*known, *names], n=3)
            meant = list(dict.fromkeys(names.get(each, each) for each in near))
            raise UsageError(
                f"--renew {address}: the file has no such host or authority",
                fix=f"did you mean {' or '.join(meant)}?"
                if meant
                else "write host/NAME or ca/NAME, as the file names them",
            )
    if keep_old and not renew:
        raise UsageError(
            "--keep-old says nothing without --renew", fix="add --renew host/NAME, or leave it out"
        )
    if only is not None and (renew or end_sessions):
        raise UsageError(
            f"{'--renew' if renew else '--end-sessions'} and --only renewals contradict each other",
            why="the one is a wish of yours, the other does what time alone has brought about",
            fix="run them one after the other",
        )
    return Wishes(renew=frozenset(renew), keep_old=keep_old, end_sessions=end_sessions)


def day_ahead(text: str | None) -> Callable[[datetime], datetime] | None:
    """Return what turns AWS's time into the day to come that `text` names: `+90d`, or a date or time in ISO 8601.

    Raises UsageError when it names none; what is returned does for one that is past.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - part of no --help

    from iam_ra.config.durations import parse_duration  # noqa: PLC0415

    if text is None:
        return None
    given = text
    try:
        if given.startswith("+"):
            length = parse_duration(given[1:])
            return lambda now: now + length
        found = datetime.fromisoformat(given)
    except ValueError:
        raise UsageError(
            f"--now {given} is no day to come",
            fix="write a duration such as +90d, or a date or time such as 2030-01-31",
        ) from None
    moment = found if found.tzinfo else found.replace(tzinfo=UTC)
    is_day = "T" not in given and " " not in given

    def turn(now: datetime) -> datetime:
        # Today began a while ago.
        if is_day and moment.date() == now.date():
            return now
        if moment < now:
            raise UsageError(
                f"--now {given} is past: it is {now:%Y-%m-%d %H:%M} UTC",
                fix="name a day to come; what was, is in the history and in `iam-ra ca ledger`",
            )
        return moment

    return turn


def undone_error(planned: Planned) -> ApplyIncompleteError | None:
    """Return that something is due and was left out, for whoever watches the exit code."""
    if not planned.undone:
        return None
    return ApplyIncompleteError(
        "not everything that is due could be done",
        why="; ".join(planned.undone),
        fix="look at `iam-ra plan`, and run `iam-ra apply` without --only",
    )


def go_on(renew: Sequence[str], end_sessions: bool, only: str | None, outcome: Outcome) -> str:
    """Return the command that goes on after an apply: it asks again for the renewals that did not get anywhere."""
    lost = {each.change.address for each in outcome.failed} | {
        each.change.address for each in outcome.skipped
    }
    entities = {address.entity for address in lost if address.part.startswith(_CERTIFICATE)}
    asked = [f"--renew {address}" for address in renew if address in entities]
    asked += ["--end-sessions"] if end_sessions else []
    return " ".join(["iam-ra apply", *asked, *(() if only is None else (f"--only {only}",))])
