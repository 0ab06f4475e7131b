"""A CreateSession request: what it asks for, and the certificates it bears.

Source: AWS IAM Roles Anywhere User Guide, "CreateSession" and "Signing process". No SDK models the operation; limits of
the members that other operations share are those of the botocore model rolesanywhere 2018-05-10, of the session's name
those of sts 2011-06-15. The wording of violations is Smithy's.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from cryptography import x509

from iam_ra.anywhere.refusal import RequestRefusedError, denied, invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CERTIFICATE_HEADER = "x-amz-x509"
CHAIN_HEADER = "x-amz-x509-chain"
LEAST_DURATION, MOST_DURATION = 900, 43_200
MAX_ARN = 1011
MAX_PROPERTIES, MAX_PROPERTY = 50, 200
SESSION_NAME_LENGTHS = (2, 64)
SESSION_NAME_PATTERN = r"[\w+=,.@-]*"
ARN_PATTERNS = {
    "profileArn": r"arn:aws(-[^:]+)?:rolesanywhere(:.*){2}(:profile/.*)",
    "roleArn": r"arn:aws(-[^:]+)?:iam(:.*){2}(:role.*)",
    "trustAnchorArn": r"arn:aws(-[^:]+)?:rolesanywhere(:.*){2}(:trust-anchor/.*)",
}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request; `query` is the part after the question mark as it was sent, header names are in any case."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header's value, or None; values of repeated headers are joined by commas."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a CreateSession request asks for; the duration is in seconds."""

    trust_anchor_arn: str
    profile_arn: str
    role_arn: str
    duration_seconds: int | None = None
    role_session_name: str | None = None
    instance_properties: Mapping[str, str] = field(default_factory=dict)

    def members(self) -> dict[str, Any]:
        """Return the request as the service names its members, without those that are not set."""
        members = {
            "durationSeconds": self.duration_seconds,
            "instanceProperties": dict(self.instance_properties) or None,
            "profileArn": self.profile_arn,
            "roleArn": self.role_arn,
            "roleSessionName": self.role_session_name,
            "trustAnchorArn": self.trust_anchor_arn,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class PresentedCertificates:
    """The leaf of a request and the certificates that came with it, in the order of the header."""

    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]


def read_request(http: HttpRequest) -> SessionRequest:
    """Read what a request asks for: ARNs from the query or the body, everything else from the body.

    `sessionName`, which is deprecated, and members that nobody knows are passed over. Raises RequestRefusedError.
    """
    # UNCERTAIN: merge-conflict: the query wins.
    query = {
        name: value for name, value in parse_qsl(http.query, keep_blank_values=True) if name in ARN_PATTERNS
    }
    members = _body(http.body) | query
    problems = _type_problems(members) or model_problems(members)
    if problems:
        raise RequestRefusedError(invalid(violation(problems)))
    return SessionRequest(
        trust_anchor_arn=members["trustAnchorArn"],
        profile_arn=members["profileArn"],
        role_arn=members["roleArn"],
        duration_seconds=members.get("durationSeconds"),
        role_session_name=members.get("roleSessionName"),
        instance_properties=members.get("instanceProperties") or {},
    )


def read_certificates(http: HttpRequest) -> PresentedCertificates:
    """Read the certificates of a request's headers. Raises RequestRefusedError."""
    # UNCERTAIN: refusal-texts: how AWS words a missing or unreadable certificate is not known.
    leaf = http.header(CERTIFICATE_HEADER)
    if not leaf:
        raise RequestRefusedError(denied("Missing X-Amz-X509 header"))
    chain = http.header(CHAIN_HEADER)
    return PresentedCertificates(
        _certificate(leaf, "X-Amz-X509"),
        tuple(_certificate(each, "X-Amz-X509-Chain") for each in chain.split(",")) if chain else (),
    )


def model_problems(members: Mapping[str, Any]) -> tuple[str, ...]:
    """Return how the members break the limits of the model, in Smithy's words; empty when they do not."""
    return tuple(_model_problems(members))


def violation(problems: Iterable[str]) -> str:
    """Return the message of a ValidationException about these problems."""
    listed = list(problems)
    return f"{len(listed)} validation error{'s' if len(listed) > 1 else ''} detected: " + "; ".join(listed)


def _body(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        # UNCERTAIN: malformed-request: code and words are assumed.
        raise RequestRefusedError(invalid("Unable to parse the request body: it must be a JSON object."))
    return {name: value for name, value in read.items() if value is not None}


def _type_problems(members: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"Value at '{name}' failed to satisfy constraint: Member must be of type {kind.__name__}"
        for name, kind in (
            *((name, str) for name in (*ARN_PATTERNS, "roleSessionName")),
            ("durationSeconds", int),
        )
        if name in members and (not isinstance(members[name], kind) or isinstance(members[name], bool))
    ) + _property_problems(members.get("instanceProperties", {}))


def _property_problems(properties: Any) -> tuple[str, ...]:
    if isinstance(properties, dict) and all(isinstance(each, str) for each in properties.values()):
        return ()
    return ("Value at 'instanceProperties' failed to satisfy constraint: Member must be a map of strings",)


def _model_problems(members: Mapping[str, Any]) -> Iterator[str]:
    for name, regex in ARN_PATTERNS.items():
        value = members.get(name)
        if value is None:
            yield f"Value at '{name}' failed to satisfy constraint: Member must not be null"
        else:
            yield from _text(name, value, (1, MAX_ARN), regex)
    seconds = members.get("durationSeconds")
    if seconds is not None:
        yield from _range("durationSeconds", seconds, seconds, (LEAST_DURATION, MOST_DURATION), "value")
    session_name = members.get("roleSessionName")
    if session_name is not None:
        yield from _text("roleSessionName", session_name, SESSION_NAME_LENGTHS, SESSION_NAME_PATTERN)
    properties = members.get("instanceProperties") or {}
    yield from _range("instanceProperties", properties, len(properties), (0, MAX_PROPERTIES), "length")
    for key, value in properties.items():
        yield from _range(f"instanceProperties.{key}.key", key, len(key), (1, MAX_PROPERTY), "length")
        yield from _range(f"instanceProperties.{key}.member", value, len(value), (1, MAX_PROPERTY), "length")


def _text(place: str, value: str, lengths: tuple[int, int], regex: str) -> Iterator[str]:
    yield from _range(place, value, len(value), lengths, "length")
    if not re.fullmatch(regex, value, re.ASCII):
        yield _failed(place, value, f"satisfy regular expression pattern: {regex}")


def _range(place: str, value: Any, measure: int, limits: tuple[int, int], noun: str) -> Iterator[str]:
    least, most = limits
    if measure < least:
        yield _failed(place, value, f"have {noun} greater than or equal to {least}")
    if measure > most:
        yield _failed(place, value, f"have {noun} less than or equal to {most}")


def _failed(place: str, value: Any, constraint: str) -> str:
    return f"Value '{value}' at '{place}' failed to satisfy constraint: Member must {constraint}"


def _certificate(text: str, header: str) -> x509.Certificate:
    try:
        read = x509.load_der_x509_certificate(base64.b64decode(text.strip(), validate=True))
        # Names and dates are parsed only when they are asked for.
        _ = (read.subject, read.issuer, read.not_valid_before_utc, read.not_valid_after_utc)
    except (ValueError, x509.InvalidVersion):
        raise RequestRefusedError(
            invalid(f"Unable to parse {header}: it must hold base64-encoded DER certificates.")
        ) from None
    return read
