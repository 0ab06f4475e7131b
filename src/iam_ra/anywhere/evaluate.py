"""CreateSession's checks, in the order of the service, walked over one situation.

That path, validity and revocation come before the role's trust policy is known from field tests; the rest of the order
is inferred from the User Guide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iam_ra.anywhere import certificate_checks as certificate
from iam_ra.anywhere import request_checks as request
from iam_ra.anywhere import role_checks as role
from iam_ra.anywhere.refusal import denied, invalid, not_found
from iam_ra.anywhere.situation import Check, CheckResult, Outcome, Situation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.anywhere.refusal import Refusal

MISSIGNED = denied("The request signature does not match the request or the certificate")
UNTRUSTED = denied("Untrusted signing certificate")
UNABLE = denied("Unable to assume role for {arn}")
TRUST_FIX = (
    "Give the host the role in iam-ra.yaml and apply; a policy takes some seconds to spread. A policy of another make "
    "must allow rolesanywhere.amazonaws.com sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity for this trust "
    "anchor (aws:SourceArn) and this name (aws:PrincipalTag/x509Subject/CN); `iam-ra explain` shows what each of its "
    "statements compared."
)

CHECKS: tuple[Check, ...] = (
    Check(
        "request",
        "The request keeps the limits of the API",
        request.members,
        invalid("{violation}"),
        "Ask for 900 to 43200 seconds and name the trust anchor, the profile and the role by their full ARNs.",
        uncertain=("malformed-request", "merge-conflict"),
    ),
    Check(
        "authorization",
        "The Authorization header is of the form that the certificate's key asks for",
        request.authorization,
        MISSIGNED,
        "Give the client the certificate and the private key that belong together; after a change between RSA and EC "
        "keys restart it.",
        signed=True,
        uncertain=("refusal-texts", "algorithm-token", "key-kinds"),
    ),
    Check(
        "signed-headers",
        "The headers that carry the proof are signed",
        request.signed_headers,
        MISSIGNED,
        "Update the client: it must sign Host, X-Amz-Date, X-Amz-X509 and X-Amz-X509-Chain.",
        needs=("authorization",),
        signed=True,
        uncertain=("refusal-texts", "signed-headers"),
    ),
    Check(
        "credential",
        "The Credential names the certificate and the scope",
        request.credential,
        MISSIGNED,
        "Update the client: Credential is the serial number in decimal, then date/Region/rolesanywhere/aws4_request "
        "with the trust anchor's Region.",
        needs=("request", "authorization", "signed-headers"),
        signed=True,
        uncertain=("refusal-texts",),
    ),
    Check(
        "request-date",
        "The request was made just now",
        request.date,
        denied("The request's X-Amz-Date is too far from the current time"),
        "Set the clock of the host: `timedatectl set-ntp true`.",
        needs=("signed-headers",),
        signed=True,
        uncertain=("refusal-texts", "clock-skew"),
    ),
    Check(
        "signature",
        "The certificate's key signed the request",
        request.signature,
        MISSIGNED,
        "Give the client the private key of this certificate, and let no proxy change the request on its way.",
        needs=("authorization", "signed-headers"),
        signed=True,
        uncertain=("refusal-texts", "rsa-pss", "query-encoding"),
    ),
    Check(
        "trust-anchor-exists",
        "The trust anchor exists",
        certificate.anchor_exists,
        not_found("Trust anchor {arn} does not exist"),
        "Run `iam-ra plan`: the trust anchor was not made yet, or is gone. Check the Region and account of the ARN.",
        uncertain=("refusal-texts",),
    ),
    Check(
        "trust-anchor-enabled",
        "The trust anchor is enabled",
        certificate.anchor_enabled,
        denied("Trust anchor is disabled"),
        "Take `disabled: true` of the authority out of iam-ra.yaml, if it is there, and run `iam-ra apply`; or `aws "
        "rolesanywhere enable-trust-anchor --trust-anchor-id ID`.",
        needs=("trust-anchor-exists",),
        uncertain=("refusal-texts",),
    ),
    Check(
        "chain-length",
        "At most five certificates come with the leaf",
        certificate.chain_length,
        UNTRUSTED,
        "Send only the intermediates between the leaf and the trust anchor.",
        uncertain=("refusal-texts",),
    ),
    Check(
        "path",
        "A path of signatures leads from the certificate to the trust anchor",
        certificate.path,
        UNTRUSTED,
        "Present a certificate that the trust anchor's authority issued, and with it every intermediate "
        "(`aws_signing_helper --intermediates FILE`; the rest of the certificate's own file is not sent).",
        needs=("trust-anchor-exists", "chain-length"),
        uncertain=("anchor-path", "anchor-three", "unread-extensions", "leaf-in-chain", "mldsa-authority"),
    ),
    Check(
        "validity",
        "Every certificate of the path is valid now",
        certificate.validity,
        denied("Untrusted certificate. Certificate is not valid at this time"),
        "Run `iam-ra apply` to renew what has expired; if it looks valid, set the clock.",
        needs=("path",),
        uncertain=("refusal-texts", "anchor-path"),
    ),
    Check(
        "leaf",
        "The certificate is fit to be a leaf",
        certificate.leaf,
        denied("Untrusted certificate. Insufficient certificate"),
        "Issue the certificate anew: X.509 version 3, no CA, keyUsage with digitalSignature, signed with SHA-256 or "
        "stronger, a subject, an RSA, EC or ML-DSA key.",
        uncertain=("key-kinds", "unread-extensions"),
    ),
    Check(
        "revocation",
        "No enabled list of the trust anchor revokes the certificate",
        certificate.revocation,
        denied("Certificate revoked"),
        "A revoked certificate stays revoked: see that the host uses the present one. `iam-ra apply --renew host/NAME` "
        "issues another.",
        needs=("path",),
        uncertain=("crl-expired", "crl-issuer", "crl-der"),
    ),
    Check(
        "profile-exists",
        "The profile exists",
        role.profile_exists,
        not_found("Profile {arn} does not exist"),
        "Run `iam-ra plan`: the profile was not made yet, or is gone. Check the Region and account of the ARN.",
        uncertain=("refusal-texts",),
    ),
    Check(
        "profile-enabled",
        "The profile is enabled",
        role.profile_enabled,
        denied("Profile is disabled"),
        "Take `disabled: true` of the role out of iam-ra.yaml, if it is there, and run `iam-ra apply`; or `aws "
        "rolesanywhere enable-profile --profile-id ID`.",
        needs=("profile-exists",),
        uncertain=("refusal-texts",),
    ),
    Check(
        "same-account",
        "Trust anchor, profile and role belong together",
        role.same_account,
        denied(
            "Trust anchor, profile and role must be in one account, trust anchor and profile in one Region"
        ),
        "Take the three ARNs from one namespace: `iam-ra export HOST`.",
        needs=("request",),
        uncertain=("refusal-texts",),
    ),
    Check(
        "role-listed",
        "The profile lists the role",
        role.role_listed,
        denied("Role {arn} is not listed in the profile"),
        "Use the role's own profile; iam-ra makes one for each role.",
        needs=("profile-exists",),
        uncertain=("refusal-texts",),
    ),
    Check(
        "session-name",
        "The profile lets the client choose the session's name, if it does",
        role.session_name,
        denied("Not authorized to set roleSessionName"),
        "Leave `--role-session-name` out, or give the role `accept_role_session_name: true`.",
        needs=("profile-exists",),
    ),
    Check(
        "role-exists",
        "The role exists",
        role.role_exists,
        UNABLE,
        "Run `iam-ra plan`: the role was not made yet, or is gone.",
        uncertain=("sts-reason",),
    ),
    Check(
        "duration",
        "The role allows sessions of this length",
        role.duration,
        UNABLE,
        "Ask for less (`aws_signing_helper --session-duration SECONDS`; left out, it asks for 3600), or raise the role's "
        "`session_duration`.",
        needs=("profile-exists", "role-exists"),
        uncertain=("sts-reason", "duration-text"),
    ),
    Check(
        "session-policies",
        "STS takes the policies that narrow the profile's sessions",
        role.session_policies,
        denied("Unable to assume role for {arn}: {reason}"),
        "Shorten the role's `session_policy` and apply. A profile of another make: leave it at most 10 managed policies, "
        "and its session policy and their ARNs at most 2048 characters, white space included; Roles Anywhere takes more, "
        "and STS then refuses every session.",
        needs=("profile-exists", "role-exists"),
        uncertain=("sts-reason",),
    ),
    Check(
        "source-identity",
        "STS takes the certificate's name as source identity",
        role.source_identity,
        UNABLE,
        "Issue the certificate with a common name of 1 to 61 letters, digits and `_+=,.@-`.",
        uncertain=("sts-reason", "several-common-names", "source-identity-pattern"),
    ),
    Check(
        "session-tags",
        "The certificate's names become session tags",
        role.tags,
        UNABLE,
        "",
        needs=("profile-exists", "leaf"),
        uncertain=("attribute-names", "tag-order", "mapping-beside-wildcard"),
    ),
    *(
        Check(
            check_id,
            f"The role's trust policy allows {action}",
            role.trusts(action),
            UNABLE,
            TRUST_FIX,
            needs=("request", "leaf", "profile-exists", "role-exists"),
            uncertain=(
                "sts-reason",
                "action-keys",
                "any-principal",
                "token-issue-time",
                "unresolved-variable",
                "all-three-actions",
                "session-name-padding",
            ),
        )
        for check_id, action in (
            ("trust-assume-role", role.ASSUME_ROLE),
            ("trust-tag-session", role.TAG_SESSION),
            ("trust-set-source-identity", role.SET_SOURCE_IDENTITY),
        )
    ),
)


def walk(situation: Situation) -> Iterator[CheckResult]:
    """Make the checks one by one, as they are asked for; one that needs what is not there is skipped."""
    passed: set[str] = set()
    for check in CHECKS:
        if check.signed and situation.http is None:
            continue
        result = _skipped(check, passed) or _made(check, situation)
        if result.passed:
            passed.add(check.id)
        yield result


def evaluate(situation: Situation) -> tuple[CheckResult, ...]:
    """Make every check, also after a failed one."""
    return tuple(walk(situation))


def first_refusal(situation: Situation) -> CheckResult | None:
    """Return the first check that fails, whose refusal is the service's answer, or None: the session is granted.

    Checks after the first failure are not made, as in the service.
    """
    return next((result for result in walk(situation) if not result.passed), None)


def _skipped(check: Check, passed: set[str]) -> CheckResult | None:
    missing = [need for need in check.needs if need not in passed]
    if not missing:
        return None
    compared = (f"not checked: it needs {', '.join(missing)}",)
    return CheckResult(check.id, check.title, Outcome.SKIPPED, compared, uncertain=check.uncertain)


def _made(check: Check, situation: Situation) -> CheckResult:
    finding = check.run(situation)
    if finding.passed:
        return CheckResult(check.id, check.title, Outcome.PASSED, finding.compared, uncertain=check.uncertain)
    return CheckResult(
        check.id,
        check.title,
        Outcome.FAILED,
        finding.compared,
        _worded(check.answer, finding.words),
        check.fix,
        check.uncertain,
    )


def _worded(answer: Refusal, words: Mapping[str, str]) -> Refusal:
    return replace(answer, message=answer.message.format(**words))
