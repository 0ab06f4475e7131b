"""The canonical form: same meaning, every comment, and nothing left to change."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from tests.e2e.pages import blocks
from tests.unit.config.commented import commented

from iam_ra.config.diagnostics import ConfigError
from iam_ra.config.format import formatted
from iam_ra.config.source import Source
from iam_ra.engine.errors import FormatError

ROOT = Path(__file__).parents[3]
# One shows what fmt does to a file, another lets a command write the last lines of its file.
OTHERS = {ROOT / "docs/guides/tools.md", ROOT / "docs/guides/agenix-delivery.md"}
PAGES = sorted({*(ROOT / "docs").rglob("*.md")} - OTHERS)
CLEAN = [ROOT / "iam-ra.yaml.example", *sorted((ROOT / "nix/templates").rglob("iam-ra.yaml"))]


def fmt(text: str) -> str:
    return formatted(Source("iam-ra.yaml", text))


def comments(text: str) -> Counter[str]:
    """The generated comments, which no other text looks like."""
    return Counter(
        word for word in text.replace("#", " # ").split() if word[0] == "c" and word[1:].isdecimal()
    )


@settings(max_examples=150, deadline=None)
@given(commented())
def test_any_text_keeps_its_meaning_and_comments_and_stays(text: str) -> None:
    source = Source("iam-ra.yaml", text)
    assert not source.diagnostics
    result = formatted(source)
    assert Source("iam-ra.yaml", result).data == source.data
    assert comments(result) == comments(text)
    assert fmt(result) == result
    lines = result.splitlines()
    assert not any(one == other == "" for one, other in pairwise(lines)) or {"|", ">"} & set(text)


@pytest.mark.parametrize("path", CLEAN, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_we_ship_is_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert fmt(text) == text


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_pages_show_is_formatted(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8")):
        text = block.text.partition("\n")[2] if block.lines[0].startswith("# iam-ra.yaml") else block.text
        if block.language == "yaml" and "version: 1" in text:
            assert fmt(text) == text, f"line {block.line}"


BEFORE = """\
# Who owns this file.

# The machines.
hosts:

  web:   # in Melbourne
    roles:    ['readonly',  "admin"]
    # the name in the certificate
    identity: 'web''s'
    tags: {a: 1, # one
      b: 2}
    # protect: true
  db: {roles: [readonly]}


  # the end of the hosts
version: 1  # of the format
"""
AFTER = """\
# Who owns this file.

version: 1  # of the format

# The machines.
hosts:
  web:   # in Melbourne
    # the name in the certificate
    identity: "web's"
    roles: ["readonly", "admin"]
    tags:
      a: 1       # one
      b: 2
    # protect: true
  db: {roles: [readonly]}

  # the end of the hosts
"""


def test_everything_at_once() -> None:
    assert fmt(BEFORE) == AFTER


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Keys that the schema does not know, and those of tags and policies, stay in their order.
        ("zzz: 1\nversion: 1\naaa: 2\n", "version: 1\nzzz: 1\naaa: 2\n"),
        (
            "hosts: {b: {tags: {z: 1, a: 2}, ca: x}, a: {}}\n",
            "hosts: {b: {ca: x, tags: {z: 1, a: 2}}, a: {}}\n",
        ),
        # A merge comes first, and what is merged has the same order.
        ("hosts:\n  a: {ca: x, <<: {tags: {}, ca: y}}\n", "hosts:\n  a: {<<: {ca: y, tags: {}}, ca: x}\n"),
        # Lists of mappings.
        (
            "ignore_drift:\n- fields: [a]\n  # of\n  address: b\n",
            "ignore_drift:\n  # of\n  - address: b\n    fields: [a]\n",
        ),
        (
            "ignore_drift:\n- address: a\n-\n  # of b\n  address: b\n",
            "ignore_drift:\n  - address: a\n  # of b\n  - address: b\n",
        ),
        # What does not fit a line, or has comments in it, is taken apart.
        (
            f"roles: {{a: {{policies: [{'x' * 50}, {'y' * 50}]}}}}\n",
            f"roles:\n  a:\n    policies:\n      - {'x' * 50}\n      - {'y' * 50}\n",
        ),
        ("limits: [ # one\n]\n", "limits: []  # one\n"),
        ("limits: [\n  # one\n]\n", "# one\nlimits: []\n"),
        # Nothing but comments below a key.
        ("hosts:\n    # web:\nlimits: {}\n", "hosts:\n  # web:\nlimits: {}\n"),
        # Quotes become double where nothing has to be escaped.
        ("a: 'x'\nb: 'a \"b\"'\nc: '\\'\n", "a: \"x\"\nb: 'a \"b\"'\nc: '\\'\n"),
        # Texts of several lines.
        ("a:\n    b: |2\n         x\n        y\n", "a:\n  b: |2\n       x\n      y\n"),
        ("a: {b: one\n   two, c: d}\n", "a:\n  b: one\n    two\n  c: d\n"),
        # Empty lines stand around all sections or around none.
        (
            "roles:\n  r: {}\nhosts:\n\n  h: {}\n\n\nlimits:\n  l: 1\n",
            "roles:\n  r: {}\n\nhosts:\n  h: {}\n\nlimits:\n  l: 1\n",
        ),
        # The file's beginning and end.
        ("a: 1", "a: 1\n"),
        ("\n\n# c\n\n\na: 1\n\n\n", "# c\n\na: 1\n"),
        ("# c\r\na:   1\r\n", "# c\r\na: 1\r\n"),
        ("\ufeffa: 1\n", "a: 1\n"),
        ("%YAML 1.2\n--- # c\na:   1\n...\n# d\n", "%YAML 1.2\n--- # c\na: 1\n# d\n"),
        ("{version: 1, namespace: a}\n", "version: 1\nnamespace: a\n"),
        ("? a\n: 1\n", "a: 1\n"),
        ("x: &k y\nb: {*k : 1}\n", "x: &k y\nb: {*k : 1}\n"),
    ],
)
def test_form(before: str, after: str) -> None:
    assert fmt(before) == after
    assert fmt(after) == after


@pytest.mark.parametrize(
    "text",
    [
        # Both would come before what they name.
        "hosts: {a: &x {roles: [r]}}\nroles: {r: *x}\n",
        "hosts:\n  a: {tags: &t {k: v}, certificate: *t}\n",
        # The same name for two things: each alias means the nearest above.
        "roles: {a: &x {ca: 1}}\ndefaults: *x\nregion: &x y\nnamespace: *x\n",
    ],
)
def test_an_anchor_stays_before_its_aliases(text: str) -> None:
    assert Source("x", fmt(text)).data == Source("x", text).data
    assert fmt(fmt(text)) == fmt(text)
    assert text.index("&") < text.index("*")


def test_a_modeline_stays_at_the_top() -> None:
    line = "# yaml-language-server: $schema=./iam-ra.schema.json\n"
    assert (
        fmt(f"{line}# of roles\nroles: {{}}\nversion: 1\n")
        == f"{line}\nversion: 1\n# of roles\nroles: {{}}\n"
    )


@pytest.mark.parametrize(
    "text", ["", "a: [", "- a\n", "a: 1\na: 2\n", "a: 1\n--- \nb: 1\n", "a: !!python/none 1\n", "a: *x\n"]
)
def test_what_is_not_the_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        fmt(text)


def test_what_would_mean_something_else_is_refused() -> None:
    # A last line without an end is an end of line less in the text.
    with pytest.raises(FormatError, match="cannot be formatted"):
        fmt("a: |\n  x")
