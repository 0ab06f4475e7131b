from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam_ra.anywhere.conditions import ABSENT_KEYS, RequestContext
from iam_ra.anywhere.policy import Decision, evaluate_policy
from iam_ra.anywhere.trust_policy import trust_policy

SERVICE = "rolesanywhere.amazonaws.com"
ACTIONS = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
ANCHORS = [
    f"arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/{digit * 8}-1111-4111-8111-111111111111"
    for digit in "123"
]
CN = "aws:PrincipalTag/x509Subject/CN"
identities = st.from_regex(r"[A-Za-z0-9_.=+@-]{1,12}", fullmatch=True) | st.sampled_from(["a", "b", "A", "*"])


def context(
    action: str = "sts:AssumeRole", *, anchor: str = ANCHORS[0], name: str | None = "web"
) -> RequestContext:
    keys = {"aws:sourcearn": (anchor,), "sts:rolesessionname": (name or "",)}
    if name is not None:
        keys[CN.lower()] = (name,)
    return RequestContext(action, SERVICE, keys, ABSENT_KEYS)


def statement(**changes: Any) -> dict[str, Any]:
    base = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": list(ACTIONS)}
    return {key: value for key, value in (base | changes).items() if value is not None}


def policy(*statements: dict[str, Any], version: str | None = "2012-10-17") -> dict[str, Any]:
    document: dict[str, Any] = {"Statement": list(statements)}
    return document if version is None else {"Version": version} | document


def decide(*statements: dict[str, Any], **facts: Any) -> Decision:
    return evaluate_policy(policy(*statements), context(**facts))


@given(
    st.dictionaries(st.sampled_from(ANCHORS), st.sets(identities, max_size=4)),
    st.sampled_from(ANCHORS),
    identities,
    st.sampled_from(ACTIONS),
)
def test_our_own_documents_let_in_exactly_the_given_pairs(
    entitled: dict[str, set[str]], anchor: str, name: str, action: str
) -> None:
    decision = evaluate_policy(trust_policy(entitled), context(action, anchor=anchor, name=name))
    assert decision.allowed is (name in entitled.get(anchor, set()))
    assert decision.undecided == ()


@given(st.sets(identities, min_size=1, max_size=4))
def test_our_own_documents_let_nobody_in_without_a_name(names: set[str]) -> None:
    assert not evaluate_policy(trust_policy({ANCHORS[0]: names}), context(name=None)).allowed


def test_our_own_documents_give_no_other_action_and_no_other_service() -> None:
    document = trust_policy({ANCHORS[0]: ["web"]})
    assert not evaluate_policy(document, context("sts:AssumeRoleWithSAML")).allowed
    other = RequestContext("sts:AssumeRole", "ec2.amazonaws.com", context().keys)
    assert not evaluate_policy(document, other).allowed


def test_the_empty_document_denies_out_loud() -> None:
    decision = evaluate_policy(trust_policy({}), context())
    assert not decision.allowed
    assert decision.denied_by is not None


WORDS = st.sampled_from([
    "Version", "Statement", "Effect", "Allow", "Deny", "Principal", "Service", SERVICE, "AWS", "*", "Action",
    "sts:*", "Condition", "StringEquals", "NumericLessThan", "DateLessThan", "Bool", "Null", "ForAnyValue:StringLike",
    "ArnLike", CN, "aws:CurrentTime", "aws:SourceArn", "aws:EpochTime", "2012-10-17", "true", "${", "${x}", "NaN", "",
])  # fmt: skip
anything = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(anything)
def test_no_document_breaks_the_evaluation(document: Any) -> None:
    evaluate_policy(document, context())


@given(st.sampled_from(["Effect", "Principal", "Action", "Condition", "NotAction", "Sid"]), anything)
def test_no_statement_breaks_the_evaluation(element: str, value: Any) -> None:
    for effect in ("Allow", "Deny"):
        evaluate_policy(policy(statement(Effect=effect) | {element: value}), context())


@given(st.dictionaries(WORDS, st.dictionaries(WORDS, anything, max_size=3), max_size=3))
def test_no_condition_breaks_the_evaluation(condition: Any) -> None:
    evaluate_policy(policy(statement(Condition=condition)), context())


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ({"Service": SERVICE}, True),
        ({"Service": ["ec2.amazonaws.com", SERVICE]}, True),
        ({"Service": "ec2.amazonaws.com"}, False),
        ({"Service": "ROLESANYWHERE.amazonaws.com"}, False),
        ({"AWS": "123456789012", "Service": SERVICE}, True),
        ({"AWS": "1", "Service": SERVICE, "Federated": "a", "CanonicalUser": "b"}, True),
        ({"AWS": "arn:aws:iam::123456789012:root"}, False),
        ({"Federated": "cognito-identity.amazonaws.com"}, False),
        ("*", True),
        ({"AWS": "*"}, True),
        ({"Service": "*"}, False),
        ({"Robot": SERVICE}, False),
        (SERVICE, False),
        (None, False),
    ],
)
def test_principals(principal: Any, allowed: bool) -> None:
    assert decide(statement(Principal=principal)).allowed is allowed


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("sts:AssumeRole", True),
        ("STS:assumerole", True),
        ("sts:*", True),
        ("*", True),
        ("sts:Assume????", True),
        ("sts:Assume???", False),
        (["sts:TagSession", "sts:AssumeRole"], True),
        ("sts:TagSession", False),
        ([], False),
    ],
)
def test_actions(action: Any, allowed: bool) -> None:
    assert decide(statement(Action=action)).allowed is allowed


def test_each_action_is_a_question_of_its_own() -> None:
    split = policy(statement(Action="sts:AssumeRole"), statement(Action="sts:TagSession"))
    answers = [evaluate_policy(split, context(action)).allowed for action in ACTIONS]
    assert answers == [True, True, False]


def test_not_action_allows_the_others() -> None:
    assert decide(statement(Action=None, NotAction="sts:TagSession")).allowed
    assert not decide(statement(Action=None, NotAction="sts:Assume*")).allowed
    assert not decide(statement(NotAction="sts:TagSession")).allowed


def test_deny_wins_whatever_the_order() -> None:
    allow, deny = statement(), statement(Effect="Deny", Condition={"StringEquals": {CN: "web"}})
    for order in ([allow, deny], [deny, allow]):
        decision = decide(*order)
        assert not decision.allowed
        assert decision.denied_by is not None
        assert decision.allowed_by is None
        assert decide(*order, name="db").allowed


def test_all_conditions_must_hold_and_any_value_may() -> None:
    both = statement(
        Condition={"StringEquals": {CN: ["web", "db"]}, "ArnEquals": {"aws:SourceArn": ANCHORS[0]}}
    )
    assert decide(both).allowed
    assert decide(both, name="db").allowed
    assert not decide(both, name="mail").allowed
    assert not decide(both, anchor=ANCHORS[1]).allowed


def test_a_negation_fails_open_on_a_missing_tag() -> None:
    risky = statement(Condition={"StringNotEquals": {CN: "db"}})
    assert decide(risky).allowed
    assert decide(risky, name=None).allowed


def test_variables_pin_the_session_to_the_certificate() -> None:
    pinned = statement(
        Condition={"StringEquals": {"sts:RoleSessionName": "${aws:PrincipalTag/x509Subject/CN}"}}
    )
    assert decide(pinned).allowed
    assert not evaluate_policy(policy(pinned, version=None), context()).allowed
    assert not evaluate_policy(policy(pinned, version="2008-10-17"), context()).allowed


UNKNOWN = [
    {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
    {"Condition": {"StringEquals": {"aws:SourceIp": "10.0.0.1"}}},
    {"Condition": {"StringEquals": {CN: "${aws:PrincipalTag/x509Subject/OU}"}}},
    {"Condition": ["StringEquals"]},
    {"Condition": {"StringEquals": "web"}},
    {"Resource": "*"},
    {"NotPrincipal": {"AWS": "123456789012"}},
]


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_what_is_not_known_fails_closed_and_is_named(unknown: dict[str, Any]) -> None:
    allow = decide(statement(**unknown))
    assert not allow.allowed
    assert [each.matched for each in allow.undecided] == [None]
    assert "undecided" in allow.undecided[0].reasons[0]
    deny = decide(statement(), statement(Effect="Deny", **unknown))
    assert not deny.allowed
    assert deny.denied_by is not None
    assert deny.denied_by.matched is None


def test_what_cannot_hold_anyhow_is_not_undecided() -> None:
    harmless = {"StringEquals": {CN: "db"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    decision = decide(statement(), statement(Effect="Deny", Condition=harmless))
    assert decision.allowed
    assert decision.undecided == ()


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (None, "not a JSON object"),
        ([], "not a JSON object"),
        ({}, "not a JSON object"),
        ({"Statement": ["x"]}, "no Effect"),
        ({"Statement": [{"Effect": "allow"}]}, "no Effect"),
        ({"Version": "2020-01-01", "Statement": []}, "Version '2020-01-01'"),
        ({"Statement": [], "Extra": 1}, "unknown element Extra"),
    ],
)
def test_a_broken_document_allows_nothing_and_says_why(document: Any, problem: str) -> None:
    decision = evaluate_policy(document, context())
    assert not decision.allowed
    assert problem in decision.problem


def test_a_single_statement_needs_no_list() -> None:
    assert evaluate_policy({"Statement": statement()}, context()).allowed


def test_the_result_says_why_each_statement_counts_or_not() -> None:
    decision = decide(
        statement(Sid="Others", Condition={"StringEquals": {CN: "db"}}),
        statement(Action="sts:TagSession"),
        statement(),
    )
    first, second, third = decision.statements
    assert (first.label, first.matched) == ('statement 1 "Others" (Allow)', False)
    assert first.reasons == (f"StringEquals {CN}: the policy says 'db'; the request has 'web'",)
    assert second.reasons == ("Action sts:TagSession leaves out sts:AssumeRole",)
    assert decision.allowed_by is third
    assert len(third.reasons) == 2
