from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pki.samples import key_of

from iam_ra.engine.errors import CertificateError
from iam_ra.pki.authority import authority_subject, self_signed
from iam_ra.pki.certificate import certificate_pem, common_name, describe, load_certificate, matches
from iam_ra.pki.keys import ALGORITHMS, KeyAlgorithm, PrivateKey, fingerprint, spki_digest
from iam_ra.pki.leaf import LeafRequest, new_serial
from iam_ra.pki.signer import KeySigner, Signer

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
YEAR = timedelta(days=365)
ROOT_KEY = key_of("ec-p256")
HOST_KEY = PrivateKey.generate("ec-p256")

namespaces = st.from_regex(r"[a-z][a-z0-9-]{0,19}", fullmatch=True)
scopes = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", fullmatch=True)
identities = st.from_regex(r"[A-Za-z0-9_.=+@-]{1,61}", fullmatch=True)


def root(
    key: PrivateKey = ROOT_KEY, *, now: datetime = NOW, validity: timedelta = 10 * YEAR
) -> x509.Certificate:
    return self_signed(
        key.signing_key,
        authority_subject("default", "default"),
        serial=new_serial(),
        now=now,
        validity=validity,
    )


def signer(algorithm: KeyAlgorithm = "ec-p256") -> Signer:
    return KeySigner(root(key_of(algorithm)), key_of(algorithm).signing_key)


def request(identity: str = "web.example.com") -> LeafRequest:
    return LeafRequest(identity, HOST_KEY.public_key, new_serial(), NOW, YEAR)


def verify(leaf: x509.Certificate, anchor: x509.Certificate, at: datetime) -> None:
    """Verify a chain with cryptography's verifier; the SAN that web servers need is optional here."""
    ends = verification.ExtensionPolicy.webpki_defaults_ee().may_be_present(
        x509.SubjectAlternativeName, verification.Criticality.AGNOSTIC, None
    )
    authorities = verification.ExtensionPolicy.webpki_defaults_ca()
    (
        verification.PolicyBuilder()
        .store(verification.Store([anchor]))
        .time(at.replace(tzinfo=None))
        .extension_policies(ca_policy=authorities, ee_policy=ends)
        .build_client_verifier()
        .verify(leaf, [])
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_leaf_and_root_chain(algorithm: KeyAlgorithm) -> None:
    authority = signer(algorithm)
    leaf = authority.sign_leaf(request())
    verify(leaf, authority.certificate, NOW)
    with pytest.raises(verification.VerificationError):
        verify(leaf, root(HOST_KEY), NOW)
    with pytest.raises(verification.VerificationError):
        verify(leaf, authority.certificate, NOW + YEAR + timedelta(seconds=1))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_signatures_are_sha256_whatever_the_key(algorithm: KeyAlgorithm) -> None:
    authority = signer(algorithm)
    for certificate in (authority.certificate, authority.sign_leaf(request())):
        assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)


def extensions(certificate: x509.Certificate) -> dict[str, tuple[bool, x509.ExtensionType]]:
    return {
        extension.oid._name: (extension.critical, extension.value) for extension in certificate.extensions
    }


def test_a_root_signs_leaves_and_crls_only() -> None:
    certificate = root()
    found = extensions(certificate)
    assert certificate.version is x509.Version.v3
    assert certificate.subject == certificate.issuer
    assert found["basicConstraints"] == (True, x509.BasicConstraints(ca=True, path_length=0))
    critical, usage = found["keyUsage"]
    assert critical
    assert isinstance(usage, x509.KeyUsage)
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    own, issuer = found["subjectKeyIdentifier"][1], found["authorityKeyIdentifier"][1]
    assert isinstance(own, x509.SubjectKeyIdentifier)
    assert isinstance(issuer, x509.AuthorityKeyIdentifier)
    assert issuer.key_identifier == own.digest
    assert set(found) == {"basicConstraints", "keyUsage", "subjectKeyIdentifier", "authorityKeyIdentifier"}
    certificate.verify_directly_issued_by(certificate)


def test_a_leaf_proves_an_identity_and_nothing_else() -> None:
    authority, wanted = signer(), request()
    leaf = authority.sign_leaf(wanted)
    found = extensions(leaf)
    assert leaf.version is x509.Version.v3
    assert [attribute.oid for attribute in leaf.subject] == [NameOID.COMMON_NAME]
    assert common_name(leaf.subject) == "web.example.com"
    assert leaf.serial_number == wanted.serial
    assert leaf.issuer == authority.certificate.subject
    assert found["basicConstraints"] == (True, x509.BasicConstraints(ca=False, path_length=None))
    critical, usage = found["keyUsage"]
    assert critical
    assert isinstance(usage, x509.KeyUsage)
    assert (usage.digital_signature, usage.key_cert_sign, usage.crl_sign) == (True, False, False)
    assert found["extendedKeyUsage"] == (False, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))
    issuer, above = (
        found["authorityKeyIdentifier"][1],
        extensions(authority.certificate)["subjectKeyIdentifier"][1],
    )
    assert isinstance(issuer, x509.AuthorityKeyIdentifier)
    assert isinstance(above, x509.SubjectKeyIdentifier)
    assert issuer.key_identifier == above.digest
    assert "subjectKeyIdentifier" in found


def test_a_leaf_names_its_authority_even_when_that_has_no_key_identifier() -> None:
    key = key_of("ec-p256")
    name = authority_subject("default", "bare")
    bare = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key)
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + YEAR)
        .sign(key.signing_key, hashes.SHA256())
    )
    leaf = KeySigner(bare, key.signing_key).sign_leaf(request())
    identifier = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert identifier.key_identifier == x509.SubjectKeyIdentifier.from_public_key(key.public_key).digest


def test_lives_start_a_little_earlier_and_end_in_time() -> None:
    leaf, whole = signer().sign_leaf(request()), NOW.replace(microsecond=0)
    assert leaf.not_valid_before_utc == whole - timedelta(minutes=5)
    assert leaf.not_valid_after_utc == whole + YEAR
    elsewhere = replace(request(), now=NOW.astimezone(timezone(timedelta(hours=10))))
    assert signer().sign_leaf(elsewhere).not_valid_after_utc == whole + YEAR


def test_a_leaf_does_not_outlive_its_authority() -> None:
    authority = signer()
    leaf = authority.sign_leaf(replace(request(), validity=20 * YEAR))
    assert leaf.not_valid_after_utc == authority.certificate.not_valid_after_utc
    early = authority.sign_leaf(replace(request(), now=NOW - timedelta(minutes=3)))
    assert early.not_valid_before_utc == authority.certificate.not_valid_before_utc


@pytest.mark.parametrize("now", [NOW + 11 * YEAR, NOW - 2 * YEAR, NOW + 10 * YEAR])
def test_an_authority_outside_its_life_signs_nothing(now: datetime) -> None:
    with pytest.raises(CertificateError) as caught:
        signer().sign_leaf(replace(request(), now=now))
    assert f"{now:%Y-%m-%d %H:%M:%S}" in caught.value.why


@given(st.timedeltas(min_value=timedelta(days=1)))
def test_no_validity_is_too_long(validity: timedelta) -> None:
    certificate = root(validity=validity)
    whole = NOW.replace(microsecond=0)
    assert certificate.not_valid_after_utc.year < 9999
    if validity < 1000 * YEAR:
        assert certificate.not_valid_after_utc == whole + timedelta(seconds=validity // timedelta(seconds=1))


def test_a_validity_of_nothing_is_refused() -> None:
    with pytest.raises(CertificateError, match="cannot be made"):
        root(validity=timedelta(0))


def test_serials_are_random_and_always_40_hex_digits() -> None:
    serials = {new_serial() for _ in range(1000)}
    assert len(serials) == 1000
    assert all(len(f"{serial:x}") == 40 and serial.bit_length() == 159 for serial in serials)


@given(namespaces, scopes, st.integers(1, 999))
def test_every_authority_fits_x520(namespace: str, scope: str, generation: int) -> None:
    name = authority_subject(namespace, scope, generation)
    assert len(common_name(name)) <= 64
    assert common_name(name).startswith(f"iam-ra {namespace} ")
    assert common_name(name).endswith(f" G{generation}")


@given(st.lists(st.tuples(namespaces, scopes, st.integers(1, 12)), min_size=2, max_size=8, unique=True))
def test_every_authority_has_a_subject_of_its_own(authorities: list[tuple[str, str, int]]) -> None:
    for one, other in combinations(authorities, 2):
        assert authority_subject(*one) != authority_subject(*other)


def test_long_scopes_that_start_alike_differ() -> None:
    one, other = (common_name(authority_subject("default", "a" * 100 + end)) for end in "xy")
    assert one != other
    assert len(one) == len(other) == 64
    assert common_name(authority_subject("default", "default")) == "iam-ra default default G1"


@given(identities)
def test_every_identity_of_the_file_can_be_certified(identity: str) -> None:
    leaf = signer().sign_leaf(request(identity))
    assert describe(load_certificate(certificate_pem(leaf))).identity == identity


@pytest.mark.parametrize("identity", ["", "x" * 65])
def test_an_identity_that_is_no_common_name_is_refused(identity: str) -> None:
    with pytest.raises(CertificateError, match="No certificate can be issued"):
        signer().sign_leaf(request(identity))


def test_a_key_of_another_authority_does_not_sign() -> None:
    with pytest.raises(CertificateError, match="does not belong to the authority"):
        KeySigner(root(), HOST_KEY.signing_key)


def test_describe_says_what_records_need() -> None:
    wanted = request()
    leaf = signer().sign_leaf(wanted)
    info = describe(leaf)
    assert info.serial == str(wanted.serial)
    assert info.serial_hex == f"{wanted.serial:x}"
    assert (info.identity, info.issuer, info.algorithm) == (
        "web.example.com",
        "iam-ra default default G1",
        "ec-p256",
    )
    assert (info.not_before, info.not_after) == (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
    assert info.fingerprint == fingerprint(leaf) == leaf.fingerprint(hashes.SHA256()).hex()
    assert info.spki == spki_digest(HOST_KEY.public_key)


def test_matches() -> None:
    leaf = signer().sign_leaf(request())
    assert matches(HOST_KEY, leaf)
    assert not matches(key_of("ec-p256"), leaf)


def test_load_takes_exactly_one_certificate() -> None:
    pem = certificate_pem(root())
    assert certificate_pem(load_certificate(pem.encode())) == pem
    for text in ("", "hello", pem * 2, pem.replace("M", "N", 5), HOST_KEY.pem().reveal()):
        with pytest.raises(CertificateError) as caught:
            load_certificate(text)
        assert caught.value.why
        assert caught.value.fix
