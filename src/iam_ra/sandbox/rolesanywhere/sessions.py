"""CreateSession, the data plane: HTTP in, the rules of `anywhere/` over what is stored here, HTTP out.

No SDK models the operation, so it has no method of the response class. Source: AWS IAM Roles Anywhere user guide,
"CreateSession"; rolesanywhere-credential-helper v1.8 (header names, shape of the answer).
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.moto_api._internal import mock_random

from iam_ra.anywhere.evaluate import walk
from iam_ra.anywhere.refusal import Refusal, RequestRefusedError
from iam_ra.anywhere.request import HttpRequest, read_certificates, read_request
from iam_ra.anywhere.situation import Situation
from iam_ra.pki.certificate import certificate_pem
from iam_ra.sandbox import clock
from iam_ra.sandbox.rolesanywhere import stored
from iam_ra.sandbox.rolesanywhere.credentials import Grant, RoleSession, issue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iam_ra.anywhere.situation import CheckResult
    from iam_ra.sandbox.rolesanywhere.subjects import Subject

log = logging.getLogger("iam_ra.sandbox")

CREATED = 201
# Of checks that have passed, the last that says who the certificate's holder is. Subjects are kept from there on.
AUTHENTICATED = "leaf"
# The check that X-Amz-Date is the present. No other check needs that it passed.
SKEW = "request-date"
NOT_POST = Refusal(405, "UnknownOperationException", "Sessions are created by POST.")

Response = tuple[int, dict[str, str], str]


def create_session(request: Any, full_url: str, headers: Any) -> Response:
    """Answer one request, in the form in which moto calls the handler of a URL."""
    del full_url, headers
    http = HttpRequest(
        request.method,
        request.path,
        request.query_string.decode("latin-1"),
        tuple(request.headers.items()),
        request.get_data(),
    )
    if http.method != "POST":
        return _refused(NOT_POST, "method")
    try:
        situation = _situation(http)
    except RequestRefusedError as error:
        return _refused(error.refusal, "request")
    return _judged(situation)


def _situation(http: HttpRequest) -> Situation:
    asked, presented = read_request(http), read_certificates(http)
    return Situation(
        request=asked,
        leaf=presented.leaf,
        chain=presented.chain,
        trust_anchor=stored.trust_anchor(asked.trust_anchor_arn),
        profile=stored.profile(asked.profile_arn),
        role=stored.role(asked.role_arn),
        now=clock.now(),
        http=http,
    )


def _judged(situation: Situation) -> Response:
    authenticated = False
    for result in _checks(situation):
        if not result.passed:
            if authenticated:
                _seen(situation, failed=True)
            return _failed(result)
        authenticated = authenticated or result.id == AUTHENTICATED
    subject = _seen(situation, failed=False)
    return _opened(situation, subject)


def _checks(situation: Situation) -> Iterator[CheckResult]:
    """Make the checks by the sandbox's clock; a request may also bear the real time, which clients other than iam-ra know."""
    if not clock.is_shifted():
        yield from walk(situation)
        return
    real = walk(replace(situation, now=datetime.now(UTC)))
    for result, in_real_time in zip(walk(situation), real, strict=True):
        yield in_real_time if result.id == SKEW and not result.passed else result


def _seen(situation: Situation, *, failed: bool) -> Subject:
    leaf = situation.leaf
    backend = stored.backend(situation.request.trust_anchor_arn)
    return backend.subjects.record(
        x509_subject=leaf.subject.rfc4514_string(),
        serial=str(leaf.serial_number),
        issuer=leaf.issuer.rfc4514_string(),
        certificate=certificate_pem(leaf),
        failed=failed,
    )


def _opened(situation: Situation, subject: Subject) -> Response:
    session = situation.session()
    grant = Grant(
        role_arn=situation.request.role_arn,
        region=stored.region(situation.request.trust_anchor_arn),
        session_name=session.name,
        source_identity=session.source_identity,
        duration_seconds=session.duration_seconds,
        tags=session.tags.kept,
        policy=session.policy,
        policy_arns=session.policy_arns,
    )
    body = {"credentialSet": [_credentials(issue(grant), grant)], "subjectArn": subject.arn}
    return CREATED, _headers(), json.dumps(body)


def _credentials(opened: RoleSession, grant: Grant) -> dict[str, Any]:
    return {
        "assumedRoleUser": {"arn": opened.arn, "assumedRoleId": opened.user_id},
        "credentials": {
            "accessKeyId": opened.access_key_id,
            "secretAccessKey": opened.secret_access_key,
            "sessionToken": opened.session_token,
            "expiration": f"{opened.end:%Y-%m-%dT%H:%M:%SZ}",
        },
        "packedPolicySize": grant.packed_policy_size,
        "roleArn": grant.role_arn,
        "sourceIdentity": grant.source_identity,
    }


def _failed(result: CheckResult) -> Response:
    if result.refusal is None:
        raise RuntimeError(f"the check {result.id} failed without an answer")
    return _refused(result.refusal, result.id)


def _refused(refusal: Refusal, check: str) -> Response:
    # The check's id alone: what was compared names hosts and roles, which a log must not.
    log.info("rolesanywhere CreateSession refused by %s", check)
    return (
        refusal.status,
        _headers() | {"x-amzn-errortype": refusal.code},
        json.dumps({"message": refusal.message}),
    )


def _headers() -> dict[str, str]:
    return {"Content-Type": "application/json", "x-amzn-RequestId": str(mock_random.uuid4())}
