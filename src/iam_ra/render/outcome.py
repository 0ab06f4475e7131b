"""How an apply ended: what is done, what failed and how to put it right, what was left out, and how to go on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from iam_ra.render.problems import error_lines, plural
from iam_ra.render.progress import PAST
from iam_ra.render.style import Style, harmless, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iam_ra.engine.events import Failed, Skipped
    from iam_ra.engine.plan import Change
    from iam_ra.render.model import OutcomeDocument

_NAMED = 3


def outcome_text(document: OutcomeDocument, *, color: bool = False) -> str:
    """Return the summary that stands below the progress."""
    outcome, style = document.outcome, Style(color)
    paint = style.green if outcome.complete else style.red
    title, counts = ending_line(document)
    head = f"{style.bold(paint(title))} {counts}"
    later = [line for each in later_sentences(document) for line in wrap(each, first="", rest="  ")]
    if outcome.complete:
        return "\n".join([head, *later]) + "\n"
    blocks = [
        [head],
        *(_failed(each, style) for each in outcome.failed),
        _skipped(outcome.skipped, style),
        later,
        ["What is done is recorded. Go on with:", f"  {style.cyan(document.again)}"],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def ending_line(document: OutcomeDocument) -> tuple[str, str]:
    """Return how it ended, and in short what was done: `Apply complete:` and `1 created in 0.3s.`."""
    title, outcome = document.planned.header.command.capitalize(), document.outcome
    if outcome.complete:
        return f"{title} complete:", f"{_counts(outcome.done)} in {document.seconds:.1f}s."
    counts = ", ".join(
        f"{count:,} {word}"
        for count, word in (
            (len(outcome.done), "done"),
            (len(outcome.failed), "failed"),
            (len(outcome.skipped), "skipped"),
        )
        if count or word == "done"
    )
    return f"{title} incomplete:", f"{counts} in {document.seconds:.1f}s."


def later_sentences(document: OutcomeDocument) -> Iterator[str]:
    """Yield what is yet to come: parts that wait for something elsewhere, and when open sessions end."""
    for address, text in sorted(document.outcome.pending.items()):
        yield f"{address} is pending: {text}."
    hosts: dict[str, list[str]] = {}
    for host, end in sorted(document.sessions.items(), key=lambda each: (each[1], each[0])):
        hosts.setdefault(f"{end:%Y-%m-%d %H:%M} UTC", []).append(host)
    for until, found in hosts.items():
        more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
        yield f"Open sessions of {', '.join(found[:_NAMED])}{more} last until {until} at most."


def _counts(done: Sequence[Change]) -> str:
    counts = Counter(change.action for change in done)
    return (
        ", ".join(f"{counts[action]:,} {word}" for action, word in PAST.items() if counts[action])
        or "nothing to do"
    )


def _failed(failed: Failed, style: Style) -> list[str]:
    address = harmless(str(failed.change.address))
    return [f"{style.red('✗')} {style.bold(address)}", *error_lines(failed.error, style, indent="  ")]


def skipped_by_cause(skipped: Sequence[Skipped]) -> dict[str, list[str]]:
    """Return the addresses of what was left out, gathered by what it waited for."""
    found: dict[str, list[str]] = {}
    for each in skipped:
        cause = f"needs {', '.join(map(str, each.because))}" if each.because else "the run was stopped"
        found.setdefault(cause, []).append(str(each.change.address))
    return found


def _skipped(skipped: Sequence[Skipped], style: Style) -> list[str]:
    lines: list[str] = []
    for cause, addresses in skipped_by_cause(skipped).items():
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
