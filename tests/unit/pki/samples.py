"""Keys of the tests: one of each algorithm, made when it is first asked for. A long RSA key takes a second."""

from __future__ import annotations

from functools import cache

from iam_ra.pki.keys import KeyAlgorithm, PrivateKey


@cache
def key_of(algorithm: KeyAlgorithm) -> PrivateKey:
    return PrivateKey.generate(algorithm)
