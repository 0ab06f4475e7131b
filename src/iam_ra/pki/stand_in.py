"""A certificate like one that somebody else would issue, for judging beforehand what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.pki.authority import self_signed
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.leaf import LeafRequest, new_serial
from iam_ra.pki.signer import KeySigner
from iam_ra.pki.times import BACKDATE

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from cryptography.x509 import Certificate


def stand_in(
    authority: Certificate, identity: str, duration: timedelta, now: datetime
) -> tuple[Certificate, Certificate]:
    """Return an authority with the name and the life of the given one, and a certificate that it signs for an identity.

    Their keys are made here and forgotten: nobody takes what they sign. Raises CertificateError when the authority's life
    is over.
    """
    key, made = PrivateKey.generate("ec-p256"), authority.not_valid_before_utc + BACKDATE
    life = authority.not_valid_after_utc - made
    like = self_signed(key.signing_key, authority.subject, serial=new_serial(), now=made, validity=life)
    holder = PrivateKey.generate("ec-p256")
    request = LeafRequest(identity, holder.public_key, new_serial(), now, duration)
    return like, KeySigner(like, key.signing_key).sign_leaf(request)
