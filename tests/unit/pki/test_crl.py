from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from tests.unit.pki.samples import key_of

from iam_ra.engine.errors import CertificateError
from iam_ra.pki.authority import authority_subject, self_signed
from iam_ra.pki.crl import REASONS, CrlEntry, CrlRequest, crl_numbers, crl_pem, largest_pem
from iam_ra.pki.keys import ALGORITHMS, KeyAlgorithm
from iam_ra.pki.leaf import new_serial
from iam_ra.pki.signer import KeySigner

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def signer(algorithm: KeyAlgorithm = "ec-p256", scope: str = "default") -> KeySigner:
    key = key_of(algorithm).signing_key
    return KeySigner(
        self_signed(
            key,
            authority_subject("default", scope),
            serial=new_serial(),
            now=NOW - timedelta(days=1),
            validity=timedelta(days=3650),
        ),
        key,
    )


def entries(count: int, when: datetime = NOW) -> tuple[CrlEntry, ...]:
    reasons = sorted(REASONS)
    return tuple(CrlEntry(new_serial(), when, reasons[n % len(reasons)]) for n in range(count))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_list_says_what_was_asked_for(algorithm: KeyAlgorithm) -> None:
    authority, revoked = signer(algorithm), entries(7)
    crl = authority.sign_crl(CrlRequest(41, NOW, revoked))
    root = authority.certificate
    assert crl.is_signature_valid(key_of(algorithm).public_key)
    assert crl.issuer == root.subject
    assert crl.next_update_utc == root.not_valid_after_utc
    assert crl.last_update_utc == NOW.replace(microsecond=0) - timedelta(minutes=5)
    identifier = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert identifier.key_identifier == own.digest
    assert list(crl_numbers(crl_pem(crl))) == [41]
    assert [
        (each.serial_number, each.revocation_date_utc, each.extensions[0].value.reason.name) for each in crl
    ] == [(each.serial, NOW.replace(microsecond=0), each.reason) for each in revoked]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("count", [0, 1, 200, 4000])
def test_the_size_is_known_before_it_is_signed(algorithm: KeyAlgorithm, count: int) -> None:
    late = datetime(2051, 1, 1, tzinfo=UTC)
    for revoked in (entries(count), entries(count, late)):
        size = len(crl_pem(signer(algorithm, "s" * 60).sign_crl(CrlRequest(1 << 60, NOW, revoked))))
        assert size <= largest_pem(count)
        assert largest_pem(count) - size < 1600 + 3 * count


def test_an_authority_that_ended_revokes_nothing() -> None:
    with pytest.raises(CertificateError):
        signer().sign_crl(CrlRequest(1, NOW + timedelta(days=3650), entries(1)))


def test_a_list_by_others_may_have_no_number() -> None:
    assert not list(crl_numbers(b"garbage"))
    builder = x509.CertificateRevocationListBuilder().issuer_name(x509.Name([]))
    key = key_of("ec-p256").signing_key

    crl = builder.last_update(NOW).next_update(NOW + timedelta(days=1)).sign(key, SHA256())
    assert not list(crl_numbers(crl_pem(crl)))
