"""OpenSSL judges revocation lists."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from iam_ra.pki.authority import authority_subject, self_signed
from iam_ra.pki.certificate import certificate_pem
from iam_ra.pki.crl import REASONS, CrlEntry, CrlRequest, crl_pem
from iam_ra.pki.keys import ALGORITHMS, KeyAlgorithm, PrivateKey
from iam_ra.pki.leaf import LeafRequest, new_serial
from iam_ra.pki.signer import KeySigner

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.tool("openssl")

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)  # noqa: S607


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_openssl_refuses_exactly_the_revoked(tmp_path: Path, algorithm: KeyAlgorithm) -> None:
    key, host = PrivateKey.generate(algorithm), PrivateKey.generate("ec-p256")
    subject = authority_subject("default", "edge")
    root = self_signed(key.signing_key, subject, serial=new_serial(), now=NOW, validity=3650 * DAY)
    signer = KeySigner(root, key.signing_key)
    anchor, crl = tmp_path / "root.pem", tmp_path / "crl.pem"
    anchor.write_text(certificate_pem(root))
    leaves = {}
    for name in (*REASONS, "good"):
        leaf = signer.sign_leaf(LeafRequest(name, host.public_key, new_serial(), NOW, 30 * DAY))
        (tmp_path / name).write_text(certificate_pem(leaf))
        leaves[name] = leaf.serial_number
    entries = tuple(CrlEntry(leaves[name], NOW, name) for name in REASONS)
    crl.write_bytes(crl_pem(signer.sign_crl(CrlRequest(7, NOW, entries))))

    verified = openssl("crl", "-in", crl, "-noout", "-verify", "-CAfile", anchor)
    assert "verify OK" in verified.stderr
    text = openssl("crl", "-in", crl, "-noout", "-text").stdout
    assert "Version 2" in text
    assert "X509v3 Authority Key Identifier" in text
    assert [word in text for word in ("Superseded", "Key Compromise", "Certificate Hold")] == [True] * 3

    def judged(name: str) -> str:
        options = ("-x509_strict", "-crl_check", "-CRLfile", crl, "-CAfile", anchor)
        done = openssl("verify", *options, tmp_path / name)
        return done.stdout + done.stderr

    assert judged("good").endswith("good: OK\n")
    assert all("certificate revoked" in judged(name) for name in REASONS)
