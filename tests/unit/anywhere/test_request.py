from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.unit.anywhere.world import ANCHOR, CA, LEAF, OTHER_ANCHOR, PROFILE, ROLE

from iam_ra.anywhere.refusal import RequestRefusedError
from iam_ra.anywhere.request import HttpRequest, SessionRequest, read_certificates, read_request

ARNS = {"trustAnchorArn": ANCHOR, "profileArn": PROFILE, "roleArn": ROLE}


def http(body: Any = None, query: dict[str, str] | None = None, **headers: str) -> HttpRequest:
    sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    pairs = tuple((key.replace("_", "-"), value) for key, value in headers.items())
    return HttpRequest("POST", "/sessions", urlencode(query or {}), pairs, sent)


def refused(request: HttpRequest) -> str:
    with pytest.raises(RequestRefusedError) as caught:
        read_request(request)
    refusal = caught.value.refusal
    assert (refusal.status, refusal.code) == (400, "ValidationException")
    return refusal.message


def encoded(certificate: Any) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def test_arns_may_stand_in_the_query_or_in_the_body() -> None:
    expected = SessionRequest(ANCHOR, PROFILE, ROLE, duration_seconds=3600)
    assert read_request(http({"durationSeconds": 3600}, ARNS)) == expected
    assert read_request(http(ARNS | {"durationSeconds": 3600})) == expected
    split = http(
        {"durationSeconds": 3600, "roleArn": ROLE}, {"trustAnchorArn": ANCHOR, "profileArn": PROFILE}
    )
    assert read_request(split) == expected


def test_the_query_wins_over_the_body() -> None:
    read = read_request(http(ARNS | {"trustAnchorArn": OTHER_ANCHOR}, ARNS))
    assert read.trust_anchor_arn == ANCHOR


def test_everything_else_is_read_from_the_body() -> None:
    body = ARNS | {
        "durationSeconds": 900,
        "roleSessionName": "web-1",
        "sessionName": "ignored",
        "cert": None,
        "instanceProperties": {"zone": "a"},
    }
    assert read_request(http(body, {"durationSeconds": "43200"})) == SessionRequest(
        ANCHOR, PROFILE, ROLE, 900, "web-1", {"zone": "a"}
    )


def test_an_empty_body_is_no_members() -> None:
    assert read_request(http(None, ARNS)) == SessionRequest(ANCHOR, PROFILE, ROLE)


def test_members_are_what_would_be_read_again() -> None:
    request = SessionRequest(ANCHOR, PROFILE, ROLE, 1800, "web-1", {"zone": "a"})
    assert read_request(http(request.members())) == request
    assert SessionRequest(ANCHOR, PROFILE, ROLE).members() == ARNS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"durationSeconds": 899},
            (
                "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: "
                "Member must have value greater than or equal to 900"
            ),
        ),
        (
            {"durationSeconds": 43201},
            (
                "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: "
                "Member must have value less than or equal to 43200"
            ),
        ),
        (
            {"roleSessionName": "a b"},
            (
                "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: "
                r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
            ),
        ),
        (
            {"roleSessionName": "a"},
            (
                "1 validation error detected: Value 'a' at 'roleSessionName' failed to satisfy constraint: "
                "Member must have length greater than or equal to 2"
            ),
        ),
        (
            {"profileArn": None},
            "1 validation error detected: Value at 'profileArn' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"instanceProperties": {"a": "x" * 201}},
            (
                f"1 validation error detected: Value '{'x' * 201}' at 'instanceProperties.a.member' failed to satisfy "
                "constraint: Member must have length less than or equal to 200"
            ),
        ),
    ],
)
def test_broken_limits_are_worded_as_smithy_does(changes: dict[str, Any], message: str) -> None:
    assert refused(http(ARNS | changes)) == message


@pytest.mark.parametrize(
    "changes",
    [
        {"roleSessionName": "x" * 65},
        {"trustAnchorArn": PROFILE},
        {"profileArn": ANCHOR},
        {"roleArn": "arn:aws:iam::123456789012:user/x"},
        {"roleArn": "x"},
        {"roleArn": ROLE.ljust(1012, "x")},
        {"instanceProperties": {str(each): "x" for each in range(51)}},
        {"instanceProperties": {"": "x"}},
        {"instanceProperties": {"a": 1}},
        {"instanceProperties": ["a"]},
        {"durationSeconds": "3600"},
        {"durationSeconds": 3600.0},
        {"durationSeconds": True},
        {"roleSessionName": 5},
        {"roleArn": [ROLE]},
    ],
)
def test_other_broken_members_are_refused(changes: dict[str, Any]) -> None:
    assert refused(http(ARNS | changes)).startswith("1 validation error detected: Value")


def test_limits_themselves_are_kept() -> None:
    for seconds in (900, 43200):
        assert read_request(http(ARNS | {"durationSeconds": seconds})).duration_seconds == seconds
    longest = ROLE.ljust(1011, "x")
    assert read_request(http(ARNS | {"roleArn": longest})).role_arn == longest
    for name in ("ab", "x" * 64):
        assert read_request(http(ARNS | {"roleSessionName": name})).role_session_name == name


def test_every_problem_is_counted() -> None:
    assert refused(http({"durationSeconds": 1})).startswith("4 validation errors detected: ")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert "must be a JSON object" in refused(http(body, ARNS))


def test_headers_are_found_in_any_case_and_joined() -> None:
    request = HttpRequest("POST", "/sessions", "", (("X-A", "1"), ("x-a", "2"), ("B", "")), b"")
    assert request.header("X-a") == "1,2"
    assert request.header("b") == ""
    assert request.header("c") is None


def test_certificates_are_read_from_their_headers() -> None:
    sub = CA.below("sub")
    chain = f"{encoded(sub.certificate)}, {encoded(CA.certificate)}"
    presented = read_certificates(http(X_Amz_X509=encoded(LEAF), x_amz_x509_chain=chain))
    assert presented.leaf == LEAF
    assert presented.chain == (sub.certificate, CA.certificate)
    assert read_certificates(http(X_Amz_X509=encoded(LEAF))).chain == ()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"X_Amz_X509": ""}, 403),
        ({"X_Amz_X509": "!"}, 400),
        ({"X_Amz_X509": "AAAA"}, 400),
        ({"X_Amz_X509": f"{encoded(LEAF)},{encoded(LEAF)}"}, 400),
        ({"X_Amz_X509": encoded(LEAF)[:-8]}, 400),
        ({"X_Amz_X509": encoded(LEAF), "X_Amz_X509_Chain": "AAAA"}, 400),
        ({"X_Amz_X509": encoded(LEAF), "X_Amz_X509_Chain": f"{encoded(LEAF)},"}, 400),
    ],
)
def test_missing_or_unreadable_certificates_are_refused(headers: dict[str, Any], status: int) -> None:
    with pytest.raises(RequestRefusedError) as caught:
        read_certificates(http(**headers))
    assert caught.value.refusal.status == status
