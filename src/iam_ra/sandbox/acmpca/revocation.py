"""Revocation settings, and the revocation list in S3.

Source: AWS Private CA API reference (RevocationConfiguration, CrlConfiguration), user guide "Access policies for CRLs in
Amazon S3".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from iam_ra.sandbox import loopback
from iam_ra.sandbox.acmpca.errors import InvalidArgsError, InvalidPolicyError

if TYPE_CHECKING:
    from iam_ra.sandbox.acmpca.authority import Authority

PRINCIPAL = "acm-pca.amazonaws.com"
NEEDED = frozenset({"s3:putobject", "s3:putobjectacl", "s3:getbucketacl", "s3:getbucketlocation"})
PUBLIC = "PUBLIC_READ"
ACLS = {PUBLIC: "public-read", "BUCKET_OWNER_FULL_CONTROL": "bucket-owner-full-control"}


def settings(given: dict[str, Any] | None, region: str, account: str) -> dict[str, Any]:
    """Return an authority's revocation settings, with defaults; refuse what does not go together."""
    given = given or {}
    crl = dict(given.get("CrlConfiguration") or {"Enabled": False})
    ocsp = dict(given.get("OcspConfiguration") or {"Enabled": False})
    for name, each in (("CRL", crl), ("OCSP", ocsp)):
        if not each["Enabled"] and len(each) > 1:
            raise InvalidArgsError(f"A configuration that disables {name} holds nothing but Enabled.")
    if ocsp["Enabled"]:
        raise InvalidArgsError("The iam-ra sandbox does not offer OCSP.")
    if crl["Enabled"]:
        _check_crl(crl, region, account)
    return {"CrlConfiguration": crl, "OcspConfiguration": ocsp}


def publish(authority: Authority, region: str, account: str) -> None:
    """Write an authority's revocation list to its bucket, if it has one and can sign it."""
    crl = authority.crl_settings
    if crl is None or authority.certificate is None:
        return
    loopback.client("s3", region, account).put_object(
        Bucket=crl["S3BucketName"],
        Key=authority.crl_key,
        Body=authority.crl(crl["ExpirationInDays"]),
        ACL=ACLS[crl["S3ObjectAcl"]],
        ContentType="application/pkix-crl",
    )


def _check_crl(crl: dict[str, Any], region: str, account: str) -> None:
    for name in ("ExpirationInDays", "S3BucketName"):
        if crl.get(name) is None:
            raise InvalidArgsError(f"{name} is required when CRLs are enabled.")
    if crl.get("CrlType", "COMPLETE") != "COMPLETE" or crl.get("CustomPath"):
        raise InvalidArgsError("The iam-ra sandbox does not offer partitioned CRLs or a CustomPath.")
    if "://" in crl.get("CustomCname", ""):
        raise InvalidArgsError("A CustomCname has no protocol prefix.")
    crl.setdefault("S3ObjectAcl", PUBLIC)
    _check_bucket(crl, loopback.client("s3", region, account))


def _check_bucket(crl: dict[str, Any], s3: Any) -> None:
    bucket = crl["S3BucketName"]
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        raise InvalidArgsError(f"The S3 bucket {bucket} cannot be reached.") from error
    try:
        document = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError:
        document = {"Statement": []}
    if not _allowed(document["Statement"]) >= NEEDED:
        raise InvalidPolicyError(
            f"The policy of the S3 bucket {bucket} does not let {PRINCIPAL} write to it."
        )
    try:
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    except ClientError:
        block = {}
    if block.get("BlockPublicAcls") and crl["S3ObjectAcl"] == PUBLIC:
        raise InvalidArgsError(
            f"The S3 bucket {bucket} blocks public access: S3ObjectAcl must be BUCKET_OWNER_FULL_CONTROL."
        )


def _allowed(statements: Any) -> set[str]:
    """Return what statements allow the service, in small letters."""
    allowed: set[str] = set()
    for each in [statements] if isinstance(statements, dict) else statements:
        principal = each.get("Principal")
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if each["Effect"] == "Allow" and PRINCIPAL in ([services] if isinstance(services, str) else services):
            actions = [each["Action"]] if isinstance(each["Action"], str) else each["Action"]
            allowed |= NEEDED if {"*", "s3:*"} & set(actions) else {action.lower() for action in actions}
    return allowed
