"""OpenSSL judges what pki makes."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from iam_ra.pki.authority import authority_subject, self_signed
from iam_ra.pki.certificate import certificate_pem
from iam_ra.pki.keys import ALGORITHMS, KeyAlgorithm, PrivateKey
from iam_ra.pki.leaf import LeafRequest, new_serial
from iam_ra.pki.signer import KeySigner

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.tool("openssl")

NOW = datetime.now(UTC)


def openssl(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=False)  # noqa: S607


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_openssl_takes_the_chain(tmp_path: Path, algorithm: KeyAlgorithm) -> None:
    key, host_key = (
        PrivateKey.generate(algorithm),
        PrivateKey.generate("ec-p256" if "rsa" in algorithm else algorithm),
    )
    root = self_signed(
        key.signing_key,
        authority_subject("default", "edge"),
        serial=new_serial(),
        now=NOW,
        validity=timedelta(days=3650),
    )
    serial = new_serial()
    leaf = KeySigner(root, key.signing_key).sign_leaf(
        LeafRequest("web.example.com", host_key.public_key, serial, NOW, timedelta(days=365))
    )
    (tmp_path / "root.pem").write_text(certificate_pem(root))
    (tmp_path / "leaf.pem").write_text(certificate_pem(leaf))
    strict = (
        "verify",
        "-x509_strict",
        "-check_ss_sig",
        "-purpose",
        "sslclient",
        "-CAfile",
        tmp_path / "root.pem",
    )
    done = openssl(*strict, tmp_path / "leaf.pem")
    assert done.returncode == 0, done.stderr
    shown = openssl(
        "x509", "-noout", "-serial", "-subject", "-issuer", "-in", tmp_path / "leaf.pem"
    ).stdout.decode()
    assert shown.lower().splitlines() == [
        f"serial={serial:x}",
        "subject=cn = web.example.com",
        "issuer=o = iam-ra, cn = iam-ra default edge g1",
    ]
    # A leaf signs nothing.
    below = KeySigner(leaf, host_key.signing_key).sign_leaf(
        LeafRequest("forged", key.public_key, new_serial(), NOW, timedelta(days=30))
    )
    (tmp_path / "below.pem").write_text(certificate_pem(below))
    assert openssl(*strict, "-untrusted", tmp_path / "leaf.pem", tmp_path / "below.pem").returncode != 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_openssl_reads_the_key(algorithm: KeyAlgorithm) -> None:
    key = PrivateKey.generate(algorithm)
    assert openssl("pkey", "-check", "-noout", stdin=key.pem().reveal()).returncode == 0
