"""The ledger: one entry a certificate, written before it is signed, never changed, never deleted but by destroy."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from iam_ra.engine.errors import StateError

if TYPE_CHECKING:
    from iam_ra.aws.naming import Names
    from iam_ra.aws.s3 import Bucket

FORMAT = "1.0"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said of a certificate before it exists. `serial` is its number in decimal; times are ISO 8601."""

    serial: str
    identity: str
    entity: str
    authority: str
    authority_fingerprint: str
    not_after: str
    why: str
    written: str


class Ledger:
    """One namespace's ledger in its bucket: an entry (JSON) a serial, and beside it the certificate (PEM) once signed."""

    def __init__(self, bucket: Bucket, names: Names) -> None:
        self._bucket = bucket
        self._names = names

    def intend(self, entry: Entry) -> None:
        """Write down that a certificate is about to be signed. Raises ConditionFailedError if the serial is taken."""
        document = {"format_version": FORMAT, **asdict(entry)}
        self._bucket.put(
            self._key(entry, "json"), json.dumps(document, indent=1).encode() + b"\n", if_absent=True
        )

    def signed(self, entry: Entry, certificate: bytes) -> None:
        """Keep the certificate itself (PEM): its public part."""
        self._bucket.put(self._key(entry, "pem"), certificate)

    def certificate(self, authority: str, serial: str) -> bytes:
        """Return a signed certificate (PEM). Raises StateError when the ledger does not have it."""
        key = self._names.ledger_key(authority, int(serial), "pem")
        stored = self._bucket.get(key)
        if stored is None:
            raise StateError(
                f"the ledger has no certificate {serial} of ca/{authority}",
                why=f"{key} is missing in the bucket",
                fix="restore its latest version in the bucket",
            )
        return stored.data

    def _key(self, entry: Entry, suffix: str) -> str:
        return self._names.ledger_key(entry.authority, int(entry.serial), suffix)
