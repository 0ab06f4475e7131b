"""The trust policy of a role: who may take it, said in the one safe shape.

One statement for each authority, holding its trust anchor and its own identities, so that an identity counts only
together with the authority that vouches for it. Never `StringNotEquals`: a tag that the service drops would turn it
true. Source of the actions and keys: AWS IAM Roles Anywhere User Guide, "Trust model".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SERVICE_PRINCIPAL = "rolesanywhere.amazonaws.com"
ACTIONS = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
IDENTITY_TAG = "aws:PrincipalTag/x509Subject/CN"


def trust_policy(identities: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """Return the trust policy document that lets each trust anchor's identities take a role.

    `identities` maps a trust anchor's ARN to the common names that its authority vouches for. Anchors without
    identities are left out; when nobody is left, the policy denies everybody (a document without a statement is not
    valid, and an Allow without identities would be open to all).
    """
    entitled = {anchor: sorted(set(names)) for anchor, names in identities.items()}
    statements = [_allow(anchor, names) for anchor, names in sorted(entitled.items()) if names]
    return {"Version": "2012-10-17", "Statement": statements or [_deny_everybody()]}


def policy_size(document: Mapping[str, Any]) -> int:
    """Return the characters that IAM counts against the trust-policy quota: all but white space.

    Source: AWS IAM User Guide, "IAM and AWS STS quotas" (white space is not counted).
    """
    return sum(not character.isspace() for character in json.dumps(document, ensure_ascii=False))


def _allow(anchor: str, names: list[str]) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE_PRINCIPAL},
        "Action": list(ACTIONS),
        "Condition": {"ArnEquals": {"aws:SourceArn": anchor}, "StringEquals": {IDENTITY_TAG: names}},
    }


def _deny_everybody() -> dict[str, Any]:
    return {"Effect": "Deny", "Principal": {"Service": SERVICE_PRINCIPAL}, "Action": list(ACTIONS)}
