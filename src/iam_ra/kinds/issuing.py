"""Having an authority certify a host: the ledger names the certificate before anybody can hold it.

A private CA chooses the serial itself. So its certificate stands in the ledger twice: before it is asked, as an intent
under the token that stands for the one request; and as soon as the CA says the serial, under that. What an apply that was killed has left is
completed by the next one: an intent is named while its token is good, after that it stays as it is, lost.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from iam_ra.aws.pca import TOKEN_LENGTH, TOKEN_SECONDS, serial_of
from iam_ra.aws.pca_signer import PcaSigner, check_issued
from iam_ra.pki.certificate import certificate_pem
from iam_ra.pki.csr import check_says_only, make_request
from iam_ra.pki.leaf import leaf_subject

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from iam_ra.kinds.run import Run
    from iam_ra.pki.keys import PrivateKey
    from iam_ra.pki.leaf import LeafRequest
    from iam_ra.pki.signer import Signer
    from iam_ra.state.ledger import Entry

# Some of a token's life is left for the call itself.
_USABLE = timedelta(seconds=TOKEN_SECONDS - 30)


def issue(
    request: LeafRequest, entry: Entry, signer: Signer | PcaSigner, key: PrivateKey | None, run: Run
) -> tuple[str, Certificate]:
    """Return a certificate and its serial (decimal), both in the ledger. `entry` is the intent.

    `key` is None for a host that keeps its key to itself: then the request holds its own signing request.
    """
    if isinstance(signer, PcaSigner):
        csr = _csr(request, key)
        for forgotten in run.ledger.unnamed(entry, run.now - _USABLE):
            _certify(forgotten, signer, run)
        for unfetched in run.ledger.unsigned(entry):
            run.ledger.signed(unfetched, certificate_pem(signer.finish_of(int(unfetched.serial))).encode())
        intent = replace(entry, serial="", token=_token(entry, csr, signer), csr=csr.decode("ascii"))
        run.ledger.intend(intent)
        serial, certificate = _certify(intent, signer, run)
        check_issued(certificate, request, signer.certificate)
        return serial, certificate
    run.ledger.intend(entry)
    certificate = signer.sign_leaf(request)
    run.ledger.signed(entry, certificate_pem(certificate).encode())
    return entry.serial, certificate


def _csr(request: LeafRequest, key: PrivateKey | None) -> bytes:
    """Return the signing request that a private CA is to certify as it stands."""
    subject = leaf_subject(request.identity, request.units)
    if key is not None:
        return make_request(key, subject)
    check_says_only(request.csr, subject)
    return request.csr


def _certify(intent: Entry, signer: PcaSigner, run: Run) -> tuple[str, Certificate]:
    """Have an intent certified and name it; the same intent again gives the same certificate, as long as its token is good."""
    begin, end = (datetime.fromisoformat(each) for each in (intent.not_before, intent.not_after))
    arn = signer.begin(intent.csr.encode(), (begin, end), intent.token)
    entry = replace(intent, serial=str(serial_of(arn)), csr="")
    run.ledger.intend(entry)
    certificate = signer.finish(arn)
    run.ledger.signed(entry, certificate_pem(certificate).encode())
    return entry.serial, certificate


def _token(entry: Entry, csr: bytes, signer: PcaSigner) -> str:
    """Return the token that stands for this one intent, and for no other."""
    parts = (entry.run, entry.entity, entry.written, signer.info.arn, hashlib.sha256(csr).hexdigest())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:TOKEN_LENGTH]
