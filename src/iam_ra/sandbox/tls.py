"""The certificate that the sandbox shows over HTTPS: new at each start, its keys in memory only."""

from __future__ import annotations

import os
import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from iam_ra.pki.authority import self_signed
from iam_ra.pki.certificate import certificate_pem
from iam_ra.pki.keys import SIGNATURE_HASH, KeyAlgorithm, PrivateKey
from iam_ra.pki.leaf import key_usage, new_serial
from iam_ra.sandbox import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY: KeyAlgorithm = "ec-p256"
VALIDITY = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Tls:
    """What an HTTPS listener needs, and the PEM of the authority that clients have to trust."""

    context: ssl.SSLContext
    authority_pem: str


def make_tls() -> Tls:
    """Make an authority and a certificate for the loopback interface and the service's names in every region.

    The authority's key is forgotten at once, so that nothing else is ever signed with it.
    """
    now = datetime.now(UTC)
    authority_key, key = PrivateKey.generate(KEY), PrivateKey.generate(KEY)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "iam-ra sandbox")])
    authority = self_signed(authority_key.signing_key, name, serial=new_serial(), now=now, validity=VALIDITY)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key)
        .serial_number(new_serial())
        .not_valid_before(authority.not_valid_before_utc)
        .not_valid_after(authority.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_names()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key), critical=False
        )
        .sign(authority_key.signing_key, SIGNATURE_HASH)
    )
    return Tls(_context(certificate, key), certificate_pem(authority))


def _names() -> list[x509.GeneralName]:
    regions = loopback.session().get_available_regions("rolesanywhere")
    hosts = ["localhost", *(f"rolesanywhere.{region}.amazonaws.com" for region in regions)]
    return [x509.IPAddress(IPv4Address("127.0.0.1")), *map(x509.DNSName, hosts)]


def _context(certificate: x509.Certificate, key: PrivateKey) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with _readable(certificate_pem(certificate).encode()) as chain, _readable(key.pem().reveal()) as secret:
        context.load_cert_chain(chain, secret)
    return context


@contextmanager
def _readable(content: bytes) -> Iterator[str]:
    """Give bytes a path through a pipe: the ssl module reads keys from files only, and a key never goes to disk."""
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)
