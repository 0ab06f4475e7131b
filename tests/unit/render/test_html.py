"""The report: one page in which names are text, deletions come first, and a browser may load nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.render import samples
from tests.unit.render.graphs import FILE, HOSTILE, crowd, loaded, plan_between

from iam_ra.engine.action import Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import FieldChange
from iam_ra.engine.drift import Drift
from iam_ra.engine.due import Due
from iam_ra.engine.errors import PreflightError, ToolError, TooManyDeletionsError
from iam_ra.engine.plan import Conflict
from iam_ra.render.graph import Edge, Graph, Node, Sort, fleet_graph
from iam_ra.render.html import error_html, plan_html
from iam_ra.render.model import ErrorDocument, Fleet, Header, PlanDocument
from iam_ra.render.style import harmless
from iam_ra.shipped import names, source
from iam_ra.state.status import Identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iam_ra.engine.plan import Plan

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """A page as a browser sees it: its elements, with the text in each."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self._open), data))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The elements with the names of their attributes."""
        return [(tag, tuple(attrs)) for tag, attrs in self.elements]

    @property
    def text(self) -> str:
        """All that is to be read, each run of white space as one space."""
        return " ".join("".join(data for tags, data in self.texts if "style" not in tags).split())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


def document(plan: Plan, fleet: Callable[[], Fleet] | None = None, **more: Any) -> PlanDocument:
    return PlanDocument(plan, samples.HEADER, NOW, serial=7, checksum="ab" * 32, fleet=fleet, **more)


def member(entity: str, days: int = 364, *roles: str, identity: str = "", **more: Any) -> Identity:
    identity = identity or entity.partition("/")[2]
    return Identity(entity, identity, roles, "1", "2027-03-04T05:06:07+00:00", days, "", **more)


def page(plan: Plan, fleet: Callable[[], Fleet] | None = None, **more: Any) -> Page:
    return Page(plan_html(document(plan, fleet, **more)))


def standing(folder: Path) -> Fleet:
    before = loaded(folder)
    after = loaded(folder, FILE.replace("robot:", "cobot:").replace("admin, reader]", "reader, idle]"))
    members = [
        member("ca/default", 3650),
        member("host/robot", 12, "reader"),
        Identity(
            "host/web",
            "web",
            ("admin", "reader"),
            "2",
            "2027-03-04T05:06:07+00:00",
            300,
            "2026-03-01T02:03:04+00:00",
        ),
        member("host/late", -3),
        member("host/off", 90, disabled=True),
    ]
    return Fleet(members, fleet_graph(after, plan_between(before, after)))


def test_a_report_says_all_of_it(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    due = Due(datetime(2027, 9, 25, tzinfo=UTC), Address("host/web", "certificate"), "is to be renewed")
    fleet = standing(tmp_path)
    text = plan_html(document(samples.removed_host(), lambda: fleet, next_due=due, warnings=["mind `this`"]))
    golden("removed_host.html", text)
    found = Page(text)
    for part in (
        "5 to delete",
        "Plan: 1 to create, 1 to update, 5 to delete, 2 unchanged.",
        "Next, from 2027-09-25 on: host/web:certificate is to be renewed.",
        "mind this",
        "host/old removed from the file",
        "state 7 · checksum " + "ab" * 32,
    ):
        assert part in found.text
    assert found.text.index("What goes") < found.text.index("What changes")
    rows = re.findall(
        r"host/\w+|ca/\w+",
        found.text[
            found.text.index("Days left") : found.text.index("Picture") if "Picture" in found.text else None
        ],
    )
    assert rows[:5] == ["host/late", "host/robot", "host/off", "host/web", "ca/default"]
    assert "2026-03-01 02:03" in found.text
    assert [attrs["class"] for attrs in found.of("tr")[1:]] == ["ended", "soon", "off", "ok", "ok"]
    # The picture once more, for whoever does not see it.
    assert "role/admin 1 \N{MINUS SIGN}deleted: host/web" in found.text
    assert "host/web may take role/admin, deleted" in found.text


@pytest.mark.parametrize(
    "name",
    [
        "conflict",
        "drift",
        "drift_below",
        "edited_role",
        "first_apply",
        "fleet",
        "hostile",
        "protection",
        "replaced_anchor",
    ],
)
def test_every_plan_is_a_page(name: str) -> None:
    plan = getattr(samples, name)()
    found = page(plan, ignored=samples.IGNORED)
    if name != "fleet":
        for change in plan.changes:
            assert harmless(change.address.part) in found.text
    assert "Fleet" not in found.text
    for conflict in plan.conflicts:
        assert harmless(conflict.text) in found.text
    for change in plan.drifted:
        for each in change.drift:
            assert each.field in found.text
            assert each.remedy in found.text
    assert "stays, by ignore_drift[0]" in found.text


def test_no_changes_and_nobody_there() -> None:
    found = page(samples.plan(), lambda: Fleet([], crowd(0)))
    assert "No changes. 2 parts are as the file says." in found.text
    assert "Nothing was applied yet, so nobody has a certificate." in found.text


def test_many_are_folded_away() -> None:
    members = [member(f"host/h-{number:04}", number, "r") for number in range(300)]
    found = page(samples.fleet(), lambda: Fleet(members, crowd(300)))
    assert "25 hosts new in the file; each with certificate, secrets, sops, stack" in found.text
    assert "275 more, which last longer" in found.text
    assert "600 arrows are more than the 150 that are drawn singly" in found.text
    assert all(f"host/h-{number:04}" in found.text for number in (0, 299))
    assert sum("open" in attrs for attrs in found.of("details")) == 0


def test_why_a_plan_may_not_be_applied_comes_before_what_it_does() -> None:
    refusal = TooManyDeletionsError(
        "too many would go", why="30 % are allowed", fix="give `--allow deletes:4`"
    )
    missing = PreflightError([ToolError("sops is missing", fix="install it")])
    found = page(samples.removed_host(), refusals=[refusal, missing])
    for text in (
        "IRA4003 too many would go",
        "why 30 % are allowed",
        "fix give --allow deletes:4",
        "sops is missing",
    ):
        assert found.text.index(text) < found.text.index("What goes")


def test_an_error_is_a_page_too() -> None:
    error = ToolError("sops <b> is missing", why="it is not on the PATH", fix="install it")
    found = Page(error_html(ErrorDocument(error, Header("", "", "", "iam-ra.yaml"))))
    assert "There is no plan" in found.text
    assert "IRA1200 sops <b> is missing why it is not on the PATH fix install it" in found.text


def test_a_browser_may_load_nothing_and_run_nothing(tmp_path: Path) -> None:
    fleet = standing(tmp_path)
    text = plan_html(document(samples.removed_host(), lambda: fleet))
    found = Page(text)
    (policy,) = (
        attrs["content"] or ""
        for attrs in found.of("meta")
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    hashes = {
        f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in styles
    }
    assert len(styles) == 2
    directives = {name: set(values) for name, *values in (each.split() for each in policy.split(";"))}
    assert directives == {
        "default-src": {"'none'"},
        "style-src": hashes,
        "base-uri": {"'none'"},
        "form-action": {"'none'"},
    }
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & {
        tag for tag, _ in found.elements
    }
    for tag, attrs in found.elements:
        assert not {name for name in attrs if name.startswith("on") or name in {"style", "src", "srcset"}}, (
            tag
        )
        assert (attrs.get("href") or "#").startswith("#")
    # An address is in it only as the name of the picture's language.
    assert set(re.findall(r"https?://[^\s\"']+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in text
    assert "url(" not in text


def test_only_our_own_style_and_picture_are_not_escaped() -> None:
    found = {
        (name, value)
        for name in names()
        if name.startswith("report/") and name.endswith(".j2")
        for value in re.findall(r"\{\{\s*([^}]*?)\s*\|\s*safe\b", source(name))
    }
    assert found == {("report/base.html.j2", "style"), ("report/plan.html.j2", "picture")}
    assert not any("autoescape" in source(name) for name in names() if name.startswith("report/"))


def named(text: str) -> str:
    """Return a page in which everything from outside is one text."""
    reason = Reason(Cause.EDITED, text)
    address = f"host/{text}"
    update = samples.update(f"{address}:p", {}, {}, reason)
    create = samples.create("role/new:p", {}, reason)
    # As they are worked out when somebody looks.
    for each in (update, create):
        each.__dict__["fields"] = (
            FieldChange(text, text, f"{text}."),
            FieldChange(f"{text}.", None, {text: [text]}),
        )
    plan = samples.plan(
        update,
        create,
        samples.delete("role/old:p", reason),
        conflicts=[Conflict(Address(address, text), text)],
    )
    nodes = (Node(address, Sort.HOST, text, text), Node(f"role/{text}", Sort.ROLE, text))
    graph = Graph(text, nodes, (Edge(address, f"role/{text}"),), (text,))
    fleet = Fleet([Identity(address, text, (text,), "1", text, 3, text)], graph)
    return plan_html(
        PlanDocument(
            plan,
            Header(text, text, text, text),
            NOW,
            refusals=[ToolError(text, why=text, fix=text)],
            warnings=[text],
            checksum=text,
            fleet=lambda: fleet,
            ignored={Address(address, text): [Drift(text, text, {text: text}, text, ignored_by=0)]},
        )
    )


@settings(deadline=None, max_examples=20)
@given(st.text(min_size=1, max_size=30) | st.text("<>\"'&;=/!-ab", min_size=1) | st.sampled_from(HOSTILE))
def test_no_name_is_more_than_a_text(text: str) -> None:
    # What stands between backticks is a command and gets an element of its own, a line of a value too; notes are wrapped.
    text = "-".join(text.replace("`", "").split()) or "x"
    assert outline(Page(named(text))) == outline(Page(named("x")))


def outline(found: Page) -> list[tuple[str, Any]]:
    """Return the elements with their attributes; of the picture's, which are as wide as their text, only the names."""
    drawn = {"svg", "rect", "path", "g"}
    return [(tag, tuple(attrs) if tag in drawn else attrs) for tag, attrs in found.elements if tag != "text"]


@pytest.mark.parametrize("text", HOSTILE)
def test_names_that_are_meant_badly(text: str) -> None:
    found = Page(named(text))
    assert not {"script", "b>x"} & {tag for tag, _ in found.elements}
    if "`" not in text:
        assert " ".join(harmless(text).split()) in found.text


def test_what_a_reader_of_the_screen_hears(tmp_path: Path) -> None:
    fleet = standing(tmp_path)
    found = page(samples.removed_host(), lambda: fleet)
    assert found.of("html")[0]["lang"] == "en"
    ids = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    assert len(set(ids)) == len(ids)
    named_by = [attrs["aria-labelledby"] for _, attrs in found.elements if "aria-labelledby" in attrs]
    assert {each for name in named_by for each in (name or "").split()} <= set(ids)
    assert {(attrs.get("href") or "").removeprefix("#") for attrs in found.of("a")} <= set(ids)
    assert all("scope" in attrs for attrs in found.of("th"))
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
