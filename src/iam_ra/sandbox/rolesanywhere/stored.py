"""What is stored in the sandbox, in the form in which the rules of `anywhere/` take it."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError
from cryptography import x509
from moto.core.exceptions import ServiceException
from moto.iam.models import iam_backends

from iam_ra.anywhere.arn import parse_arn
from iam_ra.anywhere.revocation import Crl, load_crls
from iam_ra.anywhere.situation import Profile, Role, TrustAnchor
from iam_ra.sandbox import loopback, propagation
from iam_ra.sandbox.rolesanywhere.models import RolesAnywhereBackend, rolesanywhere_backends

DEFAULT_MAX_SESSION = 3600
# An ARN of no resource: moto has no such Region or partition, we have no such id.
MISSING = (KeyError, ServiceException)


def backend(arn: str) -> RolesAnywhereBackend:
    """Return the service in the account and Region of a resource's ARN. Raises KeyError for a Region that is none."""
    place = parse_arn(arn)
    return rolesanywhere_backends[place.account][place.region]


def region(arn: str) -> str:
    """Return the Region of an ARN."""
    return parse_arn(arn).region


def trust_anchor(arn: str) -> TrustAnchor | None:
    """Return a trust anchor with its CRLs, or None."""
    try:
        service = backend(arn)
        anchor = service.anchors.shelf.find(arn)
    except MISSING:
        return None
    crls = tuple(
        Crl(crl.arn, crl.enabled, load_crls(crl.data))
        for crl in service.crls.shelf
        if crl.trust_anchor_arn == arn
    )
    return TrustAnchor(arn, anchor.enabled, _certificates(anchor.source["sourceData"], arn), crls)


def profile(arn: str) -> Profile | None:
    """Return a profile, or None."""
    try:
        found = backend(arn).profiles.shelf.find(arn)
    except MISSING:
        return None
    settings = found.settings
    return Profile(
        arn=arn,
        enabled=settings["enabled"],
        role_arns=tuple(settings["roleArns"]),
        duration_seconds=settings["durationSeconds"],
        accept_role_session_name=settings["acceptRoleSessionName"],
        mappings=found.mappings,
        session_policy=settings["sessionPolicy"],
        managed_policy_arns=tuple(settings["managedPolicyArns"]),
    )


def role(arn: str) -> Role | None:
    """Return a role as IAM shows it to others, or None: changes take as long to be seen as the settings say."""
    return propagation.seen(_role_key(arn), _role(arn))


def role_changes(account: str, name: str) -> None:
    """Keep what a role is, since it is about to change."""
    for partition in iam_backends[account]:
        arn = f"arn:{partition}:iam::{account}:role/{name}"
        try:
            arn = iam_backends[account][partition].get_role(name).arn
        except MISSING:
            continue
        propagation.note((account, name), _role(arn))
        return
    propagation.note((account, name), None)


def _role_key(arn: str) -> tuple[str, str]:
    return parse_arn(arn).account, arn.rpartition("/")[2]


def _role(arn: str) -> Role | None:
    place = parse_arn(arn)
    try:
        found = iam_backends[place.account][place.partition].get_role_by_arn(arn)
    except MISSING:
        return None
    longest = int(found.max_session_duration or DEFAULT_MAX_SESSION)
    return Role(arn, longest, json.loads(found.assume_role_policy_document))


def _certificates(source: dict[str, Any], arn: str) -> tuple[x509.Certificate, ...]:
    if "x509CertificateData" in source:
        pem = source["x509CertificateData"]
    else:
        place = parse_arn(arn)
        authority = loopback.client("acm-pca", place.region, place.account)
        try:
            pem = authority.get_certificate_authority_certificate(
                CertificateAuthorityArn=source["acmPcaArn"]
            )["Certificate"]
        except ClientError:
            # It is gone, or was never given a certificate: then nothing is vouched for.
            return ()
    return tuple(x509.load_pem_x509_certificates(pem.encode()))
