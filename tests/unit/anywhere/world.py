"""A small world of authorities, leaves and resources for the tests of the rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from iam_ra.anywhere.keys import MLDSA_PRIVATE
from iam_ra.anywhere.request import SessionRequest
from iam_ra.anywhere.situation import Profile, Role, Situation, TrustAnchor
from iam_ra.anywhere.trust_policy import trust_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
ACCOUNT, REGION = "123456789012", "ap-southeast-2"
ANCHOR = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/11111111-1111-4111-8111-111111111111"
OTHER_ANCHOR = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/22222222-2222-4222-8222-222222222222"
PROFILE = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:profile/33333333-3333-4333-8333-333333333333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/iam-ra/default/iam-ra-default-admin"
REQUEST = SessionRequest(ANCHOR, PROFILE, ROLE)
SERIAL = 0x7A0B0C0D0E0F0A0B0C0D0E0F0A0B0C0D0E0F0A0B
LEAF_USAGE, CA_USAGE = frozenset({"digital_signature"}), frozenset({"key_cert_sign", "crl_sign"})
USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)

KEYS: dict[str, Any] = {
    "rsa-2048": rsa.generate_private_key(65537, 2048),
    "ec-p256": ec.generate_private_key(ec.SECP256R1()),
    "ec-p384": ec.generate_private_key(ec.SECP384R1()),
}
MLDSA_KEYS: dict[str, Any] = {cls.__name__: cls.generate() for cls in MLDSA_PRIVATE}


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def name(*pairs: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def common_name(text: str) -> x509.Name:
    return name((NameOID.COMMON_NAME, text))


def usage(bits: frozenset[str]) -> x509.KeyUsage:
    return x509.KeyUsage(**{each: each in bits for each in USAGES})


@dataclass(frozen=True)
class Authority:
    """A CA certificate and its key."""

    certificate: x509.Certificate
    key: Any

    def issue(
        self,
        subject: x509.Name | str = "web",
        *,
        key: Any = KEYS["ec-p256"],
        serial: int = SERIAL,
        ca: bool | None = False,
        path_length: int | None = None,
        usages: frozenset[str] | None = LEAF_USAGE,
        signed_with: Any = hashes.SHA256(),  # noqa: B008  a constant without state
        san: Sequence[x509.GeneralName] = (),
        extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
        starts: datetime = NOW - timedelta(days=1),
        ends: datetime = NOW + YEAR,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(common_name(subject) if isinstance(subject, str) else subject)
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(starts)
            .not_valid_after(ends)
        )
        if ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        if usages is not None:
            builder = builder.add_extension(usage(usages), critical=True)
        if san:
            builder = builder.add_extension(x509.SubjectAlternativeName(san), critical=False)
        for value, critical in extra:
            builder = builder.add_extension(value, critical=critical)
        return builder.sign(self.key, signed_with)

    def below(self, subject: str, *, key: Any = None, **rules: Any) -> Authority:
        key = key or ec_key()
        defaults: dict[str, Any] = {"ca": True, "usages": CA_USAGE}
        return Authority(self.issue(subject, key=key, **(defaults | rules)), key)

    def crl(self, *serials: int, key: Any = None, issuer: str = "", ends: datetime = NOW + YEAR) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(common_name(issuer) if issuer else self.certificate.subject)
            .last_update(NOW - timedelta(days=2))
            .next_update(ends)
        )
        for serial in serials:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
            )
        return builder.sign(key or self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def root(subject: str = "root", *, key: Any = None, signed_with: Any = None, **rules: Any) -> Authority:
    """Make a self-signed authority."""
    key = key or ec_key()
    placeholder = (
        x509.CertificateBuilder()
        .subject_name(common_name(subject))
        .issuer_name(common_name(subject))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - YEAR)
        .not_valid_after(NOW + 10 * YEAR)
        .sign(key, signed_with or hashes.SHA256())
    )
    rules = {"starts": NOW - YEAR, "ends": NOW + 10 * YEAR} | rules
    if signed_with is not None:
        rules["signed_with"] = signed_with
    return Authority(placeholder, key).below(subject, key=key, **rules)


CA = root()
LEAF = CA.issue()


def situation(**changes: Any) -> Situation:
    """Return a situation in which everything is right, but for these changes."""
    base = Situation(
        request=REQUEST,
        leaf=LEAF,
        chain=(),
        trust_anchor=TrustAnchor(ANCHOR, enabled=True, certificates=(CA.certificate,)),
        profile=Profile(PROFILE, enabled=True, role_arns=(ROLE,)),
        role=Role(ROLE, max_session_seconds=3600, trust_policy=trust_policy({ANCHOR: ["web"]})),
        now=NOW,
    )
    return replace(base, **changes)
