"""How an apply ended: what is done, what failed and how to put it right, what was left out, and how to go on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from iam_ra.render.problems import error_lines, plural
from iam_ra.render.progress import PAST
from iam_ra.render.style import Style, harmless, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from iam_ra.engine.address import Address
    from iam_ra.engine.events import Failed, Skipped
    from iam_ra.engine.plan import Change
    from iam_ra.render.model import OutcomeDocument

_NAMED = 3


def outcome_text(document: OutcomeDocument, *, color: bool = False) -> str:
    """Return the summary that stands below the progress."""
    outcome, seconds, style = document.outcome, document.seconds, Style(color)
    title = document.planned.header.command.capitalize()
    if outcome.complete:
        head = f"{style.bold(style.green(f'{title} complete:'))} {_counts(outcome.done)} in {seconds:.1f}s."
        return "\n".join([head, *_pending(outcome.pending), *_sessions(document.sessions)]) + "\n"
    head = ", ".join(
        f"{count:,} {word}"
        for count, word in (
            (len(outcome.done), "done"),
            (len(outcome.failed), "failed"),
            (len(outcome.skipped), "skipped"),
        )
        if count or word == "done"
    )
    blocks = [
        [f"{style.bold(style.red(f'{title} incomplete:'))} {head} in {seconds:.1f}s."],
        *(_failed(each, style) for each in outcome.failed),
        _skipped(outcome.skipped, style),
        list(_pending(outcome.pending)),
        list(_sessions(document.sessions)),
        ["What is done is recorded. Go on with:", f"  {style.cyan(document.again)}"],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _pending(pending: Mapping[Address, str]) -> Iterator[str]:
    for address, text in sorted(pending.items()):
        yield from wrap(f"{harmless(str(address))} is pending: {text}.", first="", rest="  ")


def _sessions(sessions: Mapping[str, datetime]) -> Iterator[str]:
    """Yield a line for each time at which sessions end."""
    hosts: dict[str, list[str]] = {}
    for host, end in sorted(sessions.items(), key=lambda each: (each[1], each[0])):
        hosts.setdefault(f"{end:%Y-%m-%d %H:%M} UTC", []).append(harmless(host))
    for until, found in hosts.items():
        more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
        text = f"Open sessions of {', '.join(found[:_NAMED])}{more} last until {until} at most."
        yield from wrap(text, first="", rest="  ")


def _counts(done: Sequence[Change]) -> str:
    counts = Counter(change.action for change in done)
    return (
        ", ".join(f"{counts[action]:,} {word}" for action, word in PAST.items() if counts[action])
        or "nothing to do"
    )


def _failed(failed: Failed, style: Style) -> list[str]:
    address = harmless(str(failed.change.address))
    return [f"{style.red('✗')} {style.bold(address)}", *error_lines(failed.error, style, indent="  ")]


def _skipped(skipped: Sequence[Skipped], style: Style) -> list[str]:
    """Return what was left out, gathered by what it waited for."""
    by_cause: dict[tuple[Address, ...], list[str]] = {}
    for each in skipped:
        by_cause.setdefault(each.because, []).append(str(each.change.address))
    lines: list[str] = []
    for because, addresses in by_cause.items():
        cause = f"needs {', '.join(map(str, because))}" if because else "the run was stopped"
        count = plural(len(addresses), "part")
        lines += [
            f"{style.dim('·')} {line}" if index == 0 else line
            for index, line in enumerate(_cause(count, cause))
        ]
        lines += [style.dim(line) for line in wrap(", ".join(addresses), first=" " * 4, rest=" " * 4)]
    return lines


def _cause(count: str, cause: str) -> list[str]:
    first, *rest = wrap(f"{count} skipped: {cause}", first="  ", rest="  ")
    return [first[2:], *rest]
