from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from cryptography import x509
from tests.unit.anywhere.world import (
    ANCHOR,
    CA,
    KEYS,
    LEAF,
    NOW,
    OTHER_ANCHOR,
    PROFILE,
    REQUEST,
    ROLE,
    SERIAL,
    YEAR,
    ec_key,
    name,
    root,
    situation,
)

import iam_ra.anywhere
from iam_ra.anywhere.evaluate import CHECKS, evaluate, first_refusal, walk
from iam_ra.anywhere.keys import sign_with
from iam_ra.anywhere.request import HttpRequest, SessionRequest
from iam_ra.anywhere.revocation import Crl, load_crls
from iam_ra.anywhere.signature import create_session_request
from iam_ra.anywhere.situation import CheckResult, Outcome, Profile, Role, Situation, TrustAnchor
from iam_ra.anywhere.trust_policy import trust_policy
from iam_ra.anywhere.uncertain import UNCERTAIN

POLICY = "arn:aws:iam::aws:policy/Policy"
UNABLE = f"Unable to assume role for {ROLE}"
TRUST = ("trust-assume-role", "trust-tag-session", "trust-set-source-identity")
SOURCES = Path(iam_ra.anywhere.__file__).parent
ANCHOR_OF_CA = TrustAnchor(ANCHOR, enabled=True, certificates=(CA.certificate,))
PROFILE_OF_ROLE = Profile(PROFILE, enabled=True, role_arns=(ROLE,))


def role(policy: Any, most: int = 3600) -> Role:
    return Role(ROLE, max_session_seconds=most, trust_policy=policy)


def crl(data: bytes, *, enabled: bool = True) -> Crl:
    return Crl("arn:aws:rolesanywhere:us-east-1:123456789012:crl/1", enabled, load_crls(data))


def asked(**changes: Any) -> SessionRequest:
    return replace(REQUEST, **changes)


def signed(**options: Any) -> HttpRequest:
    defaults: dict[str, Any] = {"host": "h", "leaf": LEAF, "sign": sign_with(KEYS["ec-p256"]), "now": NOW}
    return create_session_request(REQUEST, **(defaults | options))


def header(http: HttpRequest, name: str, change: Any) -> HttpRequest:
    return replace(
        http, headers=tuple((key, change(value) if key == name else value) for key, value in http.headers)
    )


def result(where: Situation, check: str) -> CheckResult:
    return next(each for each in evaluate(where) if each.id == check)


def test_a_right_request_passes_every_check() -> None:
    results = evaluate(situation(http=signed()))
    assert [each.id for each in results] == [each.id for each in CHECKS]
    assert all(each.passed and each.refusal is None and each.compared for each in results)
    assert first_refusal(situation(http=signed())) is None


def test_the_order_is_the_service_s() -> None:
    assert [each.id for each in CHECKS] == [
        "request",
        "authorization",
        "signed-headers",
        "credential",
        "request-date",
        "signature",
        "trust-anchor-exists",
        "trust-anchor-enabled",
        "chain-length",
        "path",
        "validity",
        "leaf",
        "revocation",
        "profile-exists",
        "profile-enabled",
        "same-account",
        "role-listed",
        "session-name",
        "role-exists",
        "duration",
        "session-policies",
        "source-identity",
        "session-tags",
        *TRUST,
    ]


def test_without_a_signed_request_the_checks_of_the_signature_are_left_out() -> None:
    results = evaluate(situation())
    assert [each.id for each in results] == [each.id for each in CHECKS if not each.signed]
    assert all(each.passed for each in results)


OTHER = root()
CASES: list[tuple[dict[str, Any], str, int, str, str]] = [
    (
        {"request": asked(duration_seconds=899)},
        "request",
        400,
        "ValidationException",
        (
            "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 900"
        ),
    ),
    (
        {"trust_anchor": None},
        "trust-anchor-exists",
        404,
        "ResourceNotFoundException",
        f"Trust anchor {ANCHOR} does not exist",
    ),
    (
        {"trust_anchor": replace(ANCHOR_OF_CA, enabled=False)},
        "trust-anchor-enabled",
        403,
        "AccessDeniedException",
        "Trust anchor is disabled",
    ),
    (
        {"chain": (CA.certificate,) * 6},
        "chain-length",
        403,
        "AccessDeniedException",
        "Untrusted signing certificate",
    ),
    (
        {"trust_anchor": replace(ANCHOR_OF_CA, certificates=(OTHER.certificate,))},
        "path",
        403,
        "AccessDeniedException",
        "Untrusted signing certificate",
    ),
    (
        {"now": NOW + YEAR + timedelta(seconds=1)},
        "validity",
        403,
        "AccessDeniedException",
        "Untrusted certificate. Certificate is not valid at this time",
    ),
    (
        {"leaf": CA.issue(usages=None)},
        "leaf",
        403,
        "AccessDeniedException",
        "Untrusted certificate. Insufficient certificate",
    ),
    (
        {"trust_anchor": replace(ANCHOR_OF_CA, crls=(crl(CA.crl(SERIAL)),))},
        "revocation",
        403,
        "AccessDeniedException",
        "Certificate revoked",
    ),
    (
        {"profile": None},
        "profile-exists",
        404,
        "ResourceNotFoundException",
        f"Profile {PROFILE} does not exist",
    ),
    (
        {"profile": replace(PROFILE_OF_ROLE, enabled=False)},
        "profile-enabled",
        403,
        "AccessDeniedException",
        "Profile is disabled",
    ),
    (
        {"request": asked(role_arn=ROLE.replace("123456789012", "210987654321"))},
        "same-account",
        403,
        "AccessDeniedException",
        "Trust anchor, profile and role must be in one account, trust anchor and profile in one Region",
    ),
    (
        {"request": asked(profile_arn=PROFILE.replace("ap-southeast-2", "us-east-1"))},
        "same-account",
        403,
        "AccessDeniedException",
        "Trust anchor, profile and role must be in one account, trust anchor and profile in one Region",
    ),
    (
        {"profile": replace(PROFILE_OF_ROLE, role_arns=(ROLE + "2",))},
        "role-listed",
        403,
        "AccessDeniedException",
        f"Role {ROLE} is not listed in the profile",
    ),
    (
        {"request": asked(role_session_name="me")},
        "session-name",
        403,
        "AccessDeniedException",
        "Not authorized to set roleSessionName",
    ),
    ({"role": None}, "role-exists", 403, "AccessDeniedException", UNABLE),
    (
        {"profile": replace(PROFILE_OF_ROLE, duration_seconds=43200)},
        "duration",
        403,
        "AccessDeniedException",
        UNABLE,
    ),
    (
        {"profile": replace(PROFILE_OF_ROLE, managed_policy_arns=(POLICY,) * 11)},
        "session-policies",
        403,
        "AccessDeniedException",
        f"{UNABLE}: 11 managed session policies, at most 10 are allowed",
    ),
    (
        {"profile": replace(PROFILE_OF_ROLE, session_policy="x" * 2019, managed_policy_arns=(POLICY,))},
        "session-policies",
        403,
        "AccessDeniedException",
        f"{UNABLE}: session policies of 2049 characters, at most 2048 are allowed",
    ),
    ({"leaf": CA.issue("a b")}, "source-identity", 403, "AccessDeniedException", UNABLE),
    (
        {"role": role(trust_policy({OTHER_ANCHOR: ["web"]}))},
        "trust-assume-role",
        403,
        "AccessDeniedException",
        UNABLE,
    ),
]


@pytest.mark.parametrize(
    ("changes", "check", "status", "code", "message"), CASES, ids=[case[1] for case in CASES]
)
def test_refusals(changes: dict[str, Any], check: str, status: int, code: str, message: str) -> None:
    refused = first_refusal(situation(**changes))
    assert refused is not None
    assert (refused.id, refused.outcome) == (check, Outcome.FAILED)
    assert refused.refusal is not None
    assert (refused.refusal.status, refused.refusal.code, refused.refusal.message) == (status, code, message)
    assert refused.compared
    assert refused.fix


SIGNED: list[tuple[dict[str, Any], str]] = [
    ({"http": header(signed(), "Authorization", lambda _: "Bearer x")}, "authorization"),
    ({"http": replace(signed(), headers=())}, "authorization"),
    ({"http": header(signed(), "Authorization", lambda text: text.replace("ECDSA", "RSA"))}, "authorization"),
    (
        {"http": header(signed(), "Authorization", lambda text: text.replace("SHA256", "SHA1"))},
        "authorization",
    ),
    (
        {"http": header(signed(), "Authorization", lambda text: text.replace(";x-amz-x509,", ","))},
        "signed-headers",
    ),
    (
        {"http": header(signed(), "Authorization", lambda text: text.replace(str(SERIAL), f"{SERIAL:x}"))},
        "credential",
    ),
    (
        {"http": header(signed(), "Authorization", lambda text: text.replace("-southeast-2", "-south-1"))},
        "credential",
    ),
    (
        {"http": header(signed(), "Authorization", lambda text: text.replace("/rolesany", "/sts"))},
        "credential",
    ),
    (
        {"http": header(signed(), "Authorization", lambda text: text.replace("/20261123", "/20261122"))},
        "credential",
    ),
    ({"http": signed(), "leaf": CA.issue(serial=5)}, "credential"),
    ({"http": header(signed(), "X-Amz-Date", lambda _: "20261123")}, "request-date"),
    ({"http": signed(now=NOW - timedelta(minutes=15, seconds=1))}, "request-date"),
    ({"http": signed(now=NOW + timedelta(minutes=15, seconds=1))}, "request-date"),
    ({"http": replace(signed(), body=b"{}")}, "signature"),
    ({"http": signed(sign=sign_with(ec_key()))}, "signature"),
]


@pytest.mark.parametrize(("changes", "check"), SIGNED, ids=[case[1] for case in SIGNED])
def test_refusals_of_the_signature(changes: dict[str, Any], check: str) -> None:
    refused = first_refusal(situation(**changes))
    assert refused is not None
    assert refused.id == check
    assert refused.refusal is not None
    assert (refused.refusal.status, refused.refusal.code) == (403, "AccessDeniedException")
    assert "signature" in refused.refusal.message or "X-Amz-Date" in refused.refusal.message


def test_what_the_signature_lacks_is_told() -> None:
    unsigned = header(signed(), "Authorization", lambda text: text.replace(";x-amz-x509,", ","))
    assert result(situation(http=unsigned), "signed-headers").compared == (
        "signed: content-type, host, x-amz-date",
        "not signed, or signed and not sent: x-amz-x509",
    )
    assert result(situation(http=signed()), "request-date").compared == (
        "X-Amz-Date 2026-11-23 12:00:00; now 2026-11-23 12:00:00; at most 15 minutes off",
    )


@pytest.mark.parametrize("minutes", [-15, 0, 15])
def test_a_clock_within_the_window_is_fine(minutes: int) -> None:
    assert first_refusal(situation(http=signed(now=NOW + timedelta(minutes=minutes)))) is None


def test_session_policies_up_to_the_limits_are_fine() -> None:
    most = replace(PROFILE_OF_ROLE, session_policy="x" * 1748, managed_policy_arns=(POLICY,) * 10)
    assert first_refusal(situation(profile=most)) is None
    session = situation(profile=most).session()
    assert (session.policy, session.policy_arns) == ("x" * 1748, (POLICY,) * 10)
    over = result(situation(profile=replace(most, managed_policy_arns=(POLICY,) * 11)), "session-policies")
    assert over.compared == (
        "the profile has 11 managed policies; STS takes 10",
        "its session policy and their ARNs have 2078 characters; STS takes 2048",
    )
    assert over.refusal is not None
    assert over.refusal.message.count("at most") == 2


def test_every_check_that_can_fail_has_a_case() -> None:
    """The tags never refuse, and the other two actions have a test of their own."""
    tested = {case[1] for case in CASES} | {check for _, check in SIGNED} | {"session-tags", *TRUST}
    assert tested == {each.id for each in CHECKS}


@pytest.mark.parametrize(
    ("missing", "check"), [("sts:TagSession", TRUST[1]), ("sts:SetSourceIdentity", TRUST[2])]
)
def test_every_action_must_be_trusted(missing: str, check: str) -> None:
    document = trust_policy({ANCHOR: ["web"]})
    document["Statement"][0]["Action"].remove(missing)
    refused = first_refusal(situation(role=role(document)))
    assert refused is not None
    assert refused.id == check
    assert refused.refusal is not None
    assert refused.refusal.message == UNABLE
    assert (
        f"Action sts:AssumeRole, {'sts:SetSourceIdentity' if check == TRUST[1] else 'sts:TagSession'} leaves out {missing}"
        in refused.compared[0]
    )


def test_the_service_stops_at_the_first_failure() -> None:
    made: list[str] = []
    for each in walk(situation(trust_anchor=None, role=None)):
        made.append(each.id)
        if not each.passed:
            break
    assert made == ["request", "trust-anchor-exists"]


def test_an_explanation_goes_on_and_skips_what_has_no_meaning() -> None:
    results = {each.id: each for each in evaluate(situation(trust_anchor=None, profile=None))}
    assert results["path"].outcome is Outcome.SKIPPED
    assert results["path"].compared == ("not checked: it needs trust-anchor-exists",)
    assert results["revocation"].compared == ("not checked: it needs path",)
    assert results["leaf"].passed
    assert results["role-exists"].passed
    assert results["duration"].outcome is Outcome.SKIPPED
    assert all(each.refusal is None for each in results.values() if each.outcome is not Outcome.FAILED)


def test_nothing_breaks_whatever_is_missing() -> None:
    bad: dict[str, Any] = {
        "request": SessionRequest("x", "y", "z", duration_seconds=1),
        "trust_anchor": None,
        "profile": None,
        "role": None,
        "leaf": OTHER.certificate,
        "chain": (CA.certificate,) * 6,
        "http": replace(signed(), headers=()),
    }
    for left_out in bad:
        evaluate(situation(**{key: value for key, value in bad.items() if key != left_out}))
    assert not any(each.passed for each in evaluate(situation(**bad)) if each.id in TRUST)


def test_a_leaf_with_unreadable_extensions_is_explained_and_breaks_nothing() -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x03\x82")
    results = {each.id: each for each in evaluate(situation(leaf=CA.issue(extra=[(broken, False)])))}
    assert results["leaf"].compared == ("the extensions cannot be read",)
    assert results["session-tags"].outcome is Outcome.SKIPPED
    assert results["duration"].passed


def test_the_default_duration_of_the_helper_fits_a_long_profile() -> None:
    long = replace(PROFILE_OF_ROLE, duration_seconds=43200)
    assert first_refusal(situation(profile=long, request=asked(duration_seconds=3600))) is None
    seven = situation(profile=long, request=asked(duration_seconds=7200))
    assert result(seven, "duration").compared == (
        "the request asks for 7200 s, the profile gives 43200 s: the least is 7200 s",
        "the role allows 3600 s",
    )


def test_the_session_that_is_granted() -> None:
    plain = situation().session()
    assert (plain.name, plain.source_identity, plain.duration_seconds) == (f"{SERIAL:x}", "CN=web", 3600)
    assert dict(plain.tags.kept) == {"x509Subject/CN": "web", "x509Issuer/CN": "root"}
    named = situation(
        profile=replace(PROFILE_OF_ROLE, accept_role_session_name=True), request=asked(role_session_name="me")
    )
    assert first_refusal(named) is None
    assert named.session().name == "me"
    with pytest.raises(LookupError, match="without a profile"):
        situation(profile=None).session()


def test_dropped_tags_are_shown() -> None:
    subject = name((x509.NameOID.COMMON_NAME, "web"), (x509.NameOID.ORGANIZATION_NAME, "a,b"))
    shown = result(situation(leaf=CA.issue(subject)), "session-tags").compared
    assert "x509Subject/CN = web" in shown
    assert "x509Subject/O is dropped: STS does not take the character ',' in a tag" in shown


def test_a_dropped_mapping_closes_our_own_policy() -> None:
    refused = first_refusal(situation(profile=replace(PROFILE_OF_ROLE, mappings={"x509Issuer": ("*",)})))
    assert refused is not None
    assert refused.id == TRUST[0]
    assert "aws:PrincipalTag/x509Subject/CN: the policy says 'web'; the request has no such key" in str(
        refused.compared
    )


def test_the_same_identity_of_another_authority_is_refused() -> None:
    other = root("other")
    elsewhere = situation(
        leaf=other.issue("web"),
        request=asked(trust_anchor_arn=OTHER_ANCHOR),
        trust_anchor=TrustAnchor(OTHER_ANCHOR, enabled=True, certificates=(other.certificate,)),
    )
    refused = first_refusal(elsewhere)
    assert refused is not None
    assert refused.id == TRUST[0]


ALLOW = {
    "Effect": "Allow",
    "Principal": {"Service": "rolesanywhere.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [ALLOW | each for each in statements]}


@pytest.mark.parametrize(
    ("statements", "refused_by"),
    [
        ([{"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}], None),
        ([{"Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}}}], TRUST[0]),
        ([{"Condition": {"Bool": {"aws:PrincipalIsAWSService": "true"}}}], None),
        ([{"Condition": {"DateLessThan": {"aws:CurrentTime": "2026-11-23T12:00:01Z"}}}], None),
        ([{"Condition": {"DateLessThan": {"aws:CurrentTime": "2026-11-23T12:00:00Z"}}}], TRUST[0]),
        ([{"Condition": {"StringEquals": {"aws:RequestTag/x509Issuer/CN": "root"}}}], TRUST[2]),
        ([{"Condition": {"StringEquals": {"sts:SourceIdentity": "CN=web"}}}], TRUST[1]),
        (
            [
                {
                    "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                    "Condition": {"StringEquals": {"sts:SourceIdentity": "CN=web"}},
                },
                {"Action": "sts:TagSession"},
            ],
            None,
        ),
        ([{"Condition": {"StringLike": {"sts:RoleSessionName": "*"}}}], TRUST[1]),
        ([{}, {"Effect": "Deny", "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2030-01-01"}}}], None),
        ([{}, {"Effect": "Deny", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}], TRUST[0]),
    ],
)
def test_the_keys_of_each_action(statements: list[dict[str, Any]], refused_by: str | None) -> None:
    refused = first_refusal(situation(role=role(policy(*statements))))
    assert (refused.id if refused else None) == refused_by


def test_why_a_policy_lets_nobody_in_is_told() -> None:
    nothing = "no statement allows sts:AssumeRole"
    broken = result(situation(role=role([])), TRUST[0])
    assert broken.compared == ("the policy is not a JSON object with a Statement",)
    assert result(situation(role=role(policy({"Action": "sts:*"}))), TRUST[0]).passed
    empty = {"Version": "2012-10-17", "Statement": []}
    assert result(situation(role=role(empty)), TRUST[0]).compared == (nothing,)
    denied = result(situation(role=role(policy({}, {"Effect": "Deny", "Sid": "Never"}))), TRUST[0])
    assert nothing not in denied.compared
    assert denied.compared[1].startswith('statement 2 "Never" (Deny) denies: Principal')


def test_a_session_name_pinned_to_the_certificate() -> None:
    pinned = policy(
        {"Action": ["sts:TagSession", "sts:SetSourceIdentity"]},
        {
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:RoleSessionName": "${aws:PrincipalTag/x509Subject/CN}"}},
        },
    )
    profile = replace(PROFILE_OF_ROLE, accept_role_session_name=True)
    for name_asked, allowed in (("web", True), ("db", False), (None, False)):
        where = situation(role=role(pinned), profile=profile, request=asked(role_session_name=name_asked))
        assert (first_refusal(where) is None) is allowed


def test_needs_stand_before_and_exist() -> None:
    seen: set[str] = set()
    for check in CHECKS:
        assert set(check.needs) <= seen, check.id
        seen.add(check.id)
    signed_ones = {each.id for each in CHECKS if each.signed}
    assert not any(signed_ones & set(each.needs) for each in CHECKS if not each.signed)


def test_messages_leave_open_only_what_a_check_can_say() -> None:
    fields = {
        field for check in CHECKS for _, field, _, _ in Formatter().parse(check.answer.message) if field
    }
    assert fields == {"arn", "reason", "violation"}


def test_every_assumption_is_marked_in_the_code_and_listed() -> None:
    marked = {
        each.strip()
        for source in SOURCES.glob("*.py")
        for line in re.findall(r"# UNCERTAIN: ([a-z0-9-]+(?:, [a-z0-9-]+)*):", source.read_text())
        for each in line.split(",")
    }
    assert marked <= set(UNCERTAIN)
    named = {each for check in CHECKS for each in check.uncertain}
    assert named <= set(UNCERTAIN)
    assert set(UNCERTAIN) == marked | named
    assert all(sentence.endswith(".") for sentence in UNCERTAIN.values())
