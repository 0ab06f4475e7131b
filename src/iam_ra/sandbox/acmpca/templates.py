"""The certificate templates and the extensions that each gives.

Source: AWS Private CA user guide, "AWS Private CA template definitions" and "template order of operations".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from iam_ra.sandbox.acmpca.errors import InvalidArgsError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT = "EndEntityCertificate"
ARN = re.compile(r"arn:aws[a-z-]*:acm-pca:::template/([A-Za-z0-9_]+)/V1")
NAME = re.compile(
    r"(?P<base>RootCACertificate|SubordinateCACertificate_PathLen(?P<length>[0-3])|CodeSigningCertificate"
    r"|OCSPSigningCertificate|EndEntity(?:ClientAuth|ServerAuth)?Certificate"
    r"|BlankEndEntityCertificate(?:_CriticalBasicConstraints)?)"
    r"(?P<passthrough>_APIPassthrough|_CSRPassthrough|_APICSRPassthrough)?"
)
# What the order of operations never takes from a request.
NEVER_PASSED = frozenset(
    {
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
    }
)
USES = {
    "EndEntityCertificate": [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
    "EndEntityClientAuthCertificate": [ExtendedKeyUsageOID.CLIENT_AUTH],
    "EndEntityServerAuthCertificate": [ExtendedKeyUsageOID.SERVER_AUTH],
    "CodeSigningCertificate": [ExtendedKeyUsageOID.CODE_SIGNING],
    "OCSPSigningCertificate": [ExtendedKeyUsageOID.OCSP_SIGNING],
}
CRITICAL_PURPOSES = frozenset({"CodeSigningCertificate", "OCSPSigningCertificate"})
Extension = tuple[x509.ExtensionType, bool]


@dataclass(frozen=True, slots=True)
class Template:
    """One template."""

    base: str
    path_length: int | None
    from_csr: bool

    @property
    def root(self) -> bool:
        """Whether it makes the certificate of a root itself."""
        return self.base == "RootCACertificate"

    @property
    def authority(self) -> bool:
        """Whether it makes certificates of authorities."""
        return self.root or self.path_length is not None

    def extensions(
        self, csr: x509.CertificateSigningRequest, issuer: x509.Certificate | None, crl_url: str | None
    ) -> Iterator[Extension]:
        """Yield the extensions of a certificate; `issuer` is the authority's own certificate, None for a root."""
        given = {each.oid: each for each in csr.extensions}
        critical = self.authority or self.base.endswith("_CriticalBasicConstraints")
        yield x509.BasicConstraints(ca=self.authority, path_length=self.path_length), critical
        yield x509.SubjectKeyIdentifier.from_public_key(csr.public_key()), False
        if issuer is not None:
            identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            yield x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False
        made = {ExtensionOID.BASIC_CONSTRAINTS, *NEVER_PASSED}
        if not self.base.startswith("Blank"):
            yield self._key_usage(), True
            made.add(ExtensionOID.KEY_USAGE)
        if self.base in USES:
            yield x509.ExtendedKeyUsage(USES[self.base]), self.base in CRITICAL_PURPOSES
            made.add(ExtensionOID.EXTENDED_KEY_USAGE)
        if crl_url is not None and not self.root:
            name = x509.UniformResourceIdentifier(crl_url)
            yield x509.CRLDistributionPoints([x509.DistributionPoint([name], None, None, None)]), False
        for oid, extension in given.items():
            if oid not in made and (self.from_csr or oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME):
                yield extension.value, extension.critical

    def _key_usage(self) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=self.base.startswith("EndEntity"),
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=self.authority,
            crl_sign=self.authority,
            encipher_only=False,
            decipher_only=False,
        )


def find(arn: str | None) -> Template:
    """Return the template of an ARN; without one, that of end entities."""
    if arn is None:
        return Template(DEFAULT, None, from_csr=False)
    matched = ARN.fullmatch(arn)
    found = matched and NAME.fullmatch(matched[1])
    if not found or (found["base"].startswith("Blank") and not found["passthrough"]):
        raise InvalidArgsError(f"There is no template {arn}.")
    if found["base"] == "RootCACertificate" and found["passthrough"] not in (None, "_APIPassthrough"):
        raise InvalidArgsError(f"There is no template {arn}.")
    length = int(found["length"]) if found["length"] else None
    return Template(found["base"], length, from_csr="CSR" in (found["passthrough"] or ""))
