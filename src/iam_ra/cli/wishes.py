"""What plan and apply may be asked beyond the file: renewals now, only what is due, a day to come."""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import click

from iam_ra.cli.entities import ADDRESS, RENEWABLE
from iam_ra.engine.errors import ApplyIncompleteError, UsageError
from iam_ra.engine.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from iam_ra.config.load import Loaded
    from iam_ra.engine.execute import Outcome
    from iam_ra.kinds.memory import Wishes
    from iam_ra.operations.planning import Planned

_CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Asked:
    """What plan and apply were asked for beyond the file: the options' own texts."""

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    renew: tuple[str, ...] = ()
    keep_old: bool = False
    end_sessions: bool = False
    only: str | None = None
    allow: tuple[str, ...] = ()

    @classmethod
    def from_saved(cls, saved: Mapping[str, Any]) -> Self:
        """Return what a saved plan was made with."""
        texts: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in saved.items()
        }
        return cls(**texts)

    @property
    def is_nothing(self) -> bool:
        """Whether no option was given."""
        return self == Asked()

    @property
    def scope(self) -> Scope:
        """What of the plan is to be made."""
        return Scope(frozenset(self.target), frozenset(self.exclude), self.only is not None)

    def wishes(self, loaded: Loaded) -> Wishes:
        """Return what is wished of the run. Raises UsageError for what the file does not have or nobody can do."""
        from iam_ra.kinds.memory import Wishes  # noqa: PLC0415 - part of no --help

        self._check_renew(loaded)
        if self.keep_old and not self.renew:
            raise UsageError(
                "--keep-old says nothing without --renew", fix="add --renew host/NAME, or leave it out"
            )
        wished = [name for name in ("renew", "replace", "end_sessions") if getattr(self, name)]
        if self.only is not None and wished:
            raise UsageError(
                f"--{wished[0].replace('_', '-')} and --only renewals contradict each other",
                why="the one is a wish of yours, the other does what time alone has brought about",
                fix="run them one after the other",
            )
        return Wishes(
            renew=frozenset(self.renew),
            replace=frozenset(self.replace),
            keep_old=self.keep_old,
            end_sessions=self.end_sessions,
        )

    def _check_renew(self, loaded: Loaded) -> None:
        namespace = loaded.namespace
        known = [f"host/{name}" for name in namespace.hosts]
        known += [each.entity for each in namespace.authorities.values()]
        for address in self.renew:
            if address not in known:
                names = {each.partition("/")[2]: each for each in reversed(known)}
                near = difflib.get_close_matches(address, [*known, *names], n=3)
                meant = list(dict.fromkeys(names.get(each, each) for each in near))
                raise UsageError(
                    f"--renew {address}: the file has no such host, authority or cluster",
                    fix=f"did you mean {' or '.join(meant)}?"
                    if meant
                    else "write host/NAME, ca/NAME or cluster/NAME, as the file names them",
                )

    def go_on(self, outcome: Outcome, *, with_followers: bool = False) -> str:
        """Return the command that goes on after an apply: it asks again for the renewals that did not get anywhere.

        `with_followers` names what is not done of other entities than the targets, too.
        """
        lost = {each.change.address for each in outcome.failed} | {
            each.change.address for each in outcome.skipped
        }
        entities = {address.entity for address in lost if address.part.startswith(_CERTIFICATE)}
        followers = (
            sorted(str(each) for each in lost if each.entity not in self.target) if with_followers else ()
        )
        return replace(
            self,
            target=(*self.target, *followers),
            renew=tuple(each for each in self.renew if each in entities),
        ).command

    @property
    def command(self) -> str:
        """The command line that asks for the same."""
        return " ".join(
            [
                "iam-ra apply",
                *(f"--target {each}" for each in self.target),
                *(f"--exclude {each}" for each in self.exclude),
                *(f"--renew {each}" for each in self.renew),
                *(("--keep-old",) if self.keep_old and self.renew else ()),
                *(("--end-sessions",) if self.end_sessions else ()),
                *(() if self.only is None else (f"--only {self.only}",)),
            ]
        )


def asked_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what plan and apply can be asked for; the function gets it as `asked`."""

    @functools.wraps(function)
    def bundled(*args: Any, **kwargs: Any) -> Any:
        asked = Asked(**{each.name: kwargs.pop(each.name) for each in fields(Asked)})
        return function(*args, asked=asked, **kwargs)

    wrapped: Callable[..., Any] = bundled
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


_OPTIONS = (
    click.option(
        "--target",
        metavar="ADDRESS",
        type=ADDRESS,
        multiple=True,
        help="Only this entity (host/web) or part (host/web:secrets), and what it needs. May be given several times.",
    ),
    click.option(
        "--exclude",
        metavar="ADDRESS",
        type=ADDRESS,
        multiple=True,
        help="All but this entity or part, and what cannot do without it. May be given several times.",
    ),
    click.option(
        "--replace",
        metavar="ADDRESS",
        type=ADDRESS,
        multiple=True,
        help="Delete and make anew the stack of this entity or part. May be given several times.",
    ),
    click.option(
        "--renew",
        metavar="ADDRESS",
        type=RENEWABLE,
        multiple=True,
        help="Issue a new certificate for host/NAME, and revoke what it had before at once; or begin a new "
        "generation of ca/NAME or cluster/NAME. May be given several times.",
    ),
    click.option("--keep-old", is_flag=True, help="With --renew: what it had before stays for its overlap."),
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
    click.option(
        "--allow",
        metavar="WHAT",
        multiple=True,
        help="deletes:N: exactly N deleted or replaced entities, above limits.max_delete_percent. "
        "replace:ca/NAME: a new trust anchor for an authority, replace:cluster/NAME for a cluster. May be given several "
        "times.",
    ),
)


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
