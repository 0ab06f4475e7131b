"""A plan, the outcome of an apply or an error as Markdown, for a comment on a pull request.

The first line is a hidden marker by which a bot finds the comment that it wrote before. What a reviewer must not miss
comes first and unfolded: counts, what forbids the plan, what goes, what others changed. Differences are folded away, and
cut where the comment would become longer than GitHub takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iam_ra.config.diagnostics import ConfigError, Diagnostic
from iam_ra.engine.action import Action
from iam_ra.engine.errors import PreflightError
from iam_ra.render.drift import DRIFT_TITLE, drift_blocks
from iam_ra.render.entities import entities
from iam_ra.render.markdown_syntax import code, cut, fenced, folded, prose, size
from iam_ra.render.outcome import ending_line, later_sentences, skipped_by_cause
from iam_ra.render.problems import plural
from iam_ra.render.progress import PAST
from iam_ra.render.style import Style, harmless
from iam_ra.render.text import ahead_sentence, due_sentence, entity_blocks, total_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.plan import Change
    from iam_ra.render.markdown_syntax import Block
    from iam_ra.render.model import ErrorDocument, Header, OutcomeDocument, PlanDocument
    from iam_ra.render.problems import Warning_

# GitHub takes 65,536 characters, and counts a line's end as two where a browser sent it.
LIMIT: Final = 60_000
_LIST_ROOM: Final = 5_000
_NOTICE_ROOM: Final = 2_000
_NAMED: Final = 5
_OUTSIDE_MARKER: Final = re.compile(r"[^A-Za-z0-9-]")
# Of an entity or a part; a value has its own further to the right.
_MARK: Final = re.compile(r"( {0,6})(-/\+|[-+~])(?= )")
_PLAIN: Final = Style(color=False)
_EXIT_MEANINGS: Final = {
    1: "an error",
    2: "there are changes",
    3: "not everything is done",
    4: "refused",
    64: "wrong usage",
}
_ENTITIES: Final = ("entity", "entities")
_PARTS: Final = ("part", "parts")
# What was planned and what is shown later are one comment.
_MARKERS: Final = {"show": "plan"}


def plan_markdown(document: PlanDocument, *, verbose: bool = False, whole: str = "") -> str:
    """Return the plan as Markdown of at most `LIMIT` characters.

    `whole` says where all of it is, should it be cut: "All of it is in `plan.html`".
    """
    plan, header = document.plan, document.header
    page = _Page(header)
    page.write(" ".join([*total_lines(plan, _Bold()), _exit_code(document.exit_code)]))
    if header.ahead is not None:
        page.write(prose(ahead_sentence(header.ahead)))
    page.list("This plan cannot be applied", _forbidden(document))
    page.list("Deleted", _losses(document, Action.DELETE))
    page.list("Replaced", _losses(document, Action.REPLACE))
    page.list("Warnings", map(_warning, document.warnings))
    page.fold("All changes", _ENTITIES, entity_blocks(plan, _PLAIN, verbose=verbose))
    page.list(DRIFT_TITLE, map(_drifted, plan.drifted))
    drift = drift_blocks(plan, document.ignored, _PLAIN, verbose=verbose)
    page.fold("All drift, expected → found", _PARTS, ((lines, 1) for lines in drift))
    if document.next_due is not None:
        page.write(prose(due_sentence(document.next_due)))
    page.write(_footer(document))
    again = f"show {header.file}" if header.command == "show" else header.command
    return page.text(whole or f"`iam-ra {again}` shows the whole")


def outcome_markdown(document: OutcomeDocument, *, whole: str = "") -> str:
    """Return how an apply ended as Markdown of at most `LIMIT` characters; `whole` as for a plan."""
    outcome = document.outcome
    title, counts = ending_line(document)
    page = _Page(document.planned.header)
    page.write(f"**{title}** {counts} {_exit_code(document.exit_code)}")
    page.list(
        "Failed",
        (
            f"{code(str(each.change.address))} after {each.seconds:.1f}s, {_problem(each.error)}"
            for each in outcome.failed
        ),
    )
    page.list(
        "Skipped",
        (f"{_names(found)}: {prose(cause)}" for cause, found in skipped_by_cause(outcome.skipped).items()),
    )
    page.list("Due, and left out", map(prose, document.undone))
    page.list("Not recorded", [] if outcome.unrecorded is None else [_problem(outcome.unrecorded)])
    if not outcome.complete:
        page.write(f"What is done is recorded. Go on with {code(document.again)}.")
    page.list("Later", map(prose, later_sentences(document)))
    done = (
        [harmless(f"{each.action.symbol:>3} {each.address}  {PAST[each.action]}")] for each in outcome.done
    )
    page.fold("All that is done", _PARTS, ((lines, 1) for lines in done))
    page.write(_footer(document.planned))
    return page.text(whole or "`iam-ra state history` has the whole")


def error_markdown(document: ErrorDocument) -> str:
    """Return why there is no plan, or no outcome of an apply, as Markdown of at most `LIMIT` characters."""
    header = document.header
    page = _Page(header)
    what = "The apply ended with an error." if header.command == "apply" else "There is no plan."
    page.write(f"**{what}** {_exit_code(document.exit_code)}")
    page.list("Errors", _problems(document.error), room=LIMIT // 2)
    return page.text("The log has them all")


@dataclass(frozen=True)
class _Fold:
    summary: str
    nouns: tuple[str, str]
    blocks: Sequence[Block]


class _Page:
    """Paragraphs, lists and folded blocks in their order; the folds are cut in the end so that all fits."""

    def __init__(self, header: Header) -> None:
        command = _OUTSIDE_MARKER.sub("-", header.command)
        known = (_OUTSIDE_MARKER.sub("-", each) or "-" for each in (header.namespace, header.region))
        place = f": {code(header.namespace)} in {code(header.region)}" if header.namespace else ""
        self._parts: list[str | _Fold] = []
        self._cuts: list[str] = []
        self.write(f"<!-- iam-ra {_MARKERS.get(command, command)}: {' '.join(known)} -->")
        self.write(f"### iam-ra {command}{place}")

    def write(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(text)

    def list(self, title: str, items: Iterable[str], room: int = _LIST_ROOM) -> None:
        """Add a list under a title of our own, if there is anything in it; what goes beyond `room` is counted."""
        found = [f"- {each}" for each in items]
        kept, left = cut([([each], 1) for each in found], room)
        if left:
            kept.append(f"- … and {left:,} more")
            self._cuts.append(f"{left:,} of {len(found):,} under “{title}”")
        if kept:
            self.write("\n".join([f"**{title}**", "", *kept]))

    def fold(self, summary: str, nouns: tuple[str, str], blocks: Iterable[Block]) -> None:
        """Add lines that a click shows, if there are any; `nouns` say what they are about, one and many."""
        found = [(_spaced(lines), count) for lines, count in blocks]
        if found:
            self._parts.append(_Fold(summary, nouns, found))

    def text(self, whole: str) -> str:
        """Return the page; `whole` says where to read what had to be left out."""
        texts = [each if isinstance(each, str) else "" for each in self._parts]
        room = LIMIT - _NOTICE_ROOM - sum(size(each) + 2 for each in texts)
        folds = {index: each for index, each in enumerate(self._parts) if isinstance(each, _Fold)}
        # The small ones first: what they leave goes to the large.
        for count, index in enumerate(sorted(folds, key=lambda each: len(folds[each].blocks))):
            texts[index] = self._folded(folds[index], room // (len(folds) - count))
            room -= size(texts[index])
        if self._cuts:
            # Below the marker, the title and the counts.
            texts.insert(3, f"**Cut to fit a comment:** {'; '.join(self._cuts)} left out. {prose(whole)}.")
        return "\n\n".join(texts) + "\n"

    def _folded(self, fold: _Fold, room: int) -> str:
        total = sum(count for _, count in fold.blocks)
        summary = f"{fold.summary} ({plural(total, *fold.nouns)})"
        frame = size("\n".join(folded(summary, fenced([], "diff"))))
        kept, left = cut(fold.blocks, room - frame)
        if left:
            self._cuts.append(f"{left:,} of {plural(total, *fold.nouns)} under “{fold.summary}”")
            summary = f"{fold.summary} ({plural(total, *fold.nouns)}, {left:,} of them left out or cut)"
        return "\n".join(
            folded(summary, fenced("\n".join(kept).rstrip("\n").split("\n"), "diff") if kept else [])
        )


class _Bold(Style):
    """Bold in Markdown; colours there are none."""

    def bold(self, text: str) -> str:
        return f"**{text}**"


def _exit_code(code_: int) -> str:
    meaning = _EXIT_MEANINGS.get(code_)
    return f"Exit code {code_}: {meaning}." if meaning else f"Exit code {code_}."


def _forbidden(document: PlanDocument) -> Iterator[str]:
    for each in document.refusals:
        yield _problem(each)
    for conflict in document.plan.conflicts:
        yield f"{code(str(conflict.address))} conflict: {prose(conflict.text)}"


def _losses(document: PlanDocument, action: Action) -> Iterator[str]:
    """Yield what is deleted or replaced: entities where that happens to the whole of them, else parts."""
    for entity in entities(document.plan):
        if entity.whole is action:
            parts = plural(len(entity.changes), "part")
            yield f"{code(entity.name)} ({parts}): {_reasons(entity.changes[0])}"
        else:
            for change in entity.changes:
                if change.action is action:
                    yield f"{code(str(change.address))}: {_reasons(change)}"


def _reasons(change: Change) -> str:
    return prose("; ".join(dict.fromkeys(each.text for each in change.reasons)))


def _drifted(change: Change) -> str:
    fields = [each.field for each in change.drift]
    return f"{code(str(change.address))}: {_names(fields)}"


def _names(names: Sequence[str]) -> str:
    """Name a few of many."""
    shown = ", ".join(map(code, names[:_NAMED]))
    return f"{shown} and {len(names) - _NAMED:,} more" if len(names) > _NAMED else shown


def _warning(warning: Warning_) -> str:
    return _diagnostic(warning) if isinstance(warning, Diagnostic) else prose(warning)


def _problems(error: IamRaError) -> Iterator[str]:
    if isinstance(error, ConfigError):
        yield from map(_diagnostic, error.diagnostics)
        return
    if isinstance(error, PreflightError):
        yield from map(_problem, error.errors)
    yield _problem(error)


def _diagnostic(problem: Diagnostic) -> str:
    place = code(f"{problem.file}:{problem.line}:{problem.column}")
    return _explained(f"{place} {code(problem.id)}: {prose(problem.what)}", problem.why, problem.fix)


def _problem(error: IamRaError) -> str:
    return _explained(f"{code(error.id)}: {prose(error.what)}", error.why, error.fix)


def _explained(what: str, why: str, fix: str) -> str:
    below = [f"  - {label}: {prose(text)}" for label, text in (("why", why), ("fix", fix)) if text]
    return "\n".join([what, *below])


def _spaced(lines: Sequence[str]) -> Sequence[str]:
    """Return lines for a block of differences, an empty one below several."""
    return [*map(_shifted, lines), *([""] if len(lines) > 1 else [])]


def _shifted(line: str) -> str:
    """Return a line with its mark in front, where `diff` colours it."""
    found = _MARK.match(line)
    if found is None:
        return line
    mark = "!" if found[2] == Action.UPDATE.symbol else found[2]
    return f"{mark}{found[1]}{line[found.end() :]}"


def _footer(document: PlanDocument) -> str:
    header = document.header
    place = f"{header.account_id}/{header.region}" if header.account_id else header.region
    made = f"{document.now:%Y-%m-%d %H:%M} UTC"
    sums = [f"checksum {code(document.checksum)}"] if document.checksum else []
    return " · ".join([code(place), code(header.file), made, *sums])
