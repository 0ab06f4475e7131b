"""The checks of the request itself: its members and its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.anywhere.arn import parse_arn
from iam_ra.anywhere.keys import certificate_key, describe_key, key_family
from iam_ra.anywhere.request import model_problems, violation
from iam_ra.anywhere.signature import (
    DATE_HEADER,
    MAX_SKEW,
    algorithm_family,
    credential_scope,
    read_authorization,
    request_time,
    signature_matches,
    unsigned_headers,
)
from iam_ra.anywhere.situation import Finding

if TYPE_CHECKING:
    from iam_ra.anywhere.request import HttpRequest
    from iam_ra.anywhere.signature import Authorization
    from iam_ra.anywhere.situation import Situation


def members(situation: Situation) -> Finding:
    """Hold the members against the limits of the API."""
    given = situation.request.members()
    problems = model_problems(given)
    compared = problems or tuple(f"{name}: {value}" for name, value in given.items())
    return Finding(not problems, compared, {"violation": violation(problems)})


def authorization(situation: Situation) -> Finding:
    """Read the Authorization header and hold its algorithm against the key."""
    header = _http(situation).header("authorization") or ""
    found = read_authorization(header)
    if found is None:
        form = "ALGORITHM Credential=SERIAL/SCOPE, SignedHeaders=a;b, Signature=HEX"
        return Finding(False, (f"the Authorization header must be `{form}`",))
    key = certificate_key(situation.leaf)
    family = algorithm_family(found.algorithm)
    compared = f"algorithm {found.algorithm}; the certificate's key is {describe_key(key)}"
    return Finding(family is not None and family == key_family(key), (compared,))


def signed_headers(situation: Situation) -> Finding:
    """Demand that the headers which carry the proof are signed."""
    http = _http(situation)
    found = _authorization(situation)
    unsigned = unsigned_headers(http, found)
    compared = [f"signed: {', '.join(found.signed_headers)}"]
    if unsigned:
        compared.append(f"not signed, or signed and not sent: {', '.join(unsigned)}")
    return Finding(not unsigned, tuple(compared))


def credential(situation: Situation) -> Finding:
    """Hold the Credential against the certificate's serial number and the request's date and Region."""
    found = _authorization(situation)
    serial = str(situation.leaf.serial_number)
    date = (_http(situation).header(DATE_HEADER) or "")[:8]
    scope = credential_scope(date, parse_arn(situation.request.trust_anchor_arn).region)
    compared = (
        f"serial number {found.serial}; the certificate's is {serial} (decimal)",
        f"scope {found.scope}; it must be {scope}",
    )
    return Finding(found.serial == serial and found.scope == scope, compared)


def date(situation: Situation) -> Finding:
    """Hold X-Amz-Date against the clock."""
    sent = request_time(_http(situation))
    if sent is None:
        return Finding(False, ("X-Amz-Date must be YYYYMMDDTHHMMSSZ",))
    minutes = int(MAX_SKEW.total_seconds()) // 60
    compared = f"X-Amz-Date {sent:%Y-%m-%d %H:%M:%S}; now {situation.now:%Y-%m-%d %H:%M:%S}; at most {minutes} minutes off"
    return Finding(abs(situation.now - sent) <= MAX_SKEW, (compared,))


def signature(situation: Situation) -> Finding:
    """Verify the signature with the certificate's key."""
    passed = signature_matches(_http(situation), _authorization(situation), situation.leaf)
    verb = "was" if passed else "was not"
    return Finding(passed, (f"the request {verb} signed as it was sent, by the key of the certificate",))


def _http(situation: Situation) -> HttpRequest:
    if situation.http is None:
        raise LookupError("there is no signed request in this situation")
    return situation.http


def _authorization(situation: Situation) -> Authorization:
    found = read_authorization(_http(situation).header("authorization") or "")
    if found is None:
        raise LookupError("the Authorization header is of another form")
    return found
