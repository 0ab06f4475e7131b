from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from iam_ra.config.compose import MAX_DEPTH, Composer
from iam_ra.config.nodes import Plain, Reader
from iam_ra.config.source import Source


def ids(text: str) -> list[str]:
    return [each.id for each in Source("f.yaml", text).diagnostics]


def test_the_fast_parser_is_the_one_in_use() -> None:
    # Another parser is a warning in the product; where the tests run it must be there.
    assert YAML(typ="safe").Parser.__name__ == "CParser"
    assert not ids("a: 1")


def test_the_slow_parser_is_said_loudly_and_reads_the_same() -> None:
    source = Source("f.yaml", "a: &a {x: [1, 'no', no], z: ~}\nb: *a\nc: {<<: *a, arn: arn:aws:x}\n")
    root = Composer(source, YAML(typ="safe", pure=True)).compose()
    assert [(each.id, each.severity) for each in source.diagnostics] == [("IRA1113", "warning")]
    assert root is not None
    data = Reader(source).read(root)
    assert data == source.data
    assert [isinstance(each, Plain) for each in data["a"]["x"]] == [True, False, True]


@pytest.mark.parametrize(
    "scalar", ["no", "on", "012345678901", "1e3", "2012-10-17", "0o17", "0x1f", "1_000", "true", "12:30:45"]
)
def test_plain_scalars_keep_their_text(scalar: str) -> None:
    data = Source("f.yaml", f"a: {scalar}\nb: '{scalar}'").data
    assert data == {"a": scalar, "b": scalar}
    assert isinstance(data["a"], Plain)
    assert not isinstance(data["b"], Plain)


@pytest.mark.parametrize("scalar", ["", "~", "null", "Null", "NULL"])
def test_empty_values_are_none_unless_quoted(scalar: str) -> None:
    assert Source("f.yaml", f"a: {scalar}\nb: '{scalar}'").data == {"a": None, "b": scalar}


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("[arn:aws:iam::aws:policy/A, b]", ["arn:aws:iam::aws:policy/A", "b"]),
        ("{a: arn:aws:s3:::x}", {"a": "arn:aws:s3:::x"}),
        ("[x?y, what?, http://h/p?q=1]", ["x?y", "what?", "http://h/p?q=1"]),
        ('{"a":1, \'b\': "c:d?"}', {"a": "1", "b": "c:d?"}),
        ("{a:: 1}", {"a:": "1"}),
        ('["\\ue000", "\ue001"]', ["\ue000", "\ue001"]),
    ],
)
def test_colons_and_question_marks_inside_brackets(text: str, data: object) -> None:
    assert Source("f.yaml", text).data == data


def test_merges_like_yaml_does() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\n"
    assert Source("f.yaml", text).data["c"] == {"x": "3", "y": "1", "z": "2"}


def test_places_are_found_through_aliases_and_merges() -> None:
    source = Source("f.yaml", "a: &a\n  x: [1, {y: 2}]\nb: *a\nc:\n  <<: *a\n  z: 3\n")
    for start in ("a", "b", "c"):
        place = source.locate((start, "x", 1, "y"))
        assert (place.line, place.column, place.width) == (2, 14, 1)
    key = source.locate(("c", "z"), "key")
    assert (key.line, key.column) == (6, 3)


def test_a_path_that_is_not_there_means_its_nearest_parent() -> None:
    place = Source("f.yaml", "a:\n  b: {c: 1}\n").locate(("a", "b", "d", "e"))
    assert (place.line, place.column, place.width) == (2, 3, 1)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_byte_order_marks_do_not_shift_places(end: str) -> None:
    source = Source("f.yaml", f"\ufeffa: 1{end}ключ: [2, x]{end}")
    place = source.locate(("ключ", 1))
    assert (place.line, place.column, place.text) == (2, 11, "ключ: [2, x]")
    first = source.locate(("a",))
    assert (first.line, first.column, first.text) == (1, 4, "a: 1")


def test_deep_nesting_is_a_problem_and_no_crash() -> None:
    assert ids("[" * 200_000) == ["IRA1109"]
    assert ids("".join(" " * i + "a:\n" for i in range(2_000))) == ["IRA1109"]
    assert not ids("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert ids("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)) == ["IRA1109"]


def test_aliases_cannot_nest_deeper_than_brackets() -> None:
    chain = "x0: &x0 [1]\n" + "".join(f"x{i}: &x{i} [*x{i - 1}]\n" for i in range(1, 1_500))
    assert ids(chain) == ["IRA1109"]
    half = MAX_DEPTH // 2 + 1
    nested = "[" * half + "{}" + "]" * half
    assert not ids(f"a: &a {nested}\nb: *a\n")
    assert ids(f"a: &a {nested}\nb: {nested.format('*a')}\n") == ["IRA1109"]


def test_aliases_cannot_multiply_without_bound() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20))
    assert ids(bomb) == ["IRA1110"]
