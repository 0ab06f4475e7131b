from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam_ra.anywhere.trust_policy import policy_size, trust_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

ANCHOR = "arn:aws:rolesanywhere:ap-southeast-2:123456789012:trust-anchor/0f8a8a3b-97b5-4a3e-9e3f-5d0c4a1b2c3d"
OTHER = ANCHOR[:-1] + "e"

anchors = st.sampled_from([f"{ANCHOR[:-1]}{digit}" for digit in "0123456789abcdef"])
names = st.text("abAB01_.=+@-", min_size=1, max_size=5)
given_identities = st.dictionaries(anchors, st.lists(names, max_size=5), max_size=5)


def allows(document: Mapping[str, Any], anchor: str, name: str) -> bool:
    """Judge as IAM does, in as much as these documents need: every operator of a statement must match."""
    verdicts = set()
    for statement in document["Statement"]:
        condition = statement.get("Condition", {})
        assert condition.keys() <= {"ArnEquals", "StringEquals"}
        anchor_ok = condition.get("ArnEquals", {}).get("aws:SourceArn", anchor) == anchor
        wanted = condition.get("StringEquals", {}).get("aws:PrincipalTag/x509Subject/CN", [name])
        if anchor_ok and name in wanted:
            verdicts.add(statement["Effect"])
    return verdicts == {"Allow"}


@given(given_identities)
def test_exactly_the_given_pairs_are_allowed(identities: Mapping[str, list[str]]) -> None:
    document = trust_policy(identities)
    everybody = {name for each in identities.values() for name in each} | {"stranger"}
    for anchor in {*identities, OTHER, "arn:aws:rolesanywhere:us-east-1:1:trust-anchor/x"}:
        for name in everybody:
            assert allows(document, anchor, name) is (name in identities.get(anchor, []))


@given(given_identities)
def test_one_statement_an_anchor_everything_sorted_and_once(identities: Mapping[str, list[str]]) -> None:
    statements = trust_policy(identities)["Statement"]
    assert statements
    entitled = {anchor: sorted(set(each)) for anchor, each in sorted(identities.items()) if each}
    found = {
        each["Condition"]["ArnEquals"]["aws:SourceArn"]: each["Condition"]["StringEquals"][
            "aws:PrincipalTag/x509Subject/CN"
        ]
        for each in statements
        if each["Effect"] == "Allow"
    }
    assert list(found.items()) == list(entitled.items())
    assert len(statements) == max(1, len(entitled))


@given(given_identities)
def test_the_order_of_what_is_given_never_shows(identities: Mapping[str, list[str]]) -> None:
    turned = {anchor: list(reversed(each)) for anchor, each in reversed(list(identities.items()))}
    assert json.dumps(trust_policy(turned)) == json.dumps(trust_policy(identities))


@pytest.mark.parametrize("identities", [{}, {ANCHOR: []}, {ANCHOR: (), OTHER: []}])
def test_when_nobody_is_listed_everybody_is_denied(identities: Mapping[str, list[str]]) -> None:
    assert trust_policy(identities)["Statement"] == [
        {
            "Effect": "Deny",
            "Principal": {"Service": "rolesanywhere.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        }
    ]


@given(given_identities)
def test_no_statement_is_ever_open(identities: Mapping[str, list[str]]) -> None:
    for statement in trust_policy(identities)["Statement"]:
        if statement["Effect"] == "Allow":
            (anchor,) = statement["Condition"]["ArnEquals"].values()
            (listed,) = statement["Condition"]["StringEquals"].values()
            assert isinstance(anchor, str)
            assert listed
        assert statement["Principal"] == {"Service": "rolesanywhere.amazonaws.com"}


@given(given_identities, st.sampled_from([None, 1, 4]))
def test_the_size_does_not_count_white_space(identities: Mapping[str, list[str]], indent: int | None) -> None:
    document = trust_policy(identities)
    text = json.dumps(document, indent=indent)
    assert policy_size(json.loads(text)) == len("".join(text.split()))


def test_about_a_hundred_names_of_thirteen_characters_fit_the_default_quota() -> None:
    size = policy_size(trust_policy({ANCHOR: [f"host-{n:04}.abc" for n in range(100)]}))
    assert 1_900 < size <= 2_048


def test_each_name_costs_its_length_and_three_characters_more() -> None:
    some = [f"host-{n}" for n in range(10, 20)]
    assert (
        policy_size(trust_policy({ANCHOR: [*some, "web"]})) - policy_size(trust_policy({ANCHOR: some}))
        == len("web") + 3
    )
