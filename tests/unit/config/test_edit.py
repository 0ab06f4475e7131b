from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from iam_ra.config.edit import edited, with_value, without
from iam_ra.config.format import formatted
from iam_ra.config.nodes import Plain
from iam_ra.config.shapes import keys_at
from iam_ra.config.source import Source
from iam_ra.engine.errors import EditError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

HEAD = "version: 1\nnamespace: default\nregion: eu-west-1\n"
HOST = {"roles": ["reader"]}


def data(text: str) -> Any:
    source = Source("iam-ra.yaml", text)
    assert not source.diagnostics
    return source.data


def edit(text: str, change: Callable[[Any], Mapping[str, Any]]) -> str:
    return edited(text, change(data(text)), name="iam-ra.yaml", order=keys_at)


def put(*path: str, value: Any) -> Callable[[Any], Mapping[str, Any]]:
    return lambda found: with_value(found, path, value)


def drop(*path: str) -> Callable[[Any], Mapping[str, Any]]:
    return lambda found: without(found, path)


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize(
    ("before", "added"),
    [
        ("", ["+ ", "+ hosts:", "+   new:", "+     roles: [reader]"]),
        ("hosts:\n  web: {roles: [a]}  # x\n", ["+   new: {roles: [reader]}"]),
        ("hosts:\n  web: { roles: [ a ] }\n\n# end\n", ["+   new: { roles: [ reader ] }"]),
        (
            "hosts:\n  web:\n    roles: [a]\n    # protect: true\n  # old: {}\n",
            ["+   new:", "+     roles: [reader]"],
        ),
        (
            "hosts:\n    web:\n        roles:\n        - a\n\n    db:\n        roles:\n        - a  # x\nlimits: {}\n",
            ["+ ", "+     new:", "+         roles:", "+         - reader"],
        ),
        ("hosts:\n  web:\n    roles:\n      - a", ["+   new:", "+     roles:", "+       - reader"]),
        ("limits: {}\n", ["+ hosts:", "+   new:", "+     roles: [reader]"]),
        ("\nlimits: {}\n", ["+ hosts:", "+   new:", "+     roles: [reader]", "+ "]),
        ("hosts: {\n  web: {roles: [a]},\n}\n", ["+   new: {roles: [reader]},"]),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_entry_is_added_in_the_style_of_its_neighbours(
    before: str, added: list[str], newline: str
) -> None:
    text = (HEAD + before).replace("\n", newline)
    after = edit(text, put("hosts", "new", value=HOST))
    assert changed(text, after) == added
    assert after.count(newline) == after.count("\n")
    assert after.endswith(newline) == text.endswith(newline)
    assert edit(after, lambda _: data(text)) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("hosts: {}  # none yet\n", "hosts:  # none yet\n  new:\n    roles: [reader]\n"),
        ("hosts: {}", "hosts:\n  new:\n    roles: [reader]"),
        ("hosts: { }\n", "hosts: {new: {roles: [reader]} }\n"),
        ("hosts: {web: {roles: [a]}}\n", "hosts: {web: {roles: [a]}, new: {roles: [reader]}}\n"),
        ("hosts: {web: {roles: [a]},}\n", "hosts: {web: {roles: [a]}, new: {roles: [reader]},}\n"),
        (
            "hosts: {\n  web: {roles: [a]}  # x\n}\n",
            "hosts: {\n  web: {roles: [a]},  # x\n  new: {roles: [reader]}\n}\n",
        ),
    ],
)
def test_an_entry_is_added_where_there_is_none_and_in_brackets(before: str, after: str) -> None:
    assert edit(HEAD + before, put("hosts", "new", value=HOST)) == HEAD + after
    assert edit(HEAD + after, lambda _: data(HEAD + before)).replace(", }", ",}") == HEAD + before


def test_a_section_that_holds_only_comments_gets_its_first_entry() -> None:
    text = f"{HEAD}hosts:\n  # web: {{roles: [a]}}\n"
    source = Source("iam-ra.yaml", text)
    after = edited(text, with_value(source.data, ("hosts", "new"), HOST), name="f")
    assert changed(text, after) == ["+   new:", "+     roles: [reader]"]


@pytest.mark.parametrize("indent", [None, 1, 2])
@pytest.mark.parametrize("hosts", [{}, {"web": {"roles": ["a"]}}])
def test_json_stays_json(indent: int | None, hosts: dict[str, Any]) -> None:
    text = json.dumps({"version": 1, "hosts": hosts}, indent=indent)
    after = edit(text, put("hosts", "new", value=HOST))
    assert json.loads(after)["hosts"] == {**hosts, "new": HOST}
    assert edit(after, lambda _: data(text)) == text


def test_a_byte_order_mark_stays() -> None:
    text = "\N{BYTE ORDER MARK}" + HEAD
    assert edit(text, put("hosts", "new", value=HOST)).startswith(text)


def test_settings_are_changed_where_they_stand() -> None:
    text = f"{HEAD}roles:\n  a: {{policies: ['x:y'], session_duration: \"1h\"}}  # x\n  b:\n    ca:   default  # who\n"
    after = edit(
        text,
        lambda found: with_value(
            with_value(found, ("roles", "a"), {"policies": ["it's"], "session_duration": "2h"}),
            ("roles", "b", "ca"),
            ["default", "cas"],
        ),
    )
    assert after == (
        f"{HEAD}roles:\n  a: {{policies: ['it''s'], session_duration: \"2h\"}}  # x\n"
        "  b:\n    ca:   [default, cas]  # who\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "after"),
    [
        ("[a, b, c]", ["a", "c"], "[a, c]"),
        ("[a, b, c]", ["c"], "[c]"),
        ("[a, b, c]", ["a"], "[a]"),
        ("[a]", ["b"], "[b]"),
        ("[a, b]", ["b", "c"], "[b, c]"),
        ("[a, b]", ["b", "a"], "[b, a]"),
        ("[a]", [], "[]"),
        ("\n      - a  # one\n      # two\n      - b\n", ["a"], "\n      - a  # one\n      # two\n"),
        ("\n    - a\n    - b", ["a", "b", "c"], "\n    - a\n    - b\n    - c"),
        ("\n    - a  # one", [], " []"),
        ("\n    - a  # one", ["b"], "\n    - b  # one"),
        ("[\n      a,  # one\n      b,  # two\n    ]", ["a"], "[\n      a,  # one\n    ]"),
        ("[\n      a,  # one\n      b   # two\n    ]", ["a"], "[\n      a  # one\n    ]"),
        ("[a,\n           b]", ["a", "b", "c"], "[a,\n           b, c]"),
    ],
)
def test_lists_lose_and_gain_single_items(old: str, new: list[str], after: str) -> None:
    space = "" if old.startswith("\n") else " "
    text = f"{HEAD}hosts:\n  web:\n    roles:{space}{old}"
    assert edit(text, put("hosts", "web", "roles", value=new)).removeprefix(
        f"{HEAD}hosts:\n  web:\n    roles:"
    ) == (after if after[0] in " \n" else f" {after}")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("hosts:\n  web: {roles: [a]}\n", "hosts: {}\n"),
        ("hosts:  # all\n  web: {roles: [a]}\n  # end\n", "hosts: {}  # all\n  # end\n"),
        ("hosts: &all\n  web: {roles: [a]}\n", "hosts: &all {}\n"),
        (
            "hosts:\n  # the first\n  web:\n    roles: [a]\n    # in it\n\n  db: {}\n",
            "hosts:\n  # the first\n\n  db: {}\n",
        ),
        ("hosts:\n  web: {}\n\n  db: {}\n", "hosts:\n  db: {}\n"),
        ("hosts:\n  db: {}\n\n  web: {}\n\nlimits: {}\n", "hosts:\n  db: {}\n\nlimits: {}\n"),
        ("hosts:\n  a: {}\n\n  web: {}\n\n  b: {}\n", "hosts:\n  a: {}\n\n  b: {}\n"),
        ("hosts: {web: {roles: [a]}, db: {}}\n", "hosts: {db: {}}\n"),
        ("hosts: {db: {}, web: {roles: [a]}}\n", "hosts: {db: {}}\n"),
        ("hosts: {web: {roles: [a]},}\n", "hosts: {}\n"),
        ("hosts: {\n  web: {},  # x\n  db: {}\n}\n", "hosts: {\n  db: {}\n}\n"),
        ("hosts:\n  one: &x {}\n  web: *x\n", "hosts:\n  one: &x {}\n"),
        ("hosts:\n  web: {}\n  'db': {}", "hosts:\n  'db': {}"),
        ("hosts:\n  'db': {}\n  \"web\": |\n    text\n\n", "hosts:\n  'db': {}\n\n"),
    ],
)
def test_an_entry_goes_with_what_is_in_it(before: str, after: str) -> None:
    assert edit(HEAD + before, drop("hosts", "web")) == HEAD + after


SHARED = """\
roles: {a: {policies: &p [x]}}
hosts:
  one: &one {roles: [a], tags: {b: c}}
  two: *one
  three: {<<: *one, ca: d}
  four: {<<: *one}
more:
  <<: {x: {}}
"""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (put("hosts", "one", "ca", value="d"), "Others use it by its anchor `&one`: see line 7, 8, 9."),
        (put("hosts", "one", "roles", value=["b"]), "Others use it by its anchor `&one`: see line 7, 8, 9."),
        (drop("hosts", "one"), "Others use it by its anchor `&one`: see line 7, 8, 9."),
        (put("hosts", "two", "ca", value="d"), "It is `*one`, an alias: others have the same value."),
        (drop("hosts", "three", "roles"), "It comes from a merge (`<<`): others have it, too."),
        (drop("more", "x"), "It comes from a merge (`<<`): others have it, too."),
    ],
)
def test_what_others_share_is_refused(change: Callable[[Any], Mapping[str, Any]], why: str) -> None:
    with pytest.raises(EditError) as caught:
        edit(HEAD + SHARED, change)
    assert caught.value.why == why
    assert caught.value.fix.startswith("write it by hand:\n")
    if "without" not in caught.value.fix:
        assert data(HEAD + caught.value.fix.partition("\n")[2])["hosts"]


def test_what_all_that_share_it_are_to_have_is_changed_once() -> None:
    text = HEAD + "hosts:\n  one: &one\n    roles: [a, b]\n  two: *one\n"
    less = {"roles": ["a"]}
    after = edit(text, lambda found: {**found, "hosts": {"one": less, "two": less}})
    assert changed(text, after) == ["-     roles: [a, b]", "+     roles: [a]"]


def test_what_only_uses_the_others_is_changed() -> None:
    text = HEAD + SHARED
    assert changed(text, edit(text, put("hosts", "four", "roles", value=["b"]))) == [
        "-   four: {<<: *one}",
        "+   four: {<<: *one, roles: [b]}",
    ]
    assert changed(text, edit(text, drop("hosts", "two"))) == ["-   two: *one"]
    assert changed(text, edit(text, put("roles", "a", "policies", value=["x", "z"])))[1:] == [
        "+ roles: {a: {policies: &p [x, z]}}"
    ]


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("hosts:\n  ? web\n  : {roles: [a]}\n", drop("hosts", "web")),
        ("hosts:\n  ? web\n  : {roles: [a]}\n", put("hosts", "new", value=HOST)),
        ("hosts:\n  web: {roles: [a]}\n", put("hosts", value="none")),
        ("hosts: &h {web: {roles: [a]}}\nmore: *h\n", drop("hosts")),
    ],
)
def test_an_odd_form_is_refused_with_the_lines_to_write(
    before: str, change: Callable[[Any], Mapping[str, Any]]
) -> None:
    with pytest.raises(EditError) as caught:
        edit(HEAD + before, change)
    assert "hosts" in caught.value.fix


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "No",
        "null",
        "123456789012",
        "012",
        "1e3",
        "2026-01-01",
        "1:30",
        "",
        "a: b",
        "a #b",
        "*",
        "it's",
        "é",
        "-x",
        "a:",
    ],
)
def test_texts_stay_texts_for_every_reader_of_yaml(text: str) -> None:
    for version in ((1, 1), (1, 2)):
        yaml = YAML(typ="safe", pure=True)
        yaml.version = version
        after = edit(HEAD, put("hosts", "web", value={"identity": text, "roles": [text]}))
        assert yaml.load(after)["hosts"]["web"] == {"identity": text, "roles": [text]}


def test_plain_words_have_no_quotes() -> None:
    after = edit(
        HEAD, put("hosts", "web", value={"protect": Plain("true"), "ca": "arn:aws:iam::aws:policy/A"})
    )
    assert "protect: true\n" in after
    assert "ca: arn:aws:iam::aws:policy/A\n" in after


NAMES = st.sampled_from(["web", "db", "edge-1", "x2", "Admin", "it"])
COMMENTS = st.sampled_from(["", "", "  # a comment", " # {x: [y]}", "   #"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Return a file in one of many styles, with comments everywhere."""
    step = draw(st.sampled_from([1, 2, 4]))
    lines = [*HEAD.splitlines()]
    for section in draw(st.lists(st.sampled_from(["roles", "hosts", "limits", "tags"]), unique=True)):
        lines += draw(_gaps(0))
        names = draw(st.lists(NAMES, unique=True, max_size=4))
        if not names:
            lines.append(f"{section}: {{}}{draw(COMMENTS)}")
            continue
        if draw(st.integers(0, 5)) == 0:
            inner = ", ".join(f"{name}: {{roles: [a, b]}}" for name in names)
            lines.append(f"{section}: {{{inner}}}{draw(COMMENTS)}")
            continue
        lines.append(f"{section}:{draw(COMMENTS)}")
        for name in names:
            lines += draw(_entry(name, step))
        lines += draw(_gaps(step))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return newline.join(lines) + draw(st.sampled_from(["", newline, newline * 3]))


@st.composite
def _gaps(draw: st.DrawFn, column: int) -> list[str]:
    return draw(
        st.lists(
            st.sampled_from(["", f"{' ' * column}# above", f"{' ' * (column + 3)}# deep", "# out"]),
            max_size=3,
        )
    )


@st.composite
def _entry(draw: st.DrawFn, name: str, step: int) -> list[str]:
    pad, inner = " " * step, " " * 2 * step
    quoted = draw(st.sampled_from([name, f"'{name}'", f'"{name}"']))
    form = draw(st.integers(0, 3))
    lines: list[str] = draw(_gaps(step))
    if form == 0:
        return [*lines, f"{pad}{quoted}: {{roles: [a, b]}}{draw(COMMENTS)}"]
    if form == 1:
        return [*lines, f"{pad}{quoted}: {{roles: [a,{draw(COMMENTS)}", f"{inner}  b]}}{draw(COMMENTS)}"]
    lines.append(f"{pad}{quoted}:{draw(COMMENTS)}")
    if form == 2:
        return [*lines, f"{inner}roles: [a, b]{draw(COMMENTS)}", f"{inner}text: 'x y'{draw(COMMENTS)}"]
    dash = draw(st.sampled_from([0, 2]))
    items = [f"{inner}{' ' * dash}- {each}{draw(COMMENTS)}" for each in ("a", "b")]
    return [*lines, f"{inner}roles:", items[0], *draw(_gaps(2 * step + dash)), items[1]]


CHANGES = st.sampled_from(
    [
        put("hosts", "new", value=HOST),
        put("roles", "new", value={"policies": ["arn:aws:iam::aws:policy/A", "b"], "session_duration": "2h"}),
        put("clusters", "prod", value={"workloads": {"a/b": {"role": "c"}}}),
        put("account_id", value="123456789012"),
    ]
)


def is_within(some: str, all_: str) -> bool:
    """Tell whether the lines of one text are in another, in their order; brackets are opened on the line."""
    lines = iter(all_.splitlines())
    return all(line in lines for line in some.splitlines() if ": {" not in line)


@settings(max_examples=80, deadline=None)
@given(text=texts(), change=CHANGES)
def test_an_addition_only_adds_and_its_undo_gives_the_same_bytes(
    text: str, change: Callable[[Any], Mapping[str, Any]]
) -> None:
    before = data(text)
    after = edited(text, change(before), name="iam-ra.yaml", order=keys_at)
    assert is_within(text, after)
    assert edited(after, before, name="iam-ra.yaml") == text


@settings(max_examples=80, deadline=None)
@given(text=texts(), pick=st.integers(0, 7))
def test_a_removal_only_removes_and_lists_change_by_the_item(text: str, pick: int) -> None:
    before = data(text)
    entries = [(section, name) for section in ("roles", "hosts") for name in before.get(section) or {}]
    if not entries:
        return
    entry = entries[pick % len(entries)]
    gone = edited(text, without(before, entry), name="iam-ra.yaml")
    assert is_within(gone, text) or len(before[entry[0]]) == 1
    more = edited(text, with_value(before, (*entry, "roles"), ["a", "b", "c"]), name="iam-ra.yaml")
    assert edited(more, before, name="iam-ra.yaml") == text
    for key in ("identity", "default_role", "tags"):
        more = edited(text, with_value(before, (*entry, key), "x"), name="iam-ra.yaml", order=keys_at)
        assert edited(more, before, name="iam-ra.yaml") == text
    assert data(edited(text, with_value(before, (*entry, "roles"), ["b"]), name="iam-ra.yaml"))


@pytest.mark.parametrize(
    "entry",
    [
        "  web: {roles: [a], tags: {b: c}}\n",
        "  web: {roles: [a], tags: {b: c},}\n",
        "  web:\n    roles: [a]  # one\n    tags: {b: c}\n",
        "  web:\n    # one\n    roles: [a]\n    tags:\n      b: c\n",
    ],
)
def test_settings_come_in_where_the_canonical_form_has_them(entry: str) -> None:
    text = f"{HEAD}\nhosts:\n{entry}"
    more = {"identity": "i", "default_role": "a", "csr": "x.pem"}
    after = edit(text, lambda found: with_value(found, ("hosts", "web"), {**found["hosts"]["web"], **more}))
    assert list(data(after)["hosts"]["web"]) == ["identity", "roles", "default_role", "csr", "tags"]
    canonical = formatted(Source("iam-ra.yaml", text)) == text
    assert not canonical or formatted(Source("iam-ra.yaml", after)) == after
    assert edit(after, lambda _: data(text)) == text


def test_the_example_takes_a_host_and_a_role(request: pytest.FixtureRequest) -> None:
    example: Path = request.config.rootpath / "iam-ra.yaml.example"
    text = example.read_text(encoding="utf-8")
    after = edit(text, put("hosts", "new", value=HOST))
    assert changed(text, after) == ["+   new: {roles: [reader]}"]
    assert edit(after, drop("hosts", "new")) == text
