"""The trust policy of a role: who may take it, said in the one safe shape.

One statement for each authority, holding its trust anchor and its own identities, so that an identity counts only
together with the authority that vouches for it; or, where the certificates themselves say their roles, the authority
and this role's name. Never `StringNotEquals`: a tag that the service drops would turn it true. Source of the actions and
keys: AWS IAM Roles Anywhere User Guide, "Trust model".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SERVICE_PRINCIPAL = "rolesanywhere.amazonaws.com"
ACTIONS = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
IDENTITY_TAG = "aws:PrincipalTag/x509Subject/CN"
UNIT_TAG = "aws:PrincipalTag/x509Subject/OU"
# Before the first role and after the last, so that every role stands between two slashes.
SENTINEL = "iam-ra"


@dataclass(frozen=True, slots=True)
class Unit:
    """Whoever's certificate has this role among its organizational units, whatever its name."""

    role: str


def units_of(roles: Iterable[str]) -> tuple[str, ...]:
    """Return the organizational units by which a certificate says roles, in the order that it has them; none for none."""
    names = sorted(set(roles))
    return (SENTINEL, *names, SENTINEL) if names else ()


def units_tag(roles: Iterable[str]) -> str:
    """Return the session tag that a certificate's organizational units become: joined by `/`, in its order."""
    return "/".join(units_of(roles))


def trust_policy(trusted: Mapping[str, Iterable[str] | Unit]) -> dict[str, Any]:
    """Return the trust policy document that says by whom a role is taken, with which trust anchor.

    `trusted` maps a trust anchor's ARN to the common names that its authority vouches for, or to the unit that
    certificates must have. Anchors without identities are left out; when nobody is left, the policy denies everybody
    (a document without a statement is not valid, and an Allow without identities would be open to all).
    """
    conditions = {anchor: _condition(who) for anchor, who in sorted(trusted.items())}
    statements = [_allow(anchor, each) for anchor, each in conditions.items() if each]
    return {"Version": "2012-10-17", "Statement": statements or [_deny_everybody()]}


def policy_size(document: Mapping[str, Any]) -> int:
    """Return the characters that IAM counts against the trust-policy quota: all but white space.

    Source: AWS IAM User Guide, "IAM and AWS STS quotas" (white space is not counted).
    """
    return sum(not character.isspace() for character in json.dumps(document, ensure_ascii=False))


def _condition(who: Iterable[str] | Unit) -> dict[str, Any]:
    """Return what a certificate must say, or nothing when no certificate can."""
    if isinstance(who, Unit):
        return {"StringLike": {UNIT_TAG: f"*/{who.role}/*"}}
    names = sorted(set(who))
    return {"StringEquals": {IDENTITY_TAG: names}} if names else {}


def _allow(anchor: str, condition: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE_PRINCIPAL},
        "Action": list(ACTIONS),
        "Condition": {"ArnEquals": {"aws:SourceArn": anchor}, **condition},
    }


def _deny_everybody() -> dict[str, Any]:
    return {"Effect": "Deny", "Principal": {"Service": SERVICE_PRINCIPAL}, "Action": list(ACTIONS)}
