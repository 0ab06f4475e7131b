"""What cert-manager makes of a Certificate, with a CA issuer: key, leaf and Secret, as its controllers do.

A certificate of it has the same extensions, subject and dates as one that cert-manager's own package `pki` makes of the same
manifest. Sources: cert-manager v1.21, pkg/controller/certificaterequests/ca, pkg/util/pki/certificatetemplate.go and parse.go.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.kubernetes.schemas import go_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

_USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
           "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip


def issue(issuer: Mapping[str, str], certificate: Mapping[str, Any]) -> dict[str, str]:
    """Return the data of the Secret that a Certificate asks for, signed with the data of an issuer's Secret.

    It begins now and ends after its duration, whenever the issuer's own ends. Of an issuer that is a root the chain is
    the leaf alone.
    """
    spec = certificate["spec"]
    assert spec["usages"] == ["digital signature", "client auth"]
    assert (spec["privateKey"]["algorithm"], spec["privateKey"]["size"]) == ("ECDSA", 256)
    key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.load_pem_x509_certificate(issuer["tls.crt"].encode())
    signer = serialization.load_pem_private_key(issuer["tls.key"].encode(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    duration = go_duration(spec["duration"])
    assert duration
    now = datetime.now(UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, spec["commonName"])]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(128) | 1)
        .not_valid_before(now)
        .not_valid_after(now + duration)
        .add_extension(
            x509.KeyUsage(**{each: each == "digital_signature" for each in _USAGES}), critical=True
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_issuers_key(authority), critical=False)
        .sign(signer, hashes.SHA256())
    )
    pkcs8 = serialization.PrivateFormat.PKCS8
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return {
        "tls.crt": leaf.public_bytes(pem).decode(),
        "tls.key": key.private_bytes(pem, pkcs8, plain).decode(),
        "ca.crt": issuer["tls.crt"],
    }


def _issuers_key(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
