"""The conformance table of docs/sandbox.md: what the sandbox does as AWS does, by which source, shown by which test.

A test says so itself: `@pytest.mark.conforms("Service: what it does.", source="…")`. `UPDATE_GOLDEN=1 pytest
tests/sandbox` runs them and writes the table, unless a test of it did not pass in that run. `rows` reads the marks from
the sources, so that `test_conformance.py` finds a stale table whichever tests are selected.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests/sandbox"
PAGE = ROOT / "docs/sandbox.md"
MARK = "pytest.mark.conforms"
BEGIN, END = "<!-- conformance: begin -->", "<!-- conformance: end -->"
HEADER = "| Behaviour | Follows | Test |\n|---|---|---|\n"


@dataclass(frozen=True, slots=True)
class Row:
    """One behaviour. `path` is that of the test's file below the repository's root."""

    service: str
    behaviour: str
    source: str
    path: str
    test: str

    @property
    def test_id(self) -> str:
        """The test as pytest names it, without parameters."""
        return f"{self.path}::{self.test}"

    def __str__(self) -> str:
        return f"| {self.behaviour} | {self.source} | [{self.test}](../{self.path}) |\n"


class Writer:
    """A pytest plugin that writes the table at the end of a run in which all its tests passed."""

    def __init__(self, rows: Iterable[Row], page: Path = PAGE) -> None:
        self._rows = list(rows)
        self._page = page
        self._passed: set[str] = set()
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended: all its parameters and its clean-up count."""
        test_id = report.nodeid.partition("[")[0]
        if report.failed:
            self._failed.add(test_id)
        elif report.when == "call" and report.passed:
            self._passed.add(test_id)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the table, or tell why not."""
        unproven = self.unproven()
        if unproven:
            terminalreporter.write_line(f"{self._page.name} stays: these did not pass: {', '.join(unproven)}")
        else:
            text = self._page.read_text(encoding="utf-8")
            self._page.write_text(page_with(text, table(self._rows)), encoding="utf-8")
            terminalreporter.write_line(f"{self._page.name} has its table, {len(self._rows)} rows")

    def unproven(self) -> list[str]:
        """Return the tests of the table that did not pass in this run."""
        proven = self._passed - self._failed
        return [row.test_id for row in self._rows if row.test_id not in proven]


def rows(folder: Path = TESTS) -> list[Row]:
    """Return what the tests below a folder say of themselves, by service, in the order of files and lines.

    Raises ValueError for a mark that is not of the form above.
    """
    found: list[Row] = []
    for path in sorted(folder.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            found += [_row(path, function, mark) for mark in _marks(function)]
    return sorted(found, key=lambda row: row.service)


def _marks(function: ast.FunctionDef) -> Iterator[ast.Call]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == MARK:
            yield decorator


def _row(path: Path, function: ast.FunctionDef, mark: ast.Call) -> Row:
    try:
        service, behaviour, source = _said(mark)
    except ValueError as error:
        form = f'{MARK}("Service: what it does.", source="…"), literally'
        raise ValueError(f"{path.name}:{mark.lineno}: write {form}") from error
    relative = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return Row(service, behaviour, source, relative.as_posix(), function.name)


def _said(mark: ast.Call) -> tuple[str, str, str]:
    (said,) = (str(ast.literal_eval(each)) for each in mark.args)
    (keyword,) = mark.keywords
    if keyword.arg != "source":
        raise ValueError(keyword.arg)
    service, behaviour = said.split(": ", 1)
    return service, behaviour, str(ast.literal_eval(keyword.value))


def table(rows: Iterable[Row]) -> str:
    """Return the table in Markdown, a part for each service."""
    parts = []
    for service, those in groupby(rows, key=lambda row: row.service):
        parts.append(f"\n### {service}\n\n{HEADER}{''.join(map(str, those))}")
    return "".join(parts)


def page_with(text: str, table: str) -> str:
    """Return a page with another table between its marks. Raises ValueError if it has no marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{before}{begin}\n{table}\n{end}{after}"
