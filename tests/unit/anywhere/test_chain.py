from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.unit.anywhere.world import (
    CA,
    CA_USAGE,
    KEYS,
    LEAF,
    MLDSA_KEYS,
    NOW,
    YEAR,
    Authority,
    ec_key,
    name,
    root,
)

from iam_ra.anywhere.chain import find_paths, leaf_problems


def found(leaf: x509.Certificate, chain: list[x509.Certificate], *anchors: Authority) -> bool:
    return bool(find_paths(leaf, chain, [each.certificate for each in anchors]).paths)


def why(leaf: x509.Certificate, chain: list[x509.Certificate], *anchors: Authority) -> str:
    search = find_paths(leaf, chain, [each.certificate for each in anchors])
    assert not search.paths
    return "\n".join(search.misses)


@pytest.mark.parametrize("kind", [*KEYS, *MLDSA_KEYS])
def test_leaves_of_every_key_kind_are_fit(kind: str) -> None:
    leaf = CA.issue(key=(KEYS | MLDSA_KEYS)[kind])
    assert leaf_problems(leaf) == ()
    assert found(leaf, [], CA)


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_stronger_hashes_are_fit(algorithm: Any) -> None:
    assert leaf_problems(CA.issue(signed_with=algorithm)) == ()


def test_basic_constraints_and_extended_key_usage_may_be_absent_or_there() -> None:
    assert leaf_problems(CA.issue(ca=None)) == ()
    server_only = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    assert leaf_problems(CA.issue(extra=[(server_only, True)])) == ()


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"ca": True}, "basicConstraints must not say CA"),
        ({"usages": None}, "there is no keyUsage"),
        ({"usages": CA_USAGE}, "keyUsage must hold digitalSignature; it does not"),
        ({"signed_with": hashes.SHA224()}, "SHA-256 or stronger; it is signed with ecdsa-with-SHA224"),
        ({"subject": name()}, "the subject must not be empty"),
        ({"key": ed25519.Ed25519PrivateKey.generate()}, "the key must be RSA, EC or ML-DSA; it is Ed25519"),
        (
            {"extra": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]},
            "the critical extension 1.2.3.4 cannot be evaluated",
        ),
    ],
)
def test_unfit_leaves(rules: dict[str, Any], problem: str) -> None:
    assert any(problem in each for each in leaf_problems(CA.issue(**rules)))


def test_every_problem_of_a_leaf_is_told() -> None:
    assert len(leaf_problems(CA.issue(ca=True, usages=None, subject=name()))) == 3


def test_a_version_1_certificate_is_unfit() -> None:
    """The DER of a v3 certificate without its version field and extensions is one of version 1."""
    assert any("version 3; it is v1" in each for each in leaf_problems(_version_1()))


def _version_1() -> x509.Certificate:
    tbs = LEAF.tbs_certificate_bytes

    def header(data: bytes) -> int:
        return 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)

    def wrap(tag: int, data: bytes) -> bytes:
        octets = len(data).to_bytes((len(data).bit_length() + 7) // 8)
        length = octets if len(data) < 128 else bytes([0x80 | len(octets)]) + octets
        return bytes([tag]) + length + data

    fields = tbs[header(tbs) + 5 :]
    signature = wrap(0x03, b"\x00" + LEAF.signature)
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    return x509.load_der_x509_certificate(
        wrap(0x30, wrap(0x30, fields[: fields.rindex(b"\xa3")]) + algorithm + signature)
    )


def test_another_authority_of_the_same_name_is_not_the_anchor() -> None:
    assert "the signature is another key's" in why(LEAF, [], root())


def test_another_authority_is_not_the_anchor() -> None:
    assert "CN=web is issued by CN=root, which neither anchor nor chain holds" in why(LEAF, [], root("other"))


def test_the_second_certificate_of_an_anchor_counts() -> None:
    assert found(LEAF, [], root("new"), CA)
    assert found(LEAF, [], root(), CA)


def test_five_intermediates_in_any_order_with_root_and_leaf_among_them() -> None:
    authorities = [CA]
    for number in range(4):
        authorities.append(authorities[-1].below(f"sub {number}"))
    leaf = authorities[-1].issue()
    between = [each.certificate for each in authorities[1:]]
    for order in permutations(between):
        assert found(leaf, list(order), CA)
    assert found(leaf, [CA.certificate, leaf, *between], CA)
    deeper = authorities[-1].below("sub 4")
    assert found(deeper.issue(), [*between, deeper.certificate], CA)


def test_a_missing_intermediate_is_told() -> None:
    top = CA.below("sub")
    assert "CN=web is issued by CN=sub" in why(top.issue(), [], CA)


def test_a_foreign_intermediate_leads_nowhere() -> None:
    foreign = root("foreign").below("sub")
    assert not found(foreign.issue(), [foreign.certificate], CA)
    assert not found(CA.below("sub").issue(), [foreign.certificate], CA)


def test_the_anchor_may_be_an_intermediate_itself() -> None:
    sub = CA.below("sub")
    assert found(sub.issue(), [], sub)
    assert found(sub.issue(), [CA.certificate], sub)
    assert not found(LEAF, [CA.certificate], sub)


def test_a_leaf_cannot_issue() -> None:
    key = ec_key()
    for ca in (False, None):
        middle = Authority(CA.issue("middle", key=key, usages=CA_USAGE, ca=ca), key)
        assert "its basicConstraints do not say CA" in why(middle.issue(), [middle.certificate], CA)


@pytest.mark.parametrize("usages", [None, frozenset({"crl_sign"})])
def test_an_authority_needs_key_cert_sign(usages: frozenset[str] | None) -> None:
    sub = CA.below("sub", usages=usages)
    assert "its keyUsage does not hold keyCertSign" in why(sub.issue(), [sub.certificate], CA)


def test_path_lengths_are_kept() -> None:
    short = root("short", path_length=0)
    assert found(short.issue(), [], short)
    sub = short.below("sub")
    assert "its path length is 0, and 1 authorities stand below it" in why(
        sub.issue(), [sub.certificate], short
    )
    longer = root("longer", path_length=1)
    sub = longer.below("sub", path_length=0)
    assert found(sub.issue(), [sub.certificate], longer)
    deep = sub.below("deep")
    assert not found(deep.issue(), [sub.certificate, deep.certificate], longer)


def test_weakly_signed_intermediates_are_refused() -> None:
    sub = CA.below("sub", signed_with=hashes.SHA224())
    assert "CN=sub is signed with ecdsa-with-SHA224" in why(sub.issue(), [sub.certificate], CA)


def test_name_constraints_are_refused_and_not_overlooked() -> None:
    constraint = x509.NameConstraints([x509.DNSName("example.com")], None)
    sub = CA.below("sub", extra=[(constraint, True)])
    assert "its critical extension 2.5.29.30 cannot be evaluated" in why(sub.issue(), [sub.certificate], CA)


def test_circles_end() -> None:
    one, two = ec_key(), ec_key()
    first = Authority(root("two", key=two).issue("one", key=one, ca=True, usages=CA_USAGE), one)
    second = Authority(first.issue("two", key=two, ca=True, usages=CA_USAGE), two)
    assert not found(first.issue(), [first.certificate, second.certificate], CA)


def test_a_path_that_is_valid_now_is_preferred() -> None:
    key = ec_key()
    old = root(key=key, ends=NOW - timedelta(days=1))
    new = root(key=key)
    search = find_paths(old.issue(), [], [old.certificate, new.certificate])
    best = search.best(NOW)
    assert best is not None
    assert best.certificates[-1] == new.certificate
    assert best.outside(NOW) == ()


def test_validity_includes_both_ends() -> None:
    leaf = CA.issue(starts=NOW, ends=NOW + YEAR)
    path = find_paths(leaf, [], [CA.certificate]).paths[0]
    second = timedelta(seconds=1)
    assert path.outside(NOW) == path.outside(NOW + YEAR) == ()
    assert path.outside(NOW - second) == path.outside(NOW + YEAR + second) == (leaf,)


def test_an_expired_anchor_counts_against_the_path() -> None:
    old = root(ends=NOW - timedelta(days=1))
    assert find_paths(old.issue(), [], [old.certificate]).paths[0].outside(NOW) == (old.certificate,)


@pytest.mark.parametrize("kind", MLDSA_KEYS)
def test_an_mldsa_authority_is_taken(kind: str) -> None:
    top = root(key=KEYS["rsa-2048"])
    sub = top.below("sub", key=MLDSA_KEYS[kind])
    assert found(sub.issue(signed_with=None), [sub.certificate], top)
    assert leaf_problems(sub.issue(signed_with=None)) == ()


def test_ed25519_authorities_are_refused() -> None:
    sub = CA.below("sub", key=ed25519.Ed25519PrivateKey.generate())
    assert any("SHA-256 or stronger" in each for each in leaf_problems(sub.issue(signed_with=None)))
