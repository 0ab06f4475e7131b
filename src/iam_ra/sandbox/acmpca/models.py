"""The service in one account and region."""

from __future__ import annotations

import base64
import binascii
import re
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from moto.core.base_backend import BackendDict, BaseBackend
from moto.moto_api._internal import mock_random

from iam_ra.sandbox.acmpca import algorithms, names, revocation, templates, validity
from iam_ra.sandbox.acmpca.authority import Authority, Issued, to_pem
from iam_ra.sandbox.acmpca.errors import (
    AlreadyProcessedError,
    InProgressError,
    InvalidArgsError,
    InvalidArnError,
    InvalidNextTokenError,
    InvalidRequestError,
    InvalidStateError,
    MalformedCertificateError,
    MalformedCsrError,
    NotFoundError,
    PermissionExistsError,
    TooManyTagsError,
)
from iam_ra.sandbox.clock import now

if TYPE_CHECKING:
    from collections.abc import Callable

Request = dict[str, Any]
Answer = dict[str, Any]

ARN = re.compile(r"arn:aws[a-z-]*:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority/[0-9a-f-]{36}")
CERTIFICATE_ARN = re.compile(ARN.pattern + r"/certificate/[0-9a-f]{32}")
MAX_TAGS = 50
PAGE = 100
RESTORE_DAYS = 30
TOKEN_SECONDS = 300
LIVING = ("CREATING", "PENDING_CERTIFICATE", "ACTIVE", "DISABLED", "EXPIRED", "FAILED")


class PrivateCaBackend(BaseBackend):
    """Private authorities, what they issued, their tags and permissions."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._authorities: dict[str, Authority] = {}
        # By operation, authority and token: what was made, and when.
        self._tokens: dict[tuple[str, str, str], tuple[str, float]] = {}

    def operation(self, name: str) -> Callable[[Request], Answer]:
        """Return the method of an operation by its name in the SDK."""
        method: Callable[[Request], Answer] | None = getattr(self, name, None)
        if method is None:
            raise NotImplementedError(name)
        return method

    def create_certificate_authority(self, request: Request) -> Answer:
        """Begin to make an authority."""
        made = self._once("create", "", request, lambda: self._create(request))
        return {"CertificateAuthorityArn": made}

    def describe_certificate_authority(self, request: Request) -> Answer:
        """Return what is known of an authority."""
        return {"CertificateAuthority": _described(self._find(request))}

    def list_certificate_authorities(self, request: Request) -> Answer:
        """Return a page of the account's authorities, deleted ones that could be restored included."""
        if request.get("ResourceOwner") == "OTHER_ACCOUNTS":
            return {"CertificateAuthorities": []}
        living = [_described(each) for each in self._authorities.values() if not each.gone]
        return _page("CertificateAuthorities", living, request)

    def get_certificate_authority_csr(self, request: Request) -> Answer:
        """Return the certificate signing request of an authority that is made."""
        return {"Csr": self._find(request).csr()}

    def get_certificate_authority_certificate(self, request: Request) -> Answer:
        """Return the certificate of an authority that has one."""
        authority = self._find(request)
        authority.require("ACTIVE", "DISABLED", "EXPIRED")
        if authority.certificate is None:
            raise InvalidStateError(f"The certificate authority {authority.arn} has no certificate.")
        answer = {"Certificate": to_pem(authority.certificate).rstrip()}
        return answer | ({"CertificateChain": authority.chain.rstrip()} if authority.chain else {})

    def import_certificate_authority_certificate(self, request: Request) -> Answer:
        """Give an authority its certificate, which makes it active."""
        authority = self._find(request)
        certificates = _certificates(request["Certificate"])
        if len(certificates) != 1:
            raise MalformedCertificateError("Certificate holds more than one certificate.")
        chain = request.get("CertificateChain")
        authority.install(certificates[0], _certificates(chain) if chain else [])
        revocation.publish(authority, self.region_name, self.account_id)
        return {}

    def update_certificate_authority(self, request: Request) -> Answer:
        """Enable or disable an authority, or change how it tells of revocations."""
        authority = self._find(request)
        authority.require("ACTIVE", "DISABLED")
        status = request.get("Status")
        if status is not None and status not in {"ACTIVE", "DISABLED"}:
            raise InvalidArgsError(f"The status cannot be set to {status}, only to ACTIVE or DISABLED.")
        if "RevocationConfiguration" in request:
            given = authority.revocation | request["RevocationConfiguration"]
            authority.revocation = revocation.settings(given, self.region_name, self.account_id)
            revocation.publish(authority, self.region_name, self.account_id)
        authority.become(status or authority.given_status)
        return {}

    def delete_certificate_authority(self, request: Request) -> Answer:
        """Delete an authority that is not active, restorably for some days."""
        authority = self._find(request)
        authority.require(*(each for each in LIVING if each != "ACTIVE"))
        days = request.get("PermanentDeletionTimeInDays", RESTORE_DAYS)
        authority.become(authority.given_status)
        authority.restorable_until = now() + timedelta(days=days)
        return {}

    def restore_certificate_authority(self, request: Request) -> Answer:
        """Bring a deleted authority back with the status that it had."""
        authority = self._find(request)
        authority.require("DELETED")
        authority.restorable_until = None
        authority.become(authority.given_status)
        return {}

    def issue_certificate(self, request: Request) -> Answer:
        """Begin to issue a certificate."""
        authority = self._find(request)
        made = self._once("issue", authority.arn, request, lambda: self._issue(authority, request))
        return {"CertificateArn": made}

    def get_certificate(self, request: Request) -> Answer:
        """Return a certificate, revoked or not, once it is made."""
        authority = self._find(request)
        authority.require(*LIVING)
        arn = request["CertificateArn"]
        if not CERTIFICATE_ARN.fullmatch(arn):
            raise InvalidArnError(f"{arn} is not the ARN of a certificate.")
        issued = authority.issued.get(arn)
        if issued is None:
            raise NotFoundError(f"Could not find certificate {arn}.")
        if not issued.making.done():
            raise InProgressError(f"The certificate {arn} is being issued.")
        answer = {"Certificate": to_pem(issued.certificate).rstrip()}
        return answer | ({"CertificateChain": issued.chain.rstrip()} if issued.chain else {})

    def revoke_certificate(self, request: Request) -> Answer:
        """Revoke a certificate by its serial number, and publish the list."""
        authority = self._find(request)
        authority.require("ACTIVE")
        try:
            serial = int(request["CertificateSerial"].replace(":", ""), 16)
        except ValueError:
            raise InvalidRequestError("CertificateSerial is not a hexadecimal number.") from None
        found = [each for each in authority.issued.values() if each.certificate.serial_number == serial]
        if not found:
            raise NotFoundError(
                f"Could not find a certificate with the serial {request['CertificateSerial']}."
            )
        if found[0].root:
            raise InvalidRequestError("The self-signed certificate of a root cannot be revoked.")
        if found[0].revoked is not None:
            raise AlreadyProcessedError("The certificate is revoked already.")
        found[0].revoked = (now(), request["RevocationReason"])
        revocation.publish(authority, self.region_name, self.account_id)
        return {}

    def tag_certificate_authority(self, request: Request) -> Answer:
        """Add tags; a key that is there gets the new value."""
        authority = self._living(request)
        authority.tags = _tagged(authority.tags, request["Tags"])
        return {}

    def untag_certificate_authority(self, request: Request) -> Answer:
        """Remove tags by key, or by key and value where a value is given."""
        authority = self._living(request)
        for tag in request["Tags"]:
            if "Value" not in tag or authority.tags.get(tag["Key"]) == tag["Value"]:
                authority.tags.pop(tag["Key"], None)
        return {}

    def list_tags(self, request: Request) -> Answer:
        """Return a page of an authority's tags."""
        tags = [{"Key": key, "Value": value} for key, value in self._living(request).tags.items()]
        return _page("Tags", tags, request)

    def create_permission(self, request: Request) -> Answer:
        """Let a service of AWS use an authority."""
        authority = self._living(request)
        principal, source = request["Principal"], request.get("SourceAccount")
        if (principal, source) in authority.permissions:
            raise PermissionExistsError(f"{principal} has a permission already.")
        permission = {"CertificateAuthorityArn": authority.arn, "CreatedAt": now(), "Principal": principal}
        permission |= {"Actions": list(dict.fromkeys(request["Actions"]))}
        authority.permissions[principal, source] = permission | ({"SourceAccount": source} if source else {})
        return {}

    def list_permissions(self, request: Request) -> Answer:
        """Return a page of an authority's permissions."""
        return _page("Permissions", list(self._living(request).permissions.values()), request)

    def delete_permission(self, request: Request) -> Answer:
        """Take a permission back."""
        key = (request["Principal"], request.get("SourceAccount"))
        if self._living(request).permissions.pop(key, None) is None:
            raise NotFoundError(f"Could not find a permission of {request['Principal']}.")
        return {}

    def _create(self, request: Request) -> str:
        configuration = request["CertificateAuthorityConfiguration"]
        if configuration.get("CsrExtensions"):
            raise InvalidArgsError("The iam-ra sandbox does not offer CsrExtensions.")
        algorithms.check_family(configuration["KeyAlgorithm"], configuration["SigningAlgorithm"])
        names.to_name(configuration["Subject"])
        settings = revocation.settings(
            request.get("RevocationConfiguration"), self.region_name, self.account_id
        )
        key = algorithms.generate(configuration["KeyAlgorithm"])
        scope = f"arn:{self.partition}:acm-pca:{self.region_name}:{self.account_id}"
        authority = Authority(
            arn=f"{scope}:certificate-authority/{mock_random.uuid4()}",
            owner=self.account_id,
            configuration=configuration,
            kind=request["CertificateAuthorityType"],
            usage_mode=request.get("UsageMode", "GENERAL_PURPOSE"),
            key_standard=request.get("KeyStorageSecurityStandard", "FIPS_140_2_LEVEL_3_OR_HIGHER"),
            revocation=settings,
            tags=_tagged({}, request.get("Tags", [])),
            key_der=key.private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        self._authorities[authority.arn] = authority
        return authority.arn

    def _issue(self, authority: Authority, request: Request) -> str:
        if request.get("ApiPassthrough"):
            raise InvalidArgsError("The iam-ra sandbox does not offer ApiPassthrough.")
        template = templates.find(request.get("TemplateArn"))
        authority.require(*(("PENDING_CERTIFICATE", "ACTIVE", "EXPIRED") if template.root else ("ACTIVE",)))
        at = now().replace(microsecond=0)
        certificate = authority.sign(
            _csr(request["Csr"]),
            template,
            request["SigningAlgorithm"],
            validity.not_before(request.get("ValidityNotBefore"), at),
            validity.not_after(request["Validity"], at),
        )
        chain = None
        if not template.root and authority.certificate is not None:
            chain = to_pem(authority.certificate) + (authority.chain or "")
        arn = f"{authority.arn}/certificate/{certificate.serial_number:032x}"
        authority.issued[arn] = Issued(certificate=certificate, chain=chain, root=template.root)
        return arn

    def _once(self, operation: str, place: str, request: Request, make: Callable[[], str]) -> str:
        """Make something, or return what the same token made in the last five minutes."""
        token = request.get("IdempotencyToken")
        if token is None:
            return make()
        key = (operation, place, token)
        made, at = self._tokens.get(key, ("", 0.0))
        if not made or time.time() - at > TOKEN_SECONDS:
            made = make()
            self._tokens[key] = (made, time.time())
        return made

    def _find(self, request: Request) -> Authority:
        arn = request["CertificateAuthorityArn"]
        if not ARN.fullmatch(arn):
            raise InvalidArnError(f"{arn} is not the ARN of a certificate authority.")
        found = self._authorities.get(arn)
        if found is None or found.gone:
            raise NotFoundError(f"Could not find Certificate Authority {arn}.")
        return found

    def _living(self, request: Request) -> Authority:
        authority = self._find(request)
        authority.require(*LIVING)
        return authority


def _described(authority: Authority) -> Answer:
    described: Answer = {
        "Arn": authority.arn,
        "OwnerAccount": authority.owner,
        "CreatedAt": authority.created,
        "Type": authority.kind,
        "Status": authority.status,
        "CertificateAuthorityConfiguration": authority.configuration,
        "RevocationConfiguration": authority.revocation,
        "KeyStorageSecurityStandard": authority.key_standard,
        "UsageMode": authority.usage_mode,
    }
    if authority.changed is not None:
        described["LastStateChangeAt"] = authority.changed
    if authority.restorable_until is not None:
        described["RestorableUntil"] = authority.restorable_until
    if authority.certificate is not None:
        described["Serial"] = str(authority.certificate.serial_number)
        described["NotBefore"] = authority.certificate.not_valid_before_utc
        described["NotAfter"] = authority.certificate.not_valid_after_utc
    return described


def _page(name: str, items: list[Any], request: Request) -> Answer:
    try:
        start = int(base64.b64decode(request.get("NextToken", "MA=="), validate=True))
    except (ValueError, binascii.Error):
        raise InvalidNextTokenError("The token specified in the NextToken argument is not valid.") from None
    end = start + request.get("MaxResults", PAGE)
    token = {"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(items) else {}
    return {name: items[start:end]} | token


def _tagged(before: dict[str, str], given: list[dict[str, str]]) -> dict[str, str]:
    tags = before | {tag["Key"]: tag.get("Value", "") for tag in given}
    if len(tags) > MAX_TAGS:
        raise TooManyTagsError(f"A certificate authority bears at most {MAX_TAGS} tags.")
    return tags


def _certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise MalformedCertificateError("The certificate cannot be read.") from None


def _csr(pem: bytes) -> x509.CertificateSigningRequest:
    try:
        csr = x509.load_pem_x509_csr(pem)
        signed = csr.is_signature_valid
    except ValueError:
        raise MalformedCsrError("The certificate signing request cannot be read.") from None
    if not signed:
        raise MalformedCsrError("The certificate signing request is not signed by its own key.")
    return csr


acmpca_backends = BackendDict(PrivateCaBackend, "acm-pca")
