"""Roles that a certificate says: a trust policy matches exactly its own among them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.unit.anywhere.world import ANCHOR, CA, OTHER_ANCHOR, ROLE, situation

from iam_ra.anywhere.evaluate import first_refusal
from iam_ra.anywhere.session import MAX_TAG_VALUE, session_tags
from iam_ra.anywhere.situation import Role
from iam_ra.anywhere.trust_policy import SENTINEL, Unit, policy_size, trust_policy, units_of, units_tag
from iam_ra.engine.errors import CertificateError
from iam_ra.pki.leaf import leaf_subject

# The names that roles may have, as like one another as can be.
names = st.sampled_from(["a", "ab", "b", "a-b", "ba", "aa", "A", SENTINEL, "iam", "ra", "0"]) | st.from_regex(
    r"[abA][ab-]{0,3}[ab]", fullmatch=True
)


def opens(said: frozenset[str], role: str, anchor: str = ANCHOR) -> bool:
    """Ask the rules of the service whether a certificate that says these roles takes one."""
    leaf = CA.issue(leaf_subject("web", units_of(said)))
    trusting = Role(ROLE, 3600, trust_policy({anchor: Unit(role)}))
    return first_refusal(replace(situation(), leaf=leaf, role=trusting)) is None


@settings(max_examples=60, deadline=None)
@given(st.frozensets(names, max_size=6), names)
@example(frozenset({"ab"}), "a")
@example(frozenset({"ab"}), "b")
@example(frozenset({"a", "b"}), "a-b")
@example(frozenset({"a"}), SENTINEL)
@example(frozenset({SENTINEL}), SENTINEL)
@example(frozenset(), "a")
def test_a_role_is_opened_exactly_by_certificates_that_say_it(said: frozenset[str], role: str) -> None:
    assert opens(said, role) is (role in said)


def test_only_with_the_anchor_of_the_authority_that_vouches_for_it() -> None:
    assert opens(frozenset({"a"}), "a")
    assert not opens(frozenset({"a"}), "a", OTHER_ANCHOR)


@given(st.frozensets(names, max_size=8))
def test_the_tag_is_what_the_service_makes_of_the_certificate(said: frozenset[str]) -> None:
    assume(said)
    tags = session_tags(CA.issue(leaf_subject("web", units_of(said)))).kept
    assert tags["x509Subject/OU"] == units_tag(said)
    assert tags["x509Subject/CN"] == "web"


def test_a_tag_that_is_too_long_opens_nothing() -> None:
    said = frozenset(f"{'r' * 40}{number}" for number in range(6))
    assert len(units_tag(said)) > MAX_TAG_VALUE
    assert not opens(said, min(said))


def test_the_policy_has_one_size_whoever_takes_it_and_never_names_as_well() -> None:
    document = trust_policy({ANCHOR: Unit("admin"), OTHER_ANCHOR: ["web"]})
    bound, named = (each["Condition"] for each in document["Statement"])
    assert bound == {
        "ArnEquals": {"aws:SourceArn": ANCHOR},
        "StringLike": {"aws:PrincipalTag/x509Subject/OU": "*/admin/*"},
    }
    assert named.keys() == {"ArnEquals", "StringEquals"}
    assert policy_size(trust_policy({ANCHOR: Unit("admin")})) < 512


@pytest.mark.parametrize(
    ("identity", "units"), [("", ()), ("x" * 65, ()), ("web", ("r" * 65,)), ("web", ("",))]
)
def test_what_fits_no_name_is_refused(identity: str, units: tuple[str, ...]) -> None:
    with pytest.raises(CertificateError):
        leaf_subject(identity, units)
