from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.unit.anywhere.world import (
    ANCHOR,
    CA,
    KEYS,
    MLDSA_KEYS,
    NOW,
    PROFILE,
    REGION,
    REQUEST,
    ROLE,
    SERIAL,
)

from iam_ra.anywhere.keys import describe_key, sign_with
from iam_ra.anywhere.request import HttpRequest, SessionRequest, read_certificates, read_request
from iam_ra.anywhere.signature import (
    algorithm_family,
    create_session_request,
    read_authorization,
    request_time,
    signature_matches,
    unsigned_headers,
)

if TYPE_CHECKING:
    from cryptography import x509

HOST = "127.0.0.1:5555"
ALL_KEYS = KEYS | MLDSA_KEYS
LEAVES = {kind: CA.issue(key=key) for kind, key in ALL_KEYS.items()}
SUB = CA.below("sub")


def signed(kind: str = "ec-p256", request: SessionRequest = REQUEST, **options: Any) -> HttpRequest:
    defaults: dict[str, Any] = {
        "host": HOST,
        "leaf": LEAVES[kind],
        "sign": sign_with(ALL_KEYS[kind]),
        "now": NOW,
    }
    return create_session_request(request, **(defaults | options))


def matches(http: HttpRequest, leaf: x509.Certificate = LEAVES["ec-p256"]) -> bool:
    authorization = read_authorization(http.header("authorization") or "")
    assert authorization is not None
    return not unsigned_headers(http, authorization) and signature_matches(http, authorization, leaf)


def with_header(http: HttpRequest, name: str, value: str) -> HttpRequest:
    others = tuple(pair for pair in http.headers if pair[0].lower() != name.lower())
    return replace(http, headers=(*others, (name, value)))


def by_hand(
    key: Any,
    algorithm: str,
    *,
    query: str = "",
    signed_query: str = "",
    headers: dict[str, str],
    body: bytes = b"{}",
    signature: Any = None,
) -> HttpRequest:
    """Sign as the guide says, in few words and without the code under test."""
    names = sorted(name.lower() for name in headers)
    lower = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    canonical = f"POST\n/sessions\n{signed_query}\n"
    canonical += "".join(f"{name}:{lower[name]}\n" for name in names)
    canonical += f"\n{';'.join(names)}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"20261123/{REGION}/rolesanywhere/aws4_request"
    text = (
        f"{algorithm}\n20261123T120000Z\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}".encode()
    )
    made = signature(text) if signature else sign_with(key)(text)
    value = (
        f"{algorithm} Credential={SERIAL}/{scope}, SignedHeaders={';'.join(names)}, Signature={made.hex()}"
    )
    return HttpRequest("POST", "/sessions", query, (*headers.items(), ("Authorization", value)), body)


def headers_of(http: HttpRequest) -> dict[str, str]:
    return {name: value for name, value in http.headers if name != "Authorization"}


@pytest.mark.parametrize("kind", ALL_KEYS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    seconds=st.none() | st.integers(900, 43200),
    name=st.none() | st.from_regex(r"[A-Za-z0-9+=,.@_-]{2,64}", fullmatch=True),
    properties=st.dictionaries(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5), max_size=3),
    long=st.booleans(),
)
def test_what_is_signed_verifies_and_reads_back(
    kind: str, seconds: int | None, name: str | None, properties: dict[str, str], long: bool
) -> None:
    request = SessionRequest(ANCHOR, PROFILE, ROLE, seconds, name, properties)
    http = signed(kind, request, chain=[SUB.certificate, CA.certificate] if long else [])
    assert matches(http, LEAVES[kind])
    assert read_request(http) == request
    presented = read_certificates(http)
    assert presented.leaf == LEAVES[kind]
    assert presented.chain == ((SUB.certificate, CA.certificate) if long else ())


@pytest.mark.parametrize("kind", ["rsa-2048", "ec-p256", *list(MLDSA_KEYS)[:1]])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_refused(kind: str, data: st.DataObject) -> None:
    http = signed(kind, chain=[SUB.certificate])
    part = data.draw(
        st.sampled_from(["body", *(name for name, _ in http.headers if name != "Authorization")])
    )
    old = http.body if part == "body" else (http.header(part) or "").encode()
    at, new = data.draw(st.integers(0, len(old) - 1)), data.draw(st.integers(33, 126))
    assume(old[at] != new)
    changed = old[:at] + bytes([new]) + old[at + 1 :]
    tampered = replace(http, body=changed) if part == "body" else with_header(http, part, changed.decode())
    assert not matches(tampered, LEAVES[kind])


@pytest.mark.parametrize("kind", ALL_KEYS)
def test_a_changed_signature_scope_or_method_is_refused(kind: str) -> None:
    http, leaf = signed(kind), LEAVES[kind]
    value = http.header("authorization") or ""
    last = "0" if value[-1] != "0" else "1"
    assert not matches(with_header(http, "Authorization", value[:-1] + last), leaf)
    assert not matches(with_header(http, "Authorization", value.replace(REGION, "us-east-1")), leaf)
    assert not matches(replace(http, method="PUT"), leaf)
    assert not matches(replace(http, query="roleArn=x"), leaf)


def test_another_key_is_refused() -> None:
    assert not matches(signed(), CA.issue(key=ec.generate_private_key(ec.SECP256R1())))
    assert not matches(signed(), LEAVES["ec-p384"])
    assert not matches(signed(), LEAVES["rsa-2048"])


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        ("rsa-2048", "AWS4-X509-RSA-SHA256"),
        ("ec-p256", "AWS4-X509-ECDSA-SHA256"),
        ("ec-p384", "AWS4-X509-ECDSA-SHA256"),
        *((kind, "AWS4-X509-MLDSA") for kind in MLDSA_KEYS),
    ],
)
def test_the_wire_form_is_the_guide_s(kind: str, algorithm: str) -> None:
    http = signed(kind)
    assert (http.method, http.path, http.query) == ("POST", "/sessions", "")
    assert http.header("host") == HOST
    assert http.header("x-amz-date") == "20261123T120000Z"
    assert json.loads(http.body) == {"trustAnchorArn": ANCHOR, "profileArn": PROFILE, "roleArn": ROLE}
    value = http.header("authorization") or ""
    assert value.startswith(
        f"{algorithm} Credential={SERIAL}/20261123/{REGION}/rolesanywhere/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-x509, Signature="
    )
    assert matches(by_hand(ALL_KEYS[kind], algorithm, headers=headers_of(http)), LEAVES[kind])


def test_the_time_is_told_in_utc() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=11)))
    assert signed(now=there).header("x-amz-date") == "20261123T120000Z"


def test_a_chain_is_signed_too() -> None:
    value = signed(chain=[SUB.certificate]).header("authorization") or ""
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-x509;x-amz-x509-chain," in value


def test_a_key_that_roles_anywhere_does_not_take_cannot_sign() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(ValueError, match="neither RSA, EC nor ML-DSA"):
        signed(leaf=CA.issue(key=key))
    with pytest.raises(TypeError, match="RSA, EC and ML-DSA keys only"):
        sign_with(key)


@pytest.mark.parametrize("salt", [padding.PSS.MAX_LENGTH, padding.PSS.DIGEST_LENGTH])
def test_rsa_pss_as_iamra_signs_is_taken(salt: Any) -> None:
    key = KEYS["rsa-2048"]
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    http = by_hand(
        key,
        "AWS4-X509-RSA-SHA256",
        headers=headers_of(signed("rsa-2048")),
        signature=lambda text: key.sign(text, pss, hashes.SHA256()),
    )
    assert matches(http, LEAVES["rsa-2048"])


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        ("ec-p384", "AWS4-X509-ECDSA-SHA384"),
        ("ec-p256", "AWS4-X509-ECDSA-SHA512"),
        ("rsa-2048", "AWS4-X509-RSA-SHA384"),
    ],
)
def test_a_name_with_another_hash_is_taken_when_sha256_signed(kind: str, algorithm: str) -> None:
    http = by_hand(KEYS[kind], algorithm, headers=headers_of(signed(kind)))
    assert matches(http, LEAVES[kind])


def test_other_hashes_than_sha256_are_refused() -> None:
    key = KEYS["ec-p384"]
    http = by_hand(
        key,
        "AWS4-X509-ECDSA-SHA384",
        headers=headers_of(signed("ec-p384")),
        signature=lambda text: key.sign(text, ec.ECDSA(hashes.SHA384())),
    )
    assert not matches(http, LEAVES["ec-p384"])


def test_helper_style_arns_in_the_query_with_more_signed_headers() -> None:
    arns = {"profileArn": PROFILE, "roleArn": ROLE, "trustAnchorArn": ANCHOR}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in arns.items())
    unsorted = "&".join(f"{name}={quote(arns[name], safe=':/')}" for name in reversed(arns))
    headers = headers_of(signed()) | {"Amz-Sdk-Request": "attempt=1;  max=3", "Content-Length": "2"}
    for sent in (query, unsorted):
        http = by_hand(
            KEYS["ec-p256"], "AWS4-X509-ECDSA-SHA256", query=sent, signed_query=query, headers=headers
        )
        assert matches(http)
        assert read_request(http) == REQUEST


@pytest.mark.parametrize("form", ["a=x%3Dy%20z", "a=x%253Dy%20z"])
def test_an_equals_sign_in_the_query_may_be_encoded_once_or_twice(form: str) -> None:
    http = by_hand(
        KEYS["ec-p256"],
        "AWS4-X509-ECDSA-SHA256",
        query="a=x%3Dy+z",
        signed_query=form,
        headers=headers_of(signed()),
    )
    assert matches(http)


@pytest.mark.parametrize("missing", ["host", "x-amz-date", "x-amz-x509", "x-amz-x509-chain"])
def test_the_headers_of_the_proof_must_be_signed(missing: str) -> None:
    whole = headers_of(signed(chain=[SUB.certificate]))
    part = {name: value for name, value in whole.items() if name.lower() != missing}
    http = by_hand(KEYS["ec-p256"], "AWS4-X509-ECDSA-SHA256", headers=part)
    http = replace(http, headers=(*http.headers, (missing, whole[missing.title()])))
    authorization = read_authorization(http.header("authorization") or "")
    assert authorization is not None
    assert unsigned_headers(http, authorization) == (missing,)


def test_a_header_that_is_named_as_signed_must_be_there() -> None:
    http = signed()
    less = replace(http, headers=tuple(pair for pair in http.headers if pair[0] != "Content-Type"))
    authorization = read_authorization(less.header("authorization") or "")
    assert authorization is not None
    assert unsigned_headers(less, authorization) == ("content-type",)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (KEYS["rsa-2048"].public_key(), "RSA 2048"),
        (KEYS["ec-p384"].public_key(), "EC secp384r1"),
        (ed25519.Ed25519PrivateKey.generate().public_key(), "Ed25519"),
        (None, "unreadable"),
        *((key.public_key(), kind.removesuffix("PrivateKey")) for kind, key in MLDSA_KEYS.items()),
    ],
)
def test_keys_are_told_by_kind_and_size(key: Any, told: str) -> None:
    assert describe_key(key) == told


@pytest.mark.parametrize(
    ("algorithm", "family"),
    [
        ("AWS4-X509-RSA-SHA256", "RSA"),
        ("AWS4-X509-ECDSA-SHA256", "ECDSA"),
        ("AWS4-X509-ECDSA-SHA384", "ECDSA"),
        ("AWS4-X509-RSA-SHA512", "RSA"),
        ("AWS4-X509-MLDSA", "MLDSA"),
        ("AWS4-X509-ECDSA-SHA1", None),
        ("AWS4-X509-MLDSA-SHA256", None),
        ("AWS4-HMAC-SHA256", None),
        ("x AWS4-X509-MLDSA", None),
    ],
)
def test_algorithms(algorithm: str, family: str | None) -> None:
    assert algorithm_family(algorithm) == family


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AWS4-X509-RSA-SHA256",
        "AWS4-X509-RSA-SHA256 Credential=1/a, SignedHeaders=host",
        "AWS4-X509-RSA-SHA256 Credential=1/a, SignedHeaders=host, Signature=xyz",
        "AWS4-X509-RSA-SHA256 Credential=1/a, SignedHeaders=host, Signature=abc",
        "AWS4-X509-RSA-SHA256 SignedHeaders=host, Credential=1/a, Signature=ab",
        "Bearer abc",
    ],
)
def test_other_authorization_headers_are_none(text: str) -> None:
    assert read_authorization(text) is None


def test_the_parts_of_an_authorization_header() -> None:
    found = read_authorization("ALG Credential=12/20261123/r/s/t,SignedHeaders=a;b,Signature=00FF")
    assert found is not None
    assert (found.algorithm, found.serial, found.scope) == ("ALG", "12", "20261123/r/s/t")
    assert (found.signed_headers, found.signature) == (("a", "b"), b"\x00\xff")


@pytest.mark.parametrize("text", ["", "2026-11-23T12:00:00Z", "20261123T120000", "20261323T120000Z"])
def test_other_dates_are_none(text: str) -> None:
    assert request_time(with_header(signed(), "X-Amz-Date", text)) is None
