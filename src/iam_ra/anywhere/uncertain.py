"""Where AWS documents nothing, what these rules assume instead.

Each id stands in the code as `UNCERTAIN: id`, next to the lines that make the assumption; the documentation's list of
them is made from this table.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNCERTAIN: Mapping[str, str] = MappingProxyType(
    {
        "refusal-texts": "The words for an expired leaf, a disabled trust anchor or profile, a role that the profile does not "
        "list, a bad signature, an unreadable certificate, too many chain certificates, resources of another account or "
        "Region and unknown resources are not documented; the words here are our own, with the code that fits best.",
        "sts-reason": "AWS adds STS's reason to `Unable to assume role for ARN`; in which form is not documented. Here "
        "it follows a colon, in our own words, where session policies pass STS's limits; elsewhere nothing is added.",
        "malformed-request": "A body that is no JSON object, or a member of the wrong type, is taken to be a "
        "ValidationException.",
        "merge-conflict": "When the query and the body name different ARNs, the query wins.",
        "rsa-pss": "iamra signs with RSA-PSS although the guide asks for PKCS#1 v1.5; both are accepted.",
        "algorithm-token": "iam-rolesanywhere-session derives the hash in the algorithm's name from the leaf's own signature "
        "(-SHA384, -SHA512) and still signs with SHA-256; that is accepted.",
        "query-encoding": "The user guide encodes `=` inside query values twice, aws_signing_helper once; both are accepted.",
        "signed-headers": "Besides the two certificate headers, `host` and `x-amz-date` must be signed.",
        "clock-skew": "X-Amz-Date may be 15 minutes off, as in Signature Version 4; Roles Anywhere documents no window.",
        "key-kinds": "Every RSA size and every elliptic curve is accepted; neither minimum sizes nor curves are documented. "
        "Ed25519 is refused.",
        "mldsa-authority": "A certificate authority may sign with ML-DSA.",
        "anchor-path": "The path length and the validity of the trust anchor's own certificate count too, although RFC 5280 "
        "leaves that open.",
        "anchor-three": "A trust anchor with more than two certificates uses all of them.",
        "unread-extensions": "A certificate with a critical extension that is not evaluated here, name constraints among "
        "them, is refused.",
        "leaf-in-chain": "A leaf repeated in the chain header is passed over.",
        "crl-expired": "A revocation list past its nextUpdate still revokes what it lists, and refuses nothing else.",
        "crl-issuer": "A revocation list counts for certificates of the authority that signed it; one of another issuer is "
        "passed over. Lists for intermediates count, delta lists are read as lists.",
        "crl-der": "A revocation list in DER is read as well as one in PEM.",
        "session-name-padding": "A serial number of one hexadecimal digit is padded to two, STS's least session name.",
        "several-common-names": "With several common names in the subject, the source identity is made from the first.",
        "source-identity-pattern": "A common name that STS does not take as source identity (a space, for one) fails the "
        "session.",
        "attribute-names": "Only CN, O, OU, C, ST, L and UID become session tags; the full list is not documented.",
        "tag-order": "Beyond 50 tags the subject's are kept first, then the issuer's, then those of the alternative names.",
        "mapping-beside-wildcard": "A specific attribute mapping beside `*` adds nothing; `*` maps all.",
        "action-keys": "`sts:SourceIdentity` exists for AssumeRole and SetSourceIdentity, `sts:RoleSessionName` for AssumeRole "
        "alone, `aws:RequestTag` and `aws:TagKeys` for AssumeRole and TagSession, after the Service Authorization Reference.",
        "token-issue-time": "`aws:TokenIssueTime` does not exist when a service takes a role.",
        "any-principal": 'The principals `"*"` and `{"AWS": "*"}` include the service.',
        "unresolved-variable": "A policy variable without value or default makes an Allow void and a Deny effective.",
        "all-three-actions": "sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity must each be allowed, also for a "
        "session that bears no tag.",
        "duration-text": "A session longer than the role's maximum is refused like a role that cannot be taken.",
    }
)
