"""The ledger held against the state: what has become of each certificate that was ever begun."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from iam_ra.config.model import entity_of, scope_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Recorded
    from iam_ra.state.ledger import Written

_HOSTS = "host/"


class Status(StrEnum):
    """What a certificate is good for. `superseded`: for nothing that the file gives, and not revoked yet."""

    VALID = "valid"
    OVERLAP = "overlap"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    EXPIRED = "expired"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A line of the ledger. `serial` is decimal, `serial_hex` the same in 40 hex digits; times are ISO 8601.

    Both are empty for what a private CA was asked by an apply that was killed before the answer; `token` says by which
    idempotency token it was asked.

    `until` is when its overlap ends, `revoked` when it was revoked and `reason` by which word of RFC 5280 5.3.1, each
    empty when that is not so. `why` says why it was issued, and `run` by which apply: the id that the history has too.
    """

    serial: str
    serial_hex: str
    entity: str
    identity: str
    authority: str
    generation: int
    not_before: str
    not_after: str
    status: Status
    until: str
    revoked: str
    reason: str
    why: str
    issued: str
    run: str
    token: str = ""


def certificates(
    written: Iterable[Written], parts: Mapping[Address, Recorded], now: datetime
) -> tuple[Certificate, ...]:
    """Return every certificate that was ever begun, the authorities' own first, each entity's from old to new."""
    known = _Known(parts, now)
    written = tuple(written)
    named = {each.entry.token for each in written if each.entry.serial}
    found = (known.judge(each) for each in written if each.entry.serial or each.entry.token not in named)
    return tuple(sorted(found, key=lambda each: (each.entity, each.not_before, each.issued, each.serial_hex)))


class _Known:
    """What the state says of serials."""

    def __init__(self, parts: Mapping[Address, Recorded], now: datetime) -> None:
        self._now = now
        self._current = {part.outputs["serial"] for part in parts.values() if "not_after" in part.outputs}
        self._overlapping = {
            each["serial"]: each["until"]
            for part in parts.values()
            for each in part.outputs.get("earlier", ())
            if now < datetime.fromisoformat(each["until"])
        }
        # A private CA knows of these, and Roles Anywhere does not yet.
        unpublished = {serial for part in parts.values() for serial in part.outputs.get("unpublished", ())}
        self._revoked: Mapping[str, Mapping[str, Any]] = {
            each["serial"]: each for each in revoked_entries(parts) if each["serial"] not in unpublished
        }

    def judge(self, written: Written) -> Certificate:
        entry = written.entry
        status = self._status(written)
        revoked = self._revoked.get(entry.serial, {})
        return Certificate(
            serial=entry.serial,
            serial_hex=f"{int(entry.serial):040x}" if entry.serial else "",
            entity=entry.entity,
            identity=entry.identity,
            authority=entity_of(entry.authority),
            generation=entry.generation,
            not_before=entry.not_before,
            not_after=entry.not_after,
            status=status,
            until=self._overlapping[entry.serial] if status is Status.OVERLAP else "",
            revoked=revoked.get("when", ""),
            reason=revoked.get("reason", ""),
            why=entry.why,
            issued=entry.written,
            run=entry.run,
            token=entry.token,
        )

    def _status(self, written: Written) -> Status:
        entry = written.entry
        if not written.is_signed:
            return Status.LOST
        if datetime.fromisoformat(entry.not_after) <= self._now:
            return Status.EXPIRED
        if entry.serial in self._revoked:
            return Status.REVOKED
        if entry.serial in self._current:
            return Status.VALID
        return Status.OVERLAP if entry.serial in self._overlapping else Status.SUPERSEDED


def revoked_entries(parts: Mapping[Address, Recorded]) -> Iterator[Mapping[str, Any]]:
    """Yield what the recorded revocation lists hold: mappings with `serial` (decimal), `reason` and `when`."""
    for address, part in parts.items():
        if scope_of(address.entity) is not None:
            for serial, each in part.inputs.get("revoked", {}).items():
                yield {"serial": serial, **each}
