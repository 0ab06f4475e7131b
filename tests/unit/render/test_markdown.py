from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.unit.render import samples
from tests.unit.render.test_text import PLANS, REFUSALS, WARNINGS

from iam_ra.config.diagnostics import ConfigError, Diagnostic
from iam_ra.engine.address import Address
from iam_ra.engine.due import Due
from iam_ra.engine.errors import IamRaError, PreflightError, ToolError
from iam_ra.engine.events import Failed, Skipped
from iam_ra.engine.execute import Outcome
from iam_ra.engine.plan import Conflict
from iam_ra.render.markdown import LIMIT, error_markdown, outcome_markdown, plan_markdown
from iam_ra.render.markdown_syntax import code, fenced, prose, size
from iam_ra.render.model import ErrorDocument, Header, OutcomeDocument

if TYPE_CHECKING:
    from collections.abc import Callable

    from markdown_it.token import Token

    from iam_ra.engine.plan import Plan

MARKER = "<!-- iam-ra plan: default ap-southeast-2 -->"
# What a page may hold: our own frame of it, and text.
BLOCKS = {"inline", "paragraph", "heading", "bullet_list", "list_item", "fence", "html_block"}
INLINE = {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
FRAME = re.compile(
    r"<!-- iam-ra (plan|apply): [\w-]+ [\w-]+ -->|<details>\n<summary>[\w ,→()]+</summary>|</details>"
)
# What GitHub makes links, people, issues and pictures of, wherever it is not code.
ACTIVE = re.compile(r"[@#<>|\\$&*_~\[\]`]|https?:|www\.|:[\w+-]+:|GH-\d|\b[0-9a-f]{7,40}\b", re.IGNORECASE)
HOSTILE = st.one_of(
    st.text(alphabet="`|<>@#*_~[]()!&;:\\$-+=1. \n\r\t/ab\u202e😀", min_size=1, max_size=40),
    st.sampled_from(
        [
            "-->", "<script>alert(1)</script>", "@everyone", "#12", "![x](http://x)", "</details>", "```", "a|b",
            "\n\n# x\n", "1. x", "- x", "&lt;", "<!--", "GH-1", "0123abc,", ":smile:", "www.example.com", "$x$", "\n```\n<b>", "~~~",
            "owner/repo@0123456789abcdef0123456789abcdef01234567", "````" * 10, "\\`", "--- ", "[a]: http://b", "é\u0301漢",
        ]
    ),
)  # fmt: skip


def page(plan: Plan, *, verbose: bool = False, whole: str = "", **more: Any) -> str:
    return plan_markdown(samples.document(plan, **more), verbose=verbose, whole=whole)


def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)


def check_harmless(text: str) -> None:
    """Check that a page is our own frame with nothing but text in it."""
    assert size(text) <= LIMIT
    depth = 0
    for token in tokens(text):
        assert token.type.removesuffix("_open").removesuffix("_close") in BLOCKS, token
        if token.type == "html_block":
            for part in re.split(r"\n(?=<)(?!<summary>)", token.content.strip()):
                assert FRAME.fullmatch(part), part
                depth += part.startswith("<details>") - part.startswith("</details>")
        for inner in token.children or ():
            assert inner.type in INLINE, inner
            assert inner.type != "text" or not ACTIVE.search(inner.content), inner.content
    assert depth == 0
    headings = [each for each in tokens(text) if each.type == "heading_open"]
    assert [each.tag for each in headings] == ["h3"]


def outcome() -> Outcome:
    done, failed, *skipped = samples.removed_host().changes
    error = ToolError(
        "sops is not installed", why="Files are encrypted with it.", fix="Run `apt install sops`."
    )
    needs = [Skipped(each, (failed.address,)) for each in skipped]
    return Outcome(
        [done], [Failed(failed, error, 12.34)], needs, pending={done.address: "AWS lists it later"}
    )


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_looks_as_agreed(name: str, golden: Callable[[str, str], None]) -> None:
    text = page(PLANS[name](), exit_code=0 if name == "nothing" else 2)
    golden(f"{name}.md", text)
    assert text.startswith(f"{MARKER}\n\n### ")
    check_harmless(text)


def test_what_must_not_be_missed_is_not_folded(golden: Callable[[str, str], None]) -> None:
    plan = replace(
        samples.removed_host(),
        changes=(*samples.removed_host().changes, *samples.replaced_anchor().changes),
        conflicts=samples.conflict().conflicts,
    )
    due = Due(samples.NOW, Address.parse("host/web:certificate"), "is renewed")
    text = page(plan, refusals=REFUSALS, warnings=WARNINGS, next_due=due, checksum="0f" * 32, exit_code=4)
    golden("refused.md", text)
    check_harmless(text)
    above = text.partition("<details>")[0]
    for each in (
        "5 to delete",
        "`host/old` (4 parts)",
        "`host/web:secrets`",
        "`ca/default` (1 part)",
        "IRA4003",
        "IRA4002",
        "`host/db:stack` conflict",
    ):
        assert each in above


def test_how_an_apply_ended(golden: Callable[[str, str], None]) -> None:
    planned = samples.document(samples.removed_host(), header=replace(samples.HEADER, command="apply"))
    whole = OutcomeDocument(
        planned, Outcome(list(planned.plan.changes)), 4.2, "iam-ra apply", {"host/old": samples.NOW}
    )
    partly = OutcomeDocument(planned, outcome(), 61, "iam-ra apply --target host/old", exit_code=3)
    for name, document in (("applied", whole), ("incomplete", partly)):
        text = outcome_markdown(document)
        golden(f"{name}.md", text)
        check_harmless(text)


def test_an_error_is_a_page_with_the_same_marker(golden: Callable[[str, str], None]) -> None:
    problem = Diagnostic(
        "error",
        "IRA1160",
        "iam-ra.yaml",
        12,
        5,
        "hosts.web.roles[0]",
        "there is no role `admn`",
        "",
        "did you mean admin?",
    )
    errors: dict[str, IamRaError] = {
        "error": PreflightError([ToolError("sops is not installed", fix="Install it.")]),
        "broken_file": ConfigError("iam-ra.yaml", [problem, replace(problem, line=14)]),
    }
    for name, error in errors.items():
        text = error_markdown(ErrorDocument(error, samples.HEADER))
        golden(f"{name}.md", text)
        assert text.startswith(f"{MARKER}\n")
        check_harmless(text)


def test_a_file_that_says_nothing_still_has_a_marker() -> None:
    text = error_markdown(ErrorDocument(ToolError("x"), Header("", "", "", "iam-ra.yaml", "plan")))
    assert text.startswith("<!-- iam-ra plan: - - -->\n\n### iam-ra plan\n")
    check_harmless(text)


def test_a_saved_plan_updates_the_comment_of_its_plan() -> None:
    shown = page(samples.plan(), header=replace(samples.HEADER, command="show"))
    assert shown.startswith(MARKER)


@settings(max_examples=60, deadline=None)
@given(names=st.lists(HOSTILE, min_size=8, max_size=8), verbose=st.booleans())
def test_hostile_names_are_only_text(names: list[str], verbose: bool) -> None:
    one, two, three, four, five, six, seven, eight = names
    plan = samples.plan(
        samples.update(f"role/{one}:{two}", {three: four, "list": [four]}, {three: five, "list": [six]}),
        replace(samples.delete("host/old:stack"), address=Address(f"host/{three}", four)),
        samples.create(f"host/{five}:{six}", {two: one, one: {"deep": [two]}}, replace(samples.NEW, text=seven)),
        *samples.drift_below().changes,
        conflicts=[Conflict(Address(f"host/{six}", seven), eight)],
    )  # fmt: skip
    header = replace(samples.HEADER, namespace=one, region=two, file=three, account_id=four)
    warning = Diagnostic("warning", "IRA1173", five, 12, 5, six, seven, eight, one)
    due = Due(samples.NOW, Address(f"host/{one}", two), three)
    refusal = ToolError(one, why=two, fix=three)
    document = samples.document(
        plan, header=header, warnings=[eight, warning], refusals=[refusal], next_due=due, exit_code=4
    )
    check_harmless(plan_markdown(document, verbose=verbose, whole=eight))
    check_harmless(error_markdown(ErrorDocument(ConfigError(one, [warning]), header)))
    ended = Outcome(
        [plan.changes[0]], [Failed(plan.changes[1], refusal, 1)], [Skipped(plan.changes[2], ())],
        unrecorded=refusal, pending={plan.changes[0].address: eight},
    )  # fmt: skip
    check_harmless(outcome_markdown(OutcomeDocument(document, ended, 1, seven, {eight: samples.NOW})))


@given(HOSTILE)
def test_a_code_span_holds_the_whole_name(name: str) -> None:
    (paragraph,) = [each for each in tokens(f"x {code(name)} x") if each.type == "inline"]
    before, span, after = paragraph.children or []
    assert (before.content, span.type, after.content) == ("x ", "code_inline", " x")
    assert span.content == name or not name.isprintable() or not name.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("removed from the file", "removed from the file"),
        ("run `iam-ra apply --allow deletes:12`.", "run `iam-ra apply --allow deletes:12`."),
        ("follows ca/default:trust-anchor", "follows ca/default:trust-anchor"),
        ("the limit is limits.max_delete_percent, raise it", "the limit is `limits.max_delete_percent`, raise it"),
        ("a@b.example (and #1)", "`a@b.example` (and `#1`)"),
        ("- not a list", "`-` not a list"),
        ("an odd ` of them", "an odd `` ` `` of them"),
        ("see https://example.com", "see `https://example.com`"),
        ("as 0123abc, or GH-12", "as `0123abc`, or `GH-12`"),
    ],
)  # fmt: skip
def test_sentences_stay_readable(text: str, expected: str) -> None:
    assert prose(text) == expected


def test_a_block_ends_where_it_ends() -> None:
    lines = ["````", "  ```x", "a ```````` b"]
    block = fenced(lines)
    assert block == ["`````", *lines, "`````"]
    assert [each.content for each in tokens("\n".join(block))] == ["\n".join(lines) + "\n"]


@pytest.mark.parametrize("letter", ["x", "漢", "😀", "`"])
def test_a_long_plan_is_cut_loudly(letter: str) -> None:
    # Each name of its own reason, so that none is shown as a crowd.
    many = [
        samples.create(
            f"host/{letter * 40}{number}:stack", {letter: letter * 20}, replace(samples.NEW, text=f"{number}")
        )
        for number in range(1_500)
    ]
    gone = [
        samples.delete(f"host/old-{number}:stack", replace(samples.REMOVED, text=f"{number}"))
        for number in range(900)
    ]
    text = page(samples.plan(*many, *gone), exit_code=2, whole="`plan.html` has the whole")
    check_harmless(text)
    assert size(text) > LIMIT * 0.9
    head = text.split("\n\n")[:4]
    assert head[0] == MARKER
    assert "900 to delete" in head[2]
    found = re.fullmatch(
        r"\*\*Cut to fit a comment:\*\* ([\d,]+) of 900 under “Deleted”; ([\d,]+) of 2,400 entities under “All changes” "
        r"left out\. `plan\.html` has the whole\.",
        head[3],
    )
    assert found
    named, shown = (int(each.replace(",", "")) for each in found.groups())
    assert text.count("- `host/old-") == 900 - named
    assert text.count("\n+   host/") + text.count("\n-   host/") == 2_400 - shown


def test_a_huge_crowd_shows_its_beginning() -> None:
    hosts = [samples.create(f"host/web-{number:05}:stack") for number in range(9_000)]
    text = page(samples.plan(*hosts))
    check_harmless(text)
    assert "9,000 of 9,000 entities under “All changes”" in text
    assert "web-00000" in text
    assert "web-08999" not in text


def test_verbose_shows_whole_values_in_the_fold() -> None:
    shown = page(samples.edited_role(), verbose=True)
    assert '"Resource": "arn:aws:s3:::releases/*"' in shown
    check_harmless(shown)
