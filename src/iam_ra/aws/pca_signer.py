"""An authority in AWS Private CA as one that signs: it chooses the serials, and publishes its revocation list itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from iam_ra.aws.pca import ACTIVE, next_step
from iam_ra.engine.errors import AwsError, CertificateError, KeyStoreError
from iam_ra.pki.certificate import load_certificate
from iam_ra.pki.leaf import leaf_subject
from iam_ra.pki.times import BACKDATE

if TYPE_CHECKING:
    from datetime import datetime

    from iam_ra.aws.pca import Pca, PcaInfo
    from iam_ra.pki.crl import CrlRequest
    from iam_ra.pki.leaf import LeafRequest

# And the minutes that a certificate is backdated by. Source: AWS Private CA User Guide, "CA modes".
_SHORT_LIFE = timedelta(days=7) + BACKDATE
UNPUBLISHED = (
    "revoked at AWS Private CA, which has not published its list yet; it does about half an hour later. Run "
    "`iam-ra apply` again then"
)
NO_LIST = (
    "revoked at AWS Private CA, but the CA publishes no complete revocation list, so that Roles Anywhere cannot know: only "
    "the trust policies refuse. Give the CA a CRL configuration (`aws acm-pca update-certificate-authority "
    "--revocation-configuration …`) and run `iam-ra apply` again"
)


class ListPendingError(Exception):
    """All is revoked, and the list that says so is not there yet: nothing failed. The text says what to do.

    `serials` are those that the list does not hold yet.
    """

    def __init__(self, text: str, serials: tuple[int, ...]) -> None:
        super().__init__(text)
        self.serials = serials


class PcaSigner:
    """Signs by asking AWS Private CA. `certificate` is the authority's own, as it was read when it was taken up."""

    def __init__(self, pca: Pca, info: PcaInfo, certificate: x509.Certificate) -> None:
        self._pca = pca
        self.info = info
        self._certificate = certificate

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's own certificate."""
        return self._certificate

    def begin(self, request: bytes, life: tuple[datetime, datetime], token: str) -> str:
        """Have a signing request (PEM) certified and return the ARN of the certificate, which is made by and by."""
        self._check_active()
        begin, end = life
        if self.info.is_short_lived and end - begin > _SHORT_LIFE:
            raise CertificateError(
                f"the private CA {self.info.arn} certifies for 7 days at most",
                why="it has the mode for short-lived certificates",
                fix="give its hosts a `validity` of 7d or less, or take a general-purpose CA",
            )
        return self._pca.issue(self.info, request, life, token)

    def finish(self, arn: str) -> x509.Certificate:
        """Return the certificate of an ARN."""
        return load_certificate(self._pca.issued(self.info.arn, arn))

    def finish_of(self, serial: int) -> x509.Certificate:
        """Return the certificate of a serial."""
        return self.finish(f"{self.info.arn}/certificate/{serial:032x}")

    def sign_crl(self, request: CrlRequest) -> x509.CertificateRevocationList:
        """Revoke what the published list does not hold yet, and return the list when it holds all.

        Raises ListPendingError while it does not.
        """
        found = self.published()
        missing = [each for each in request.entries if not _holds(found, each.serial)]
        if missing:
            self._check_active()
            for each in missing:
                self._pca.revoke(self.info.arn, each.serial, each.reason)
            found = self.published()
        waiting = tuple(each.serial for each in request.entries if not _holds(found, each.serial))
        if found is None or waiting:
            raise ListPendingError(NO_LIST if self.info.revocations is None else UNPUBLISHED, waiting)
        return found

    def published(self) -> x509.CertificateRevocationList | None:
        """Return the list that the authority published, if it is one that the authority signed."""
        place = self.info.revocations
        data = None if place is None else self._pca.revocations(place)
        if place is None or data is None:
            return None
        found = _read(data)
        if found is None or not found.is_signature_valid(self._certificate.public_key()):  # type: ignore[arg-type]
            raise AwsError(
                f"the revocation list of {self.info.arn} cannot be used",
                why=f"s3://{place.bucket}/{place.key} is no list that this authority signed",
                fix="see who writes to that bucket; AWS Private CA writes its list anew with the next revocation",
            )
        return found

    def _check_active(self) -> None:
        if self.info.status != ACTIVE:
            raise inactive(self.info, self.info.arn)


def inactive(info: PcaInfo | None, arn: str) -> KeyStoreError:
    """Return the error of a private authority that cannot sign now."""
    return KeyStoreError(
        f"the private CA {arn} cannot sign",
        why="there is none of that ARN" if info is None else f"its status is {info.status}",
        fix=next_step(info, arn),
    )


def check_issued(certificate: x509.Certificate, request: LeafRequest, authority: x509.Certificate) -> None:
    """Raise CertificateError unless a certificate says what was asked for, neither less nor more."""
    found = _faults(certificate, request, authority)
    if found:
        raise CertificateError(
            f"AWS Private CA issued another certificate for {request.identity!r} than was asked for",
            why=f"it has {', '.join(found)}; it was not delivered, and is revoked after the host's overlap",
            fix="for a host with a request of its own: its subject must be the identity alone, without other names",
        )


def _faults(
    certificate: x509.Certificate, request: LeafRequest, authority: x509.Certificate
) -> tuple[str, ...]:
    extensions = {each.oid: each.value for each in certificate.extensions}
    constraints = extensions.get(x509.BasicConstraints.oid)
    usage = extensions.get(x509.KeyUsage.oid)
    wanted = {
        "another key": certificate.public_key() == request.public_key,
        f"the subject {certificate.subject.rfc4514_string()!r}": certificate.subject
        == leaf_subject(request.identity, request.units),
        "alternative names": x509.SubjectAlternativeName.oid not in extensions,
        "the right to sign": not (isinstance(constraints, x509.BasicConstraints) and constraints.ca),
        "no right to prove an identity": isinstance(usage, x509.KeyUsage) and usage.digital_signature,
        "another issuer": _is_by(certificate, authority),
        "a longer life": certificate.not_valid_after_utc <= authority.not_valid_after_utc,
    }
    return tuple(fault for fault, is_right in wanted.items() if not is_right)


def _is_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _read(data: bytes) -> x509.CertificateRevocationList | None:
    try:
        return x509.load_der_x509_crl(data)
    except ValueError:
        return None


def _holds(found: x509.CertificateRevocationList | None, serial: int) -> bool:
    return found is not None and found.get_revoked_certificate_by_serial_number(serial) is not None
