"""The keys of hosts, as the file speaks of them: requests, recipients, roles that a certificate says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyrage
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from iam_ra.config.diagnostics import Check
from iam_ra.config.recipients import recipient_problem
from iam_ra.engine.errors import CertificateError
from iam_ra.pki.csr import load_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from iam_ra.config.diagnostics import Diagnostic
    from iam_ra.config.load import Loaded

    Problems = Callable[[str | bytes], list[Diagnostic]]

WEAK = 1024
ROLES = "roles: {a: {}}\n"


def request(key: Any, name: str = "whatever", *, ca: bool = False) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


def curve(kind: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(kind or ec.SECP256R1())


# Requests


@pytest.mark.parametrize("bits", [2048, 3072])
def test_keys_that_roles_anywhere_takes(bits: int) -> None:
    key = rsa.generate_private_key(65537, bits)
    assert load_request(request(key)).public_key == key.public_key()
    other = curve(ec.SECP384R1())
    assert load_request(request(other)).public_key == other.public_key()


def test_name_and_extensions_count_for_nothing() -> None:
    key = curve()
    assert load_request(request(key, "root", ca=True)).public_key == key.public_key()


def test_a_new_request_is_another_digest_and_a_copy_is_not() -> None:
    key = curve()
    first = request(key)
    again = load_request(b"Written by hand\n" + first.replace(b"\n", b"\r\n"))
    assert again == load_request(first)
    second = load_request(request(key))
    assert second.digest != again.digest
    assert second.spki == again.spki


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (lambda: rsa.generate_private_key(65537, WEAK), "RSA with 1024 bits"),
        (lambda: curve(ec.SECP521R1()), "the curve secp521r1"),
        (lambda: curve(ec.SECP256K1()), "the curve secp256k1"),
        (ed25519.Ed25519PrivateKey.generate, "Ed25519"),
    ],
)
def test_other_keys_are_refused(key: Callable[[], Any], said: str) -> None:
    with pytest.raises(CertificateError) as error:
        load_request(request(key()))
    assert said in error.value.what
    assert error.value.fix


def test_a_request_that_somebody_changed_is_refused() -> None:
    honest, other = request(curve()), x509.load_pem_x509_csr(request(curve()))
    own = x509.load_pem_x509_csr(honest)
    point = own.public_key().public_bytes(*RAW)
    forged = own.public_bytes(serialization.Encoding.DER).replace(
        point, other.public_key().public_bytes(*RAW)
    )
    pem = x509.load_der_x509_csr(forged).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(CertificateError, match="signature"):
        load_request(pem)


RAW = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


@pytest.mark.parametrize("text", [b"", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", b"\x00\xff", b"hello"])
def test_what_is_no_request(text: bytes) -> None:
    with pytest.raises(CertificateError, match="no certificate signing request"):
        load_request(text)


def test_a_private_key_beside_the_request_is_refused() -> None:
    pem = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + request(curve())
    with pytest.raises(CertificateError, match="private key"):
        load_request(pem)


def test_a_host_with_a_request_is_delivered_nothing(
    tmp_path: Path, load_text: Callable[[str], Loaded]
) -> None:
    pem = request(curve())
    (tmp_path / "csrs").mkdir()
    (tmp_path / "csrs/box.pem").write_bytes(pem)
    host = load_text(ROLES + "hosts: {box: {roles: [a], csr: csrs/box.pem}}").namespace.hosts["box"]
    assert (host.csr, host.delivery) == ("csrs/box.pem", ())
    assert host.csr_digest == load_request(pem).digest


def test_two_hosts_cannot_have_one_key(tmp_path: Path, problems: Problems) -> None:
    key = curve()
    (tmp_path / "one.pem").write_bytes(request(key))
    (tmp_path / "two.pem").write_bytes(request(key))
    (found,) = problems(
        ROLES + "hosts:\n  one: {roles: [a], csr: one.pem}\n  two: {roles: [a], csr: two.pem}\n"
    )
    assert (found.id, found.line, found.column) == (Check.CSR_KEY_TAKEN.code, 7, 26)
    assert "`one`" in found.what


def test_a_bad_request_is_said_at_its_place_with_its_fix(tmp_path: Path, problems: Problems) -> None:
    (tmp_path / "one.pem").write_bytes(request(rsa.generate_private_key(65537, WEAK)))
    (found,) = problems(ROLES + "hosts: {one: {roles: [a], csr: one.pem}}")
    assert (found.id, found.line) == (Check.CSR.code, 5)
    assert found.what == "`one.pem`: its key is RSA with 1024 bits"
    assert "openssl" in found.fix


def test_settings_of_a_delivery_that_a_request_makes_idle(tmp_path: Path, problems: Problems) -> None:
    (tmp_path / "one.pem").write_bytes(request(curve()))
    found = problems(ROLES + "hosts: {one: {roles: [a], csr: one.pem, delivery: [sops], sops: w.yaml}}")
    assert [(each.id, each.path) for each in found] == [
        (Check.UNUSED_SETTING.code, "hosts.one.delivery"),
        (Check.UNUSED_SETTING.code, "hosts.one.sops"),
    ]


# Recipients


def test_keys_of_age_and_ssh_are_recipients() -> None:
    assert not recipient_problem(str(pyrage.x25519.Identity.generate().to_public()))
    for key in (ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)):
        public = key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        assert not recipient_problem(public.decode())
        assert not recipient_problem(f"{public.decode()} root@web, the new one")


def test_misspelt_keys_are_not() -> None:
    good = str(pyrage.x25519.Identity.generate().to_public())
    swapped = good[:20] + ("q" if good[20] != "q" else "p") + good[21:]
    assert "misspelt" in recipient_problem(swapped)
    assert "62" in recipient_problem(good[:-1])
    assert recipient_problem(good.upper())
    assert recipient_problem("")
    assert recipient_problem("ssh-ed25519 AAAA")
    assert recipient_problem("ssh-dss AAAAB3NzaC1kc3MAAACB")
    assert "secret" in recipient_problem(str(pyrage.x25519.Identity.generate()))


def test_a_secret_key_is_not_repeated_by_the_problem(problems: Problems) -> None:
    secret = str(pyrage.x25519.Identity.generate())
    (found,) = problems(f"defaults: {{age_recipients: [{secret}]}}")
    assert found.id == Check.RECIPIENT.code
    assert secret not in found.what + found.why + found.fix


def test_recipients_of_a_host_beat_the_defaults(load_text: Callable[[str], Loaded]) -> None:
    one, two = (str(pyrage.x25519.Identity.generate().to_public()) for _ in range(2))
    hosts = load_text(
        f"defaults: {{delivery: [age], age_recipients: [{one}]}}\n{ROLES}"
        f"hosts: {{w1: {{roles: [a]}}, w2: {{roles: [a], age_recipients: [{two}]}}}}"
    ).namespace.hosts
    assert hosts["w1"].age_recipients == (one,)
    assert hosts["w2"].age_recipients == (two,)


# Roles that certificates say


def test_only_roles_bound_by_certificate_count(problems: Problems) -> None:
    names = [f"{'r' * 30}{number}" for number in range(8)]
    hosts = f"hosts: {{w1: {{default_role: {names[0]}, roles: [{', '.join(names)}]}}}}"
    roles = ", ".join(f"{name}: {{}}" for name in names)
    assert not problems(f"roles: {{{roles}}}\n{hosts}")
    bound = f"certificate_authorities: {{default: {{bind: certificate}}}}\nroles: {{{roles}}}\n{hosts}"
    assert [each.id for each in problems(bound)] == [Check.UNITS.code]
    assert not problems(bound.replace(f"{names[0]}: {{}}", f"{names[0]}: {{bind: identity}}", 1))
