from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.unit.anywhere.world import CA, LEAF, NOW, SERIAL, ec_key, root

from iam_ra.anywhere.chain import Path, find_paths
from iam_ra.anywhere.revocation import Crl, load_crls, revoked
from iam_ra.engine.errors import CertificateError


def path() -> Path:
    return find_paths(LEAF, [], [CA.certificate]).paths[0]


def crl(data: bytes, *, enabled: bool = True) -> Crl:
    return Crl("arn:aws:rolesanywhere:us-east-1:123456789012:crl/1", enabled, load_crls(data))


def test_a_listed_serial_is_revoked() -> None:
    assert revoked(path(), [crl(CA.crl(1, SERIAL, 3))]) == (LEAF,)


def test_other_serials_are_not() -> None:
    assert revoked(path(), [crl(CA.crl(1, SERIAL + 1))]) == ()
    assert revoked(path(), [crl(CA.crl())]) == ()
    assert revoked(path(), []) == ()


def test_a_disabled_list_revokes_nothing() -> None:
    assert revoked(path(), [crl(CA.crl(SERIAL), enabled=False)]) == ()
    assert revoked(path(), [crl(CA.crl(SERIAL), enabled=False), crl(CA.crl(SERIAL))]) == (LEAF,)


def test_a_list_of_another_issuer_or_key_revokes_nothing() -> None:
    assert revoked(path(), [crl(root("other").crl(SERIAL))]) == ()
    assert revoked(path(), [crl(CA.crl(SERIAL, key=ec_key()))]) == ()
    assert revoked(path(), [crl(CA.crl(SERIAL, issuer="other"))]) == ()


def test_an_issuer_without_crl_sign_revokes_nothing() -> None:
    authority = root(usages=frozenset({"key_cert_sign"}))
    way = find_paths(authority.issue(), [], [authority.certificate]).paths[0]
    assert revoked(way, [crl(authority.crl(SERIAL))]) == ()


def test_an_expired_list_still_revokes_what_it_lists_and_nothing_else() -> None:
    old = crl(CA.crl(SERIAL, ends=NOW - timedelta(days=1)))
    assert revoked(path(), [old]) == (LEAF,)
    assert revoked(path(), [crl(CA.crl(1, ends=NOW - timedelta(days=1)))]) == ()


def test_intermediates_can_be_revoked() -> None:
    sub = CA.below("sub", serial=77)
    way = find_paths(sub.issue(), [sub.certificate], [CA.certificate]).paths[0]
    assert revoked(way, [crl(CA.crl(77))]) == (sub.certificate,)
    assert revoked(way, [crl(sub.crl(77))]) == ()


def test_a_blob_may_hold_several_lists_or_be_der() -> None:
    both = root("other").crl(1) + b"\n" + CA.crl(SERIAL)
    assert len(load_crls(both)) == 2
    assert revoked(path(), [crl(both)]) == (LEAF,)
    der = x509.load_pem_x509_crl(CA.crl(SERIAL)).public_bytes(Encoding.DER)
    assert revoked(path(), [crl(der)]) == (LEAF,)


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"]
)
def test_unreadable_lists_are_an_error(data: bytes) -> None:
    with pytest.raises(CertificateError, match="cannot be read"):
        load_crls(data)
