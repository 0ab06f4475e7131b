from __future__ import annotations

from typing import Any

import pytest

from iam_ra.anywhere.conditions import OPERATORS, RequestContext, evaluate_condition

ANCHOR = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-1111-4111-8111-111111111111"
CONTEXT = RequestContext(
    "sts:AssumeRole",
    "rolesanywhere.amazonaws.com",
    {
        "aws:sourcearn": (ANCHOR,),
        "aws:sourceaccount": ("123456789012",),
        "aws:currenttime": ("2026-11-23T12:00:00Z",),
        "aws:epochtime": ("1795435200",),
        "aws:securetransport": ("true",),
        "aws:tagkeys": ("x509Subject/CN", "x509Subject/OU"),
        "aws:principaltag/x509subject/cn": ("Web",),
        "aws:principaltag/x509subject/ou": ("a*b",),
        "sts:rolesessionname": ("Web",),
    },
)
CN, OU, MISSING = (
    "aws:PrincipalTag/x509Subject/CN",
    "aws:PrincipalTag/x509Subject/OU",
    "aws:PrincipalTag/x509Subject/L",
)


def holds(operator: str, key: str, wanted: Any, *, variables: bool = True) -> bool | None:
    return evaluate_condition(operator, key, wanted, CONTEXT, variables=variables).holds


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "expected"),
    [
        ("StringEquals", CN, "Web", True),
        ("StringEquals", CN, "web", False),
        ("StringEquals", CN, ["db", "Web"], True),
        ("StringEquals", CN, [], False),
        ("StringEquals", CN, "W*", False),
        ("StringEquals", CN.upper(), "Web", True),
        ("StringNotEquals", CN, "db", True),
        ("StringNotEquals", CN, ["db", "Web"], False),
        ("StringEqualsIgnoreCase", CN, "wEB", True),
        ("StringEqualsIgnoreCase", CN, "wEBs", False),
        ("StringNotEqualsIgnoreCase", CN, "wEB", False),
        ("StringNotEqualsIgnoreCase", CN, "db", True),
        ("StringLike", CN, "W?*", True),
        ("StringLike", CN, "w?*", False),
        ("StringLike", OU, "a${*}b", True),
        ("StringLike", CN, "W${*}b", False),
        ("StringNotLike", CN, "W*", False),
        ("StringNotLike", CN, "D*", True),
        ("ArnEquals", "aws:SourceArn", ANCHOR, True),
        ("ArnEquals", "aws:SourceArn", ANCHOR[:-1] + "2", False),
        ("ArnEquals", "aws:SourceArn", "arn:aws:rolesanywhere:*:123456789012:trust-anchor/*", True),
        ("ArnLike", "aws:SourceArn", "arn:*:*:*:*:*", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:*:123456789012:*:*", False),
        ("ArnLike", CN, "arn:*:*:*:*:*", False),
        ("ArnNotEquals", "aws:SourceArn", ANCHOR, False),
        ("ArnNotLike", "aws:SourceArn", "arn:aws:rolesanywhere:eu-west-1:*:*", True),
        ("Bool", "aws:SecureTransport", "True", True),
        ("Bool", "aws:SecureTransport", True, True),
        ("Bool", "aws:SecureTransport", "false", False),
        ("NumericLessThan", "aws:EpochTime", 1795435201, True),
        ("NumericLessThan", "aws:EpochTime", "1795435200", False),
        ("NumericLessThanEquals", "aws:EpochTime", "1795435200", True),
        ("NumericGreaterThan", "aws:EpochTime", "1795435199.5", True),
        ("NumericGreaterThanEquals", "aws:EpochTime", "1795435201", False),
        ("NumericEquals", "aws:SourceAccount", "123456789012.0", True),
        ("NumericNotEquals", "aws:SourceAccount", "1", True),
        ("DateLessThan", "aws:CurrentTime", "2026-11-23T13:00:00+00:30", True),
        ("DateLessThan", "aws:CurrentTime", "2026-11-23T12:00:00+00:30", False),
        ("DateGreaterThan", "aws:CurrentTime", "2026-11-22", True),
        ("DateGreaterThanEquals", "aws:CurrentTime", "2026-11-23T12:00:00Z", True),
        ("DateLessThanEquals", "aws:CurrentTime", "1795435199", False),
        ("DateEquals", "aws:CurrentTime", "2026-11-23T12:00:00Z", True),
        ("DateNotEquals", "aws:CurrentTime", "2026-11-23T12:00:00Z", False),
        ("Null", CN, "false", True),
        ("Null", CN, True, False),
        ("Null", MISSING, "true", True),
        ("Null", MISSING, "false", False),
    ],
)  # fmt: skip
def test_operators(operator: str, key: str, wanted: Any, expected: bool) -> None:
    assert holds(operator, key, wanted) is expected


def test_every_operator_is_tested_on_a_missing_key() -> None:
    for operator in OPERATORS:
        negated = "Not" in operator
        value = "arn:aws:iam::1:role/x" if operator.startswith("Arn") else "1"
        assert holds(operator, MISSING, value) is negated, operator
        assert holds(f"{operator}IfExists", MISSING, value) is True, operator
        assert holds(f"ForAnyValue:{operator}", MISSING, value) is False, operator
        assert holds(f"ForAllValues:{operator}", MISSING, value) is True, operator


def test_if_exists_still_asks_what_is_there() -> None:
    assert holds("StringEqualsIfExists", CN, "Web") is True
    assert holds("StringEqualsIfExists", CN, "db") is False
    assert holds("ArnEqualsIfExists", "aws:SourceArn", ANCHOR[:-1] + "2") is False


@pytest.mark.parametrize(
    ("operator", "wanted", "expected"),
    [
        ("ForAnyValue:StringEquals", ["x509Subject/CN"], True),
        ("ForAnyValue:StringEquals", ["x509Subject/L"], False),
        ("ForAllValues:StringEquals", ["x509Subject/CN"], False),
        ("ForAllValues:StringEquals", ["x509Subject/CN", "x509Subject/OU", "x509Subject/L"], True),
        ("ForAllValues:StringLike", ["x509Subject/*"], True),
        ("ForAnyValue:StringNotEquals", ["x509Subject/CN"], True),
        ("ForAllValues:StringNotEquals", ["x509Subject/CN"], False),
        ("ForAllValues:StringNotEquals", ["x509Subject/L"], True),
        ("ForAnyValue:StringLikeIfExists", ["x509Issuer/*"], False),
    ],
)
def test_several_values_at_once(operator: str, wanted: Any, expected: bool) -> None:
    assert holds(operator, "aws:TagKeys", wanted) is expected


def test_policy_variables_are_filled_in_by_the_newer_version_only() -> None:
    wanted = "${aws:PrincipalTag/x509Subject/CN}"
    assert holds("StringEquals", "sts:RoleSessionName", wanted) is True
    assert holds("StringEquals", "sts:RoleSessionName", wanted, variables=False) is False


def test_a_star_in_a_tag_is_no_wildcard_for_others() -> None:
    assert holds("StringLike", CN, "${aws:PrincipalTag/x509Subject/OU}") is False


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "reason"),
    [
        ("IpAddress", CN, "10.0.0.0/8", "the operator IpAddress"),
        ("stringequals", CN, "Web", "the operator stringequals"),
        ("ForSomeValues:StringEquals", CN, "Web", "the operator ForSomeValues"),
        ("StringEquals", "aws:SourceIp", "10.0.0.1", "the condition key aws:SourceIp"),
        ("StringNotEquals", "aws:SourceVpce", "vpce-1", "the condition key aws:SourceVpce"),
        ("StringEqualsIfExists", "ec2:Region", "x", "the condition key ec2:Region"),
        ("Null", "aws:SourceIp", "true", "the condition key aws:SourceIp"),
        ("Null", CN, "perhaps", "Null takes true or false"),
        ("NullIfExists", CN, "true", "the operator NullIfExists"),
        ("StringEquals", "aws:TagKeys", "x", "has several values"),
        ("StringEquals", CN, "${aws:PrincipalTag/x509Subject/L}", "has no value in this request"),
        ("StringNotEquals", CN, "${aws:TagKeys}", "has no value in this request"),
        ("StringEquals", CN, {"a": "b"}, "neither text, number nor boolean"),
        ("ArnEquals", "aws:SourceArn", "*", "is not an ARN"),
        ("Bool", "aws:SecureTransport", "yes", "neither true nor false"),
        ("NumericEquals", CN, "1", "is not a number"),
        ("NumericEquals", "aws:EpochTime", "${aws:EpochTime}", "is not a number"),
        ("NumericLessThan", "aws:EpochTime", "NaN", "is not a number"),
        ("NumericLessThan", "aws:EpochTime", "Infinity", "is not a number"),
        ("DateLessThan", "aws:CurrentTime", "tomorrow", "is not a date"),
    ],
)
def test_what_is_not_known_is_undecided_and_named(operator: str, key: str, wanted: Any, reason: str) -> None:
    result = evaluate_condition(operator, key, wanted, CONTEXT, variables=True)
    assert result.holds is None
    assert reason in result.text


def test_the_text_shows_both_sides() -> None:
    result = evaluate_condition("StringEquals", CN, ["db", "mail"], CONTEXT, variables=True)
    assert result.text == f"StringEquals {CN}: the policy says 'db', 'mail'; the request has 'Web'"
    assert (
        "the request has no such key"
        in evaluate_condition("StringEquals", MISSING, "x", CONTEXT, variables=True).text
    )


def test_long_lists_are_cut_in_the_text() -> None:
    names = [f"host-{number}" for number in range(100)]
    assert len(evaluate_condition("StringEquals", CN, names, CONTEXT, variables=True).text) < 200
