"""What the state would hold of a part, made again from the world alone: for a state that is lost.

Certificates say what they are; the ledger says for whom and when they were written; revocation lists say what is revoked.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from iam_ra.config.durations import format_duration, parse_duration
from iam_ra.engine.part import Recorded
from iam_ra.pki.certificate import certificate_pem, load_certificate
from iam_ra.pki.crl import revocations_in
from iam_ra.pki.csr import load_request
from iam_ra.pki.keys import algorithm_of, fingerprint
from iam_ra.pki.times import BACKDATE
from iam_ra.state.ledger import Entry, issued_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cryptography.x509 import Certificate

    from iam_ra.engine.address import Address
    from iam_ra.kinds.run import Run

_SUPERSEDED = "superseded"
_HOLD = "certificate_hold"
_HOSTS = "host/"


def recovered_authority_inputs(certificate: Certificate, metadata_store: str) -> Mapping[str, Any]:
    """Return the inputs of a self-signed authority's generation."""
    if metadata_store == "cluster":
        return {"mode": "self-signed", "key_store": "cluster", "certificate": certificate_pem(certificate)}
    return {
        "mode": "self-signed",
        "key_store": metadata_store,
        "key": algorithm_of(certificate.public_key()),
        "validity": _validity(certificate) or "10y",
    }


def recovered_host_certificate(
    address: Address, kind: str, etag: str, inputs: Mapping[str, Any], run: Run
) -> Recorded | None:
    """Return a host's present certificate as it would be recorded; None when the ledger does not know it."""
    host = address.entity.removeprefix(_HOSTS)
    certificate = load_certificate(run.certificate_of(host))
    serial = str(certificate.serial_number)
    entries = sorted(
        (each for each in run.written if each.entity == address.entity and each.serial),
        key=lambda each: datetime.fromisoformat(each.written),
    )
    own = next((each for each in entries if each.serial == serial), None)
    authority = (
        None if own is None else run.bucket.get(run.names.authority_key(own.authority, own.generation))
    )
    if own is None or authority is None:
        return None
    ends = load_certificate(authority.data).not_valid_after_utc
    not_after = certificate.not_valid_after_utc
    known = {
        **inputs,
        "identity": own.identity,
        "ca": own.authority,
        "generation": own.generation,
        "authority": own.authority_fingerprint,
        **_key(certificate, inputs, run),
        **({} if not_after == ends else {"validity": _validity(certificate) or inputs["validity"]}),
    }
    known.pop("units", None)
    outputs = {
        "serial": serial,
        "fingerprint": fingerprint(certificate),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": not_after.isoformat(),
        "ends_with_authority": not_after == ends,
        "earlier": list(_earlier(entries[: entries.index(own) + 1], inputs["overlap"], run)),
        "object": etag,
    }
    return Recorded(address, kind, {**known, **_units(own)}, outputs)


def revoked_in(pem: bytes, run: Run) -> Mapping[str, Mapping[str, Any]]:
    """Return the entries of a revocation list as they would be recorded, by serial."""
    ends = {each.serial: each.not_after.isoformat() for each in issued_in(run.issued, run.names)}
    found = {}
    for serial, (reason, when) in revocations_in(pem).items():
        if serial in ends:
            found[serial] = {"reason": reason, "when": when.isoformat(), "not_after": ends[serial]}
    return dict(sorted(found.items()))


def _validity(certificate: Certificate) -> str | None:
    """Return for how long a certificate was made; None where its dates do not tell."""
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc - BACKDATE
    try:
        return format_duration(life)
    except ValueError:
        return None


def _key(certificate: Certificate, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
    """Return the input that says which key is certified; of a request only that it is the one in the file, or another."""
    if "csr" not in inputs:
        return {"key": algorithm_of(certificate.public_key())}
    request = load_request((run.root / inputs["csr_path"]).read_bytes())
    return {"csr": inputs["csr"] if request.public_key == certificate.public_key() else ""}


def _units(entry: Entry) -> Mapping[str, Any]:
    return {"units": list(entry.units)} if entry.units else {}


def _earlier(entries: Iterable[Entry], overlap: str, run: Run) -> Iterator[Mapping[str, Any]]:
    """Yield those that were followed by another and have not ended, each with the end of the overlap that began then."""
    *before, _ = entries = list(entries)
    revoked = run.revoked_serials
    for entry, following in zip(before, entries[1:], strict=True):
        end = datetime.fromisoformat(entry.not_after)
        if end <= run.now:
            continue
        until = min(datetime.fromisoformat(following.written) + parse_duration(overlap), end)
        reason, when = revoked.get(entry.serial, (_SUPERSEDED, until))
        yield {
            "ca": entry.authority,
            "generation": entry.generation,
            "identity": entry.identity,
            "serial": entry.serial,
            "not_after": entry.not_after,
            **_units(entry),
            "until": min(until, when).isoformat(),
            "reason": _SUPERSEDED if reason == _HOLD else reason,
        }
