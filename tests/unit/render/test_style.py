from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam_ra.config.diagnostics import ConfigError, Diagnostic
from iam_ra.engine.errors import TooManyDeletionsError
from iam_ra.render.problems import error_json, error_text
from iam_ra.render.style import ColorMode, Style, cells, elide, harmless, wants_color, wrap
from iam_ra.render.table import Cell, Column, table_text
from iam_ra.render.values import pair, short

TEXT = st.text(st.characters(codec="utf-8"), max_size=200)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("mode", "terminal", "environ", "expected"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", True, {"FORCE_COLOR": "0"}, False),
        ("auto", True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", True, {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_who_gets_colour(mode: ColorMode, terminal: bool, environ: dict[str, str], expected: bool) -> None:
    assert wants_color(mode, Terminal() if terminal else io.StringIO(), environ) is expected


@given(TEXT)
def test_harmless_text_is_printable(text: str) -> None:
    assert harmless(text).isprintable()


@given(TEXT.map(harmless), st.integers(5, 80))
def test_elided_text_fits(text: str, room: int) -> None:
    assert cells(elide(text, room)) <= max(room, min(cells(text), room))


@given(st.one_of(TEXT, st.integers(), st.lists(TEXT), st.dictionaries(TEXT, TEXT)), st.integers(5, 80))
def test_any_value_is_one_short_harmless_line(value: object, room: int) -> None:
    assert cells(short(value, room)) <= room
    assert short(value, room).isprintable()


@given(TEXT, TEXT, st.integers(20, 80))
def test_a_pair_fits_and_differs(before: str, after: str, room: int) -> None:
    shown = pair(before, after, room)
    assert all(cells(each) <= room and each.isprintable() for each in shown)
    assert shown[0] != shown[1] or harmless(before) == harmless(after)


def test_commands_are_never_broken() -> None:
    command = "`iam-ra apply --allow deletes:12 --file a/very/long/path/to/some/iam-ra.yaml`"
    lines = wrap(f"If it is really meant this way, then run {command} and go on.", first="  ", rest="  ")
    assert any(command in line for line in lines)


def test_an_error_is_what_why_fix() -> None:
    error = TooManyDeletionsError("12 of 20 would go", why="A guard.", fix="Run `x`.")
    assert error_text(error) == "error[IRA4003]: 12 of 20 would go\n  why: A guard.\n  fix: Run `x`.\n"
    assert error_json(error) == {
        "error": {"id": "IRA4003", "what": "12 of 20 would go", "why": "A guard.", "fix": "Run `x`."}
    }


def test_problems_of_a_file_are_all_shown_and_counted() -> None:
    problem = Diagnostic(
        "error", "IRA1160", "iam-ra.yaml", 4, 8, "hosts.web.roles[0]", "no role", "why", "fix", "a: [b]"
    )
    warning = Diagnostic("warning", "IRA1173", "iam-ra.yaml", 9, 1, "", "cut", "", "")
    error = ConfigError("iam-ra.yaml", [problem, problem, warning])
    text = error_text(error)
    assert text.startswith("iam-ra.yaml:4:8: error[IRA1160]: no role\n")
    assert "  why: why\n  fix: fix\n" in text
    assert text.endswith("iam-ra.yaml:9:1: warning[IRA1173]: cut\n\n2 errors, 1 warning\n")
    assert "\x1b[31m" in error_text(error, color=True)
    assert len(error_json(error)["error"]["diagnostics"]) == 3


def test_a_table_is_aligned_and_fits() -> None:
    columns = [Column("host"), Column("days", "right"), Column("where")]
    rows: list[list[str | Cell]] = [
        ["web", "7", "x" * 100],
        [Cell("漢字", Style(color=True).red), "1,200", "evil\x1b[2J"],
    ]
    lines = table_text(columns, rows, width=80, indent="  ").splitlines()
    assert lines[0] == "  HOST   DAYS  WHERE"
    assert lines[2] == "  \x1b[31m漢字\x1b[0m  1,200  evil\\x1b[2J"
    assert cells(lines[1]) == 80
    assert lines[1].startswith("  web       7  xxx")
    assert table_text(columns, []) == ""
    # What reads a pipe wants it whole.
    assert "x" * 100 in table_text(columns, rows)
