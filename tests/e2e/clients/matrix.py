"""What is tried with each client: the keys and the cases, and what each must come to.

The tests run every cell, the page docs/compatibility.md is written from the same tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from tests.e2e.clients import clients
from tests.e2e.clients.estate import AGO, BOSS, HOST, Attempt, Authority, Estate, look_alike

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.clients.clients import Machine, Outcome

    from iam_ra.pki.keys import KeyAlgorithm

Setup: TypeAlias = "Callable[[Estate, KeyAlgorithm], Attempt]"

KEYS: dict[KeyAlgorithm, str] = {"ec-p256": "EC P-256", "ec-p384": "EC P-384", "rsa-2048": "RSA 2048"}
# The kind of key changes how a request is signed, not what comes of it: one kind will do for the cases.
CASE_KEY: KeyAlgorithm = "ec-p256"

UNTRUSTED = "Untrusted signing certificate"
EXPIRED = "Untrusted certificate. Certificate is not valid at this time"
NO_ROLE = "Unable to assume role for {role}"


@dataclass(frozen=True, slots=True)
class Client:
    """A client as its users run it: what they type, the tool that it needs, and how to run it here."""

    title: str
    tool: str | None
    run: Callable[[Machine, Attempt], Outcome]
    quirk: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """What a host comes with. `says` is what the service answers; without it, the role opens."""

    title: str
    setup: Setup
    says: str | None = None


CLIENTS = {
    "credential-process": Client(
        "`aws_signing_helper credential-process --endpoint http://…`",
        "aws_signing_helper",
        clients.credential_process_http,
        "`aws_signing_helper credential-process` asks for 3600 seconds unless told otherwise, whatever the profile says. Of "
        "the file given as `--certificate` it sends the first certificate only; intermediates need `--intermediates`. It "
        "reads `~/.aws/config` too: with `AWS_PROFILE` set it refuses to start when it cannot read that profile, such as "
        "one whose name stands in quotes. It believes `AWS_CA_BUNDLE`.",
    ),
    "credential-process-https": Client(
        "`aws_signing_helper credential-process`, `AWS_ENDPOINT_URL=https://…`, `AWS_CA_BUNDLE`",
        "aws_signing_helper",
        clients.credential_process_https,
    ),
    "serve": Client(
        "`aws_signing_helper serve`, boto3 by IMDSv2",
        "aws_signing_helper",
        clients.serve,
        "`aws_signing_helper serve` starts to listen although it is refused, and answers clients with empty credentials; boto3 then fails with "
        "`OverflowError: date value out of range`. The service's words are on the standard error of `serve`. It hands "
        "out no Region, so its clients need `AWS_REGION` (boto3: `AWS_DEFAULT_REGION`).",
    ),
    "iam-rolesanywhere-session": Client(
        "`iam-rolesanywhere-session`",
        None,
        clients.python_session,
        "`iam-rolesanywhere-session` speaks HTTPS only: `endpoint` is a host and a port. It asks for its authority by `verify`, not by "
        "`AWS_CA_BUNDLE`. The algorithm that it names follows the hash in the certificate's own signature, so that "
        "iam-ra signs certificates with SHA-256 only.",
    ),
    "boto3": Client(
        "boto3, `credential_process` in `~/.aws/config`", "aws_signing_helper", clients.boto3_profile
    ),
    "aws-cli": Client(
        "AWS CLI, `credential_process` in `~/.aws/config`", "aws_signing_helper", clients.aws_cli
    ),
}


def its_role(estate: Estate, algorithm: KeyAlgorithm) -> Attempt:
    return estate.attempt(estate.authority.sign(HOST, algorithm), algorithm)


def its_second_role(estate: Estate, algorithm: KeyAlgorithm) -> Attempt:
    return estate.attempt(estate.authority.sign(HOST, algorithm), algorithm, role="writer")


def through_an_intermediate(estate: Estate, algorithm: KeyAlgorithm) -> Attempt:
    root, intermediate = look_alike(Authority("company"))
    anchor = estate.anchor_of(root)
    estate.trust("reader", {anchor: [HOST]})
    return estate.attempt(
        intermediate.sign(HOST, algorithm), algorithm, anchor=anchor, intermediate=intermediate.certificate
    )


def wrong_role(estate: Estate, algorithm: KeyAlgorithm) -> Attempt:
    return estate.attempt(estate.authority.sign(HOST, algorithm), algorithm, role="admin")


def expired(estate: Estate, algorithm: KeyAlgorithm) -> Attempt:
    return estate.attempt(
        estate.authority.sign(HOST, algorithm, at=AGO + timedelta(days=1), days=1), algorithm
    )


def revoked(estate: Estate, algorithm: KeyAlgorithm) -> Attempt:
    certificate = estate.authority.sign(HOST, algorithm)
    estate.revoke(certificate)
    return estate.attempt(certificate, algorithm)


def another_authority(estate: Estate, algorithm: KeyAlgorithm) -> Attempt:
    return estate.attempt(estate.other.sign(HOST, algorithm), algorithm)


def same_identity_elsewhere(estate: Estate, algorithm: KeyAlgorithm) -> Attempt:
    """The certificate is good and its anchor trusted, but the role's policy binds the name to the other anchor."""
    return estate.attempt(estate.other.sign(HOST, algorithm), algorithm, anchor=estate.other_anchor)


def foreign_intermediate(estate: Estate, algorithm: KeyAlgorithm) -> Attempt:
    _, intermediate = look_alike(estate.authority)
    return estate.attempt(
        intermediate.sign(HOST, algorithm), algorithm, intermediate=intermediate.certificate
    )


def role_taken_away(estate: Estate, algorithm: KeyAlgorithm) -> Attempt:
    attempt = its_role(estate, algorithm)
    estate.trust("reader", {estate.anchor: [BOSS]})
    return attempt


CASES = {
    "its-role": Case("its role", its_role),
    "second-role": Case("its second role, with the same certificate", its_second_role),
    "intermediate": Case("its role, through an intermediate of its authority", through_an_intermediate),
    "wrong-role": Case("a role of another host", wrong_role, NO_ROLE),
    "role-taken": Case("a role that was its own a moment ago", role_taken_away, NO_ROLE),
    "expired": Case("an expired certificate", expired, EXPIRED),
    "revoked": Case("a revoked certificate", revoked, "Certificate revoked"),
    "other-authority": Case("a certificate of another authority", another_authority, UNTRUSTED),
    "same-identity": Case(
        "the same identity from another authority, by that one's trust anchor",
        same_identity_elsewhere,
        NO_ROLE,
    ),
    "foreign-intermediate": Case(
        "a chain through a foreign intermediate of the authority's name", foreign_intermediate, UNTRUSTED
    ),
}
