"""docs/compatibility.md, written from the tables that the tests run: python -m tests.e2e.clients.report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.clients.matrix import CASE_KEY, CASES, CLIENTS, KEYS, Case

from iam_ra.anywhere.uncertain import UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGE = Path(__file__).parents[3] / "docs" / "compatibility.md"
HEAD = """\
# Compatibility

<!-- Written by: python -m tests.e2e.clients.report. The tests run every cell and fail when this page differs. -->

The clients below run in the tests, unchanged, against the sandbox, which decides by the rules in `src/iam_ra/anywhere/`.
Trust policies and certificates are made by the code that `iam-ra apply` uses. The helper's version stands in the `Makefile`,
those of the Python clients in `constraints.txt`.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_keys(), "", *_cases(), "", *_quirks(), "", *_uncertain()]) + "\n"


def _keys() -> Iterator[str]:
    yield "## Keys\n"
    yield "A host with such a key comes with its own certificate for its own role:\n"
    yield from _table(
        ["client", *KEYS.values()], ([each.title, *["opens"] * len(KEYS)] for each in CLIENTS.values())
    )


def _cases() -> Iterator[str]:
    yield "## Cases\n"
    yield f"A host comes, with each of these clients and an {KEYS[CASE_KEY]} key, with:\n"
    yield from _table(["what", "result", "what the user reads"], map(_case, CASES.values()))
    yield "\nA session is called by its certificate's serial number, in lower-case hexadecimal."


def _case(case: Case) -> list[str]:
    if case.says is None:
        return [case.title, "opens", ""]
    return [case.title, "refused", f"`{case.says.format(role='ROLE_ARN')}`"]


def _quirks() -> Iterator[str]:
    yield "## Quirks\n"
    yield from (f"- {each.quirk}" for each in CLIENTS.values() if each.quirk)


def _uncertain() -> Iterator[str]:
    yield "## What AWS does not document\n"
    yield "Where the service's behaviour is not documented, the rules assume:\n"
    yield from (f"- **{name}**: {sentence}" for name, sentence in UNCERTAIN.items())


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
