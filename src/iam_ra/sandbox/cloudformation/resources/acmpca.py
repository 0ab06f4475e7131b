"""AWS::ACMPCA::CertificateAuthority, ::Certificate, ::CertificateAuthorityActivation and ::Permission."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from iam_ra.sandbox import loopback
from iam_ra.sandbox.cloudformation.resources.base import Handler, Made, Request, not_found, pairs
from iam_ra.sandbox.cloudformation.schema import Schema, array, boolean, integer, string, structure

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_SECONDS = 60
CNAME = string(maxLength=253, minLength=0, pattern="^[-a-zA-Z0-9;/?:@&=+$,%_.!~*()']*$")
TAG = {"Key": string(minLength=1, maxLength=128), "Value": string(minLength=0, maxLength=256)}
CRL = structure(
    {
        "CrlDistributionPointExtensionConfiguration": structure(
            {"OmitExtension": boolean()}, "OmitExtension"
        ),
        "CrlType": string(enum=["COMPLETE", "PARTITIONED"]),
        "CustomCname": CNAME,
        "CustomPath": string(
            maxLength=253,
            minLength=0,
            pattern="^(/|[-a-zA-Z0-9;?:@&=+$,%_.!~*()']+(/[-a-zA-Z0-9;?:@&=+$,%_.!~*()']+)*)$",
        ),
        "Enabled": boolean(),
        "ExpirationInDays": integer(1, 5000),
        "S3BucketName": string(maxLength=255, minLength=3, pattern="^[-a-zA-Z0-9._/]+$"),
        "S3ObjectAcl": string(enum=["BUCKET_OWNER_FULL_CONTROL", "PUBLIC_READ"]),
    },
    "Enabled",
)
OCSP = structure({"Enabled": boolean(), "OcspCustomCname": CNAME}, "Enabled")
SUBJECT: Schema = structure(
    {
        **{
            name: string()
            for name in (
                "CommonName",
                "Country",
                "DistinguishedNameQualifier",
                "GenerationQualifier",
                "GivenName",
                "Initials",
                "Locality",
                "Organization",
                "OrganizationalUnit",
                "Pseudonym",
                "SerialNumber",
                "State",
                "Surname",
                "Title",
            )
        },
        "CustomAttributes": array(
            structure({"ObjectIdentifier": string(), "Value": string()}, "ObjectIdentifier", "Value")
        ),
    }
)
VALIDITY = structure({"Type": string(), "Value": integer()}, "Value", "Type")


class CertificateAuthority(Handler):
    """A private authority, without a certificate at first.

    Deleting one that is active fails: on AWS, too, it is its activation's deletion that disables it. Source: the
    public source of the AWS::ACMPCA resource handlers.
    """

    type = "AWS::ACMPCA::CertificateAuthority"
    create_only = frozenset(
        {"Type", "KeyAlgorithm", "SigningAlgorithm", "Subject", "KeyStorageSecurityStandard", "UsageMode"}
    )
    attributes = frozenset({"Arn", "CertificateSigningRequest"})
    schema = structure(
        {
            "KeyAlgorithm": string(),
            "KeyStorageSecurityStandard": string(
                enum=[
                    "CCPC_LEVEL_1_OR_HIGHER",
                    "FIPS_140_2_LEVEL_2_OR_HIGHER",
                    "FIPS_140_2_LEVEL_3_OR_HIGHER",
                ]
            ),
            "RevocationConfiguration": structure({"CrlConfiguration": CRL, "OcspConfiguration": OCSP}),
            "SigningAlgorithm": string(),
            "Subject": SUBJECT,
            "Tags": array(structure(TAG, "Key"), minItems=0, maxItems=50),
            "Type": string(),
            "UsageMode": string(enum=["GENERAL_PURPOSE", "SHORT_LIVED_CERTIFICATE"]),
        },
        "Type",
        "KeyAlgorithm",
        "SigningAlgorithm",
        "Subject",
        not_offered=["CsrExtensions"],
    )

    def create(self, request: Request) -> Made:
        """Create the authority and wait for its certificate signing request."""
        pca, wanted = request.client("acm-pca"), request.properties
        optional = ("KeyStorageSecurityStandard", "RevocationConfiguration", "UsageMode")
        settings: dict[str, Any] = {name: wanted[name] for name in optional if name in wanted}
        if request.tags:
            settings["Tags"] = pairs(request.tags)
        arn = pca.create_certificate_authority(
            CertificateAuthorityConfiguration={
                name: wanted[name] for name in ("KeyAlgorithm", "SigningAlgorithm", "Subject")
            },
            CertificateAuthorityType=wanted["Type"],
            **settings,
        )["CertificateAuthorityArn"]
        request.announce(arn)
        found = _wait(pca, lambda: pca.get_certificate_authority_csr(CertificateAuthorityArn=arn))
        return Made(arn, {"Arn": arn, "CertificateSigningRequest": found["Csr"]})

    def update(self, request: Request) -> Made:
        """Set how the authority tells of revocations, and its tags."""
        pca, name = request.client("acm-pca"), {"CertificateAuthorityArn": request.physical_id}
        if _status(pca, request.physical_id) == "DELETED":
            raise not_found(self.type, request.physical_id)
        wanted = request.properties.get("RevocationConfiguration", {})
        if wanted != request.previous.get("RevocationConfiguration", {}):
            off = {"CrlConfiguration": {"Enabled": False}, "OcspConfiguration": {"Enabled": False}}
            pca.update_certificate_authority(**name, RevocationConfiguration=off | wanted)
        if request.removed_tags:
            removed = [{"Key": key} for key in request.removed_tags]
            pca.untag_certificate_authority(**name, Tags=removed)
        if request.tags:
            pca.tag_certificate_authority(**name, Tags=pairs(request.tags))
        return Made(request.physical_id, request.attributes)

    def delete(self, request: Request) -> None:
        """Delete the authority, restorably for 30 days."""
        pca = request.client("acm-pca")
        if _status(pca, request.physical_id) != "DELETED":
            pca.delete_certificate_authority(CertificateAuthorityArn=request.physical_id)


class Certificate(Handler):
    """A certificate that an authority issues. It cannot be deleted: that it goes from the stack changes nothing."""

    type = "AWS::ACMPCA::Certificate"
    create_only = frozenset(
        {
            "CertificateAuthorityArn",
            "CertificateSigningRequest",
            "SigningAlgorithm",
            "TemplateArn",
            "Validity",
            "ValidityNotBefore",
        }
    )
    attributes = frozenset({"Arn", "Certificate"})
    taggable = False
    system_tags = False
    schema = structure(
        {
            "CertificateAuthorityArn": string(),
            "CertificateSigningRequest": string(minLength=1),
            "SigningAlgorithm": string(),
            "TemplateArn": string(),
            "Validity": VALIDITY,
            "ValidityNotBefore": VALIDITY,
        },
        "CertificateAuthorityArn",
        "CertificateSigningRequest",
        "SigningAlgorithm",
        "Validity",
        not_offered=["ApiPassthrough"],
    )

    def create(self, request: Request) -> Made:
        """Issue the certificate and wait for it."""
        pca, wanted = request.client("acm-pca"), request.properties
        authority = wanted["CertificateAuthorityArn"]
        settings = {
            name: wanted[name] for name in ("TemplateArn", "Validity", "ValidityNotBefore") if name in wanted
        }
        arn = pca.issue_certificate(
            CertificateAuthorityArn=authority,
            Csr=wanted["CertificateSigningRequest"].encode(),
            SigningAlgorithm=wanted["SigningAlgorithm"],
            **settings,
        )["CertificateArn"]
        found = _wait(pca, lambda: pca.get_certificate(CertificateAuthorityArn=authority, CertificateArn=arn))
        return Made(arn, {"Arn": arn, "Certificate": found["Certificate"]})

    def update(self, request: Request) -> Made:
        """Keep the certificate: nothing of it can change."""
        return Made(request.physical_id, request.attributes)

    def delete(self, request: Request) -> None:
        """Leave the certificate with its authority."""


class CertificateAuthorityActivation(Handler):
    """An authority's certificate and status. Deleting it disables the authority."""

    type = "AWS::ACMPCA::CertificateAuthorityActivation"
    create_only = frozenset({"CertificateAuthorityArn"})
    attributes = frozenset({"CompleteCertificateChain"})
    gone = Handler.gone | {"InvalidStateException"}
    taggable = False
    system_tags = False
    schema = structure(
        {
            "Certificate": string(),
            "CertificateAuthorityArn": string(),
            "CertificateChain": string(),
            "Status": string(),
        },
        "CertificateAuthorityArn",
        "Certificate",
    )

    def create(self, request: Request) -> Made:
        """Import the certificate and set the status."""
        pca, wanted = request.client("acm-pca"), request.properties
        arn = wanted["CertificateAuthorityArn"]
        chain = {"CertificateChain": wanted["CertificateChain"]} if wanted.get("CertificateChain") else {}
        pca.import_certificate_authority_certificate(
            CertificateAuthorityArn=arn, Certificate=wanted["Certificate"], **chain
        )
        request.announce(arn)
        pca.update_certificate_authority(CertificateAuthorityArn=arn, Status=wanted.get("Status", "ACTIVE"))
        parts = [wanted["Certificate"], *chain.values()]
        return Made(arn, {"CompleteCertificateChain": "\n".join(parts)})

    def update(self, request: Request) -> Made:
        """Import the certificate again and set the status."""
        return self.create(request)

    def delete(self, request: Request) -> None:
        """Disable the authority."""
        request.client("acm-pca").update_certificate_authority(
            CertificateAuthorityArn=request.physical_id, Status="DISABLED"
        )


class Permission(Handler):
    """What a service of AWS may do with an authority."""

    type = "AWS::ACMPCA::Permission"
    create_only = frozenset({"Actions", "CertificateAuthorityArn", "Principal", "SourceAccount"})
    taggable = False
    system_tags = False
    schema = structure(
        {
            "Actions": array(
                string(enum=["GetCertificate", "IssueCertificate", "ListPermissions"]), minItems=1, maxItems=3
            ),
            "CertificateAuthorityArn": string(
                maxLength=200,
                minLength=5,
                pattern=r"^arn:[\w+=/,.@-]+:acm-pca:[\w+=/,.@-]*:[0-9]*:[\w+=,.@-]+(/[\w+=,.@-]+)*$",
            ),
            "Principal": string(maxLength=128, minLength=0, pattern="^[^*]+$"),
            "SourceAccount": string(maxLength=12, minLength=12, pattern="^[0-9]+$"),
        },
        "Actions",
        "CertificateAuthorityArn",
        "Principal",
    )

    def create(self, request: Request) -> Made:
        """Give the permission."""
        wanted = request.properties
        request.client("acm-pca").create_permission(**wanted)
        return Made(f"{wanted['CertificateAuthorityArn']}|{wanted['Principal']}")

    def update(self, request: Request) -> Made:
        """Keep the permission: nothing of it can change."""
        return Made(request.physical_id, request.attributes)

    def delete(self, request: Request) -> None:
        """Take the permission back."""
        names = ("CertificateAuthorityArn", "Principal", "SourceAccount")
        wanted = {name: request.properties[name] for name in names if name in request.properties}
        request.client("acm-pca").delete_permission(**wanted)


def _status(pca: Any, arn: str) -> str:
    found = pca.describe_certificate_authority(CertificateAuthorityArn=arn)
    return str(found["CertificateAuthority"]["Status"])


def _wait(pca: Any, ask: Callable[[], Any]) -> Any:
    """Ask again until what is being made is there."""
    until = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            return ask()
        except pca.exceptions.RequestInProgressException:
            if time.monotonic() > until:
                raise
            time.sleep(loopback.settings().operation_seconds)
