from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam_ra.anywhere.globs import UnresolvedVariableError, pattern

few_letters = st.text("ab*?:", max_size=8)


def nothing(_key: str) -> None:
    """Know no condition key."""


@given(few_letters, few_letters)
def test_globs_match_as_the_same_regular_expression_does(wanted: str, text: str) -> None:
    regex = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in wanted)
    assert pattern(wanted).matches(text) is bool(re.fullmatch(regex, text, re.DOTALL))


def test_many_stars_do_not_explode() -> None:
    assert not pattern("*a" * 200 + "b").matches("a" * 2000)


@given(st.text(max_size=12))
def test_what_a_variable_brings_is_literal(value: str) -> None:
    filled = pattern("x${key}y", {"key": value}.get)
    assert filled.text == f"x{value}y"
    assert filled.matches(f"x{value}y")
    assert not filled.matches(f"x{value}zy")


def test_a_star_from_a_variable_is_no_wildcard() -> None:
    assert not pattern("${key}", {"key": "*"}.get).matches("anything")
    assert pattern("${key}*", {"key": "*"}.get).matches("*anything")


@pytest.mark.parametrize("character", ["*", "?", "$"])
def test_escapes_stand_for_themselves(character: str) -> None:
    escaped = pattern(f"a${{{character}}}b", nothing)
    assert escaped.matches(f"a{character}b")
    assert not escaped.matches("axb")
    assert escaped.text == f"a{character}b"


def test_defaults_fill_in_for_what_is_missing() -> None:
    assert pattern("${aws:PrincipalTag/team, 'none'}", nothing).text == "none"
    assert pattern("${aws:PrincipalTag/team, 'none'}", {"aws:PrincipalTag/team": "a"}.get).text == "a"
    assert pattern("${key, ''}", nothing).text == ""


def test_a_variable_without_value_or_default_is_told() -> None:
    with pytest.raises(UnresolvedVariableError, match=r"\$\{aws:PrincipalTag/team\}"):
        pattern("${aws:PrincipalTag/team}", nothing)


def test_without_lookup_a_variable_is_plain_text() -> None:
    assert pattern("${key}").text == "${key}"


def test_splitting_keeps_the_rest_in_the_last_part() -> None:
    assert [each.text for each in pattern("a:b:c:d").split(":", 3)] == ["a", "b", "c:d"]
