"""AWS Private CA: authorities whose keys AWS keeps, asked to certify and to revoke.

Source: botocore model acm-pca 2017-08-22; AWS Private CA User Guide, "Template definitions" and "Set up a CRL".
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from iam_ra.anywhere.arn import parse_arn
from iam_ra.aws.errors import code
from iam_ra.aws.s3 import Bucket
from iam_ra.engine.errors import AwsError

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

ACTIVE = "ACTIVE"
SHORT_LIVED = "SHORT_LIVED_CERTIFICATE"
# How long a token stands for one certificate. Source: AWS Private CA API Reference, "IssueCertificate".
TOKEN_SECONDS = 300
TOKEN_LENGTH = 36
# A certificate is there after a second or two, a busy authority's later.
_PATIENCE_SECONDS = 60.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
# The words of RFC 5280 5.3.1 as this service writes them; it knows no hold.
REASONS: dict[
    str, Literal["CESSATION_OF_OPERATION", "SUPERSEDED", "KEY_COMPROMISE", "PRIVILEGE_WITHDRAWN"]
] = {
    "cessation_of_operation": "CESSATION_OF_OPERATION",
    "superseded": "SUPERSEDED",
    "key_compromise": "KEY_COMPROMISE",
    "privilege_withdrawn": "PRIVILEGE_WITHDRAWN",
}


@dataclass(frozen=True, slots=True)
class ListPlace:
    """Where an authority writes its revocation list (DER)."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class PcaInfo:
    """A private authority. `revocations` is None for one that publishes no list which can be taken over."""

    arn: str
    status: str
    is_short_lived: bool
    signing_algorithm: str
    revocations: ListPlace | None


class Pca:
    """The private authorities of one region. Safe to use from several threads."""

    def __init__(self, client: Any, s3: S3Client) -> None:
        self._client = client
        self._s3 = s3

    def find(self, arn: str) -> PcaInfo | None:
        """Return an authority, a deleted one while it could be restored; None where there is none."""
        try:
            found = self._client.describe_certificate_authority(CertificateAuthorityArn=arn)[
                "CertificateAuthority"
            ]
        except ClientError as error:
            if code(error) == "ResourceNotFoundException":
                return None
            raise
        return PcaInfo(
            arn,
            found["Status"],
            found.get("UsageMode") == SHORT_LIVED,
            found["CertificateAuthorityConfiguration"]["SigningAlgorithm"],
            _place(arn, (found.get("RevocationConfiguration") or {}).get("CrlConfiguration") or {}),
        )

    def certificate(self, arn: str) -> str:
        """Return an authority's own certificate (PEM)."""
        answer = self._client.get_certificate_authority_certificate(CertificateAuthorityArn=arn)
        return str(answer["Certificate"])

    def issue(
        self,
        authority: PcaInfo,
        request: bytes,
        life: tuple[datetime, datetime],
        token: str,
    ) -> str:
        """Have a request (PEM) certified for a life in whole seconds, and return the certificate's ARN.

        The template takes the subject as the request says it, gives the one purpose clientAuth, and no CA. The same
        token stands for the same certificate for `TOKEN_SECONDS`.
        """
        begin, end = life
        partition = parse_arn(authority.arn).partition
        answer = self._client.issue_certificate(
            CertificateAuthorityArn=authority.arn,
            Csr=request,
            SigningAlgorithm=authority.signing_algorithm,
            TemplateArn=f"arn:{partition}:acm-pca:::template/EndEntityClientAuthCertificate/V1",
            ValidityNotBefore={"Type": "ABSOLUTE", "Value": int(begin.timestamp())},
            Validity={"Type": "ABSOLUTE", "Value": int(end.timestamp())},
            IdempotencyToken=token,
        )
        return str(answer["CertificateArn"])

    def issued(self, authority: str, certificate: str) -> str:
        """Return a certificate (PEM) once it is made, by its ARN. Raises AwsError when that takes too long."""
        end, pause = time.monotonic() + _PATIENCE_SECONDS, _FIRST_PAUSE
        while True:
            try:
                answer = self._client.get_certificate(
                    CertificateAuthorityArn=authority, CertificateArn=certificate
                )
                return str(answer["Certificate"])
            except ClientError as error:
                if code(error) != "RequestInProgressException":
                    raise
                if time.monotonic() > end:
                    raise AwsError(
                        f"AWS Private CA has not made {certificate} within {_PATIENCE_SECONDS:.0f} seconds",
                        why="it makes certificates by and by, and is busy",
                        fix="run `iam-ra apply` again: another certificate is issued, this one stays in the ledger",
                    ) from error
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def revoke(self, arn: str, serial: int, reason: str) -> None:
        """Revoke a certificate by a word of RFC 5280; one that is revoked already is fine."""
        try:
            self._client.revoke_certificate(
                CertificateAuthorityArn=arn,
                CertificateSerial=serial_text(serial),
                RevocationReason=REASONS[reason],
            )
        except ClientError as error:
            if code(error) != "RequestAlreadyProcessedException":
                raise

    def revocations(self, place: ListPlace) -> bytes | None:
        """Return the list that an authority published (DER), or None before its first."""
        stored = Bucket(self._s3, place.bucket).get(place.key)
        return None if stored is None else stored.data

    def disable(self, arn: str) -> None:
        """Let an authority sign no more; one that cannot anyway, or is gone, is fine."""
        found = self.find(arn)
        if found is not None and found.status == ACTIVE:
            self._client.update_certificate_authority(CertificateAuthorityArn=arn, Status="DISABLED")


def next_step(info: PcaInfo | None, arn: str) -> str:
    """Return what to do about an authority that is not active: the command first.

    Source: AWS Private CA User Guide, "Understand private CA status".
    """
    which = f"--certificate-authority-arn {arn} --region {parse_arn(arn).region}"
    csr = f"`aws acm-pca get-certificate-authority-csr {which} --output text > ca.csr`"
    steps = {
        "CREATING": f"`aws acm-pca wait certificate-authority-csr-created {which}`",
        "PENDING_CERTIFICATE": f"{csr}; have that certified, and import the certificate: `aws acm-pca "
        f"import-certificate-authority-certificate {which} --certificate fileb://ca.pem`",
        "EXPIRED": f"{csr}; have that certified anew, and import the certificate: `aws acm-pca "
        f"import-certificate-authority-certificate {which} --certificate fileb://ca.pem`",
        "DISABLED": f"`aws acm-pca update-certificate-authority {which} --status ACTIVE`",
        "DELETED": f"`aws acm-pca restore-certificate-authority {which}`, then `aws acm-pca "
        f"update-certificate-authority {which} --status ACTIVE`",
    }
    if info is None:
        return f"see which there are: `aws acm-pca list-certificate-authorities --region {parse_arn(arn).region}`"
    return steps.get(
        info.status, f"see what happened to it: `aws acm-pca describe-certificate-authority {which}`"
    )


def serial_of(certificate: str) -> int:
    """Return the serial that the ARN of a certificate ends with."""
    return int(certificate.rpartition("/")[2], 16)


def serial_text(serial: int) -> str:
    """Return a serial as RevokeCertificate takes it: pairs of hex digits with colons between."""
    return serial.to_bytes(max((serial.bit_length() + 7) // 8, 1)).hex(":")


def _place(arn: str, settings: dict[str, Any]) -> ListPlace | None:
    """Return where the one list of all that an authority revoked is. A partitioned list is many, each not enough."""
    if not settings.get("Enabled") or settings.get("CrlType", "COMPLETE") != "COMPLETE":
        return None
    folder = (settings.get("CustomPath") or "crl").strip("/")
    return ListPlace(settings["S3BucketName"], f"{folder}/{arn.rpartition('/')[2]}.crl")
