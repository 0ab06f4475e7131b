"""`ca/x:certificate`: an authority's key, in its key store, and its self-signed certificate; a part a generation.

The first generation's part is `certificate`, the second's `certificate-2`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.config.durations import format_duration, parse_duration
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import Finding
from iam_ra.engine.errors import KeyStoreError
from iam_ra.engine.part import Observed, Part, Presence, Recorded, Ref
from iam_ra.kinds.base import Kind, register
from iam_ra.kinds.init import INIT_STACK
from iam_ra.pki.authority import authority_subject, self_signed
from iam_ra.pki.certificate import certificate_pem, describe, load_certificate, matches
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.leaf import new_serial
from iam_ra.pki.times import end_after, start_at
from iam_ra.state.ledger import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cryptography.x509 import Certificate

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Authority, Namespace
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

CERTIFICATE = "certificate"
REVOCATIONS = "revocations"
ENTITIES = "ca/"


def authority_certificate(scope: str, generation: int) -> Address:
    """Return the address of the certificate of an authority's generation."""
    return Address(f"{ENTITIES}{scope}", CERTIFICATE if generation == 1 else f"{CERTIFICATE}-{generation}")


def revocation_list(scope: str, generation: int) -> Address:
    """Return the address of the revocation list of an authority's generation."""
    return Address(f"{ENTITIES}{scope}", REVOCATIONS if generation == 1 else f"{REVOCATIONS}-{generation}")


def generation_of(address: Address) -> int | None:
    """Return whose certificate an authority's part is, or None for another part."""
    name, _, number = address.part.partition("-")
    if name != CERTIFICATE or not address.entity.startswith(ENTITIES):
        return None
    return int(number or 1)


def authority_output(authority: Authority, output: str) -> Ref:
    """Return a reference to an output of the generation that signs."""
    return Ref(authority_certificate(authority.name, authority.current.number), output)


@register
class AuthorityCertificate(Kind):
    """A self-signed root with path length 0. Its key is made where it will stay."""

    name = "authority-certificate"
    summary = "an authority's private key, in its key store, and its self-signed certificate"
    stable_outputs: ClassVar[frozenset[str]] = frozenset(
        {"certificate", "fingerprint", "serial", "identity", "not_before", "not_after"}
    )
    fixed_inputs: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("mode",),
        "its trust anchor cannot hold both; add a second authority and move the hosts over (`ca:` of each host), then "
        "remove this one",
    )

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a generation of an authority."""
        for authority in namespace.authorities.values():
            for generation in authority.generations:
                inputs = {
                    "mode": authority.mode,
                    "key_store": generation.key_store,
                    "key": generation.key,
                    "validity": format_duration(generation.validity),
                }
                yield Part(
                    authority_certificate(authority.name, generation.number),
                    self.name,
                    inputs,
                    (INIT_STACK,),
                    protect=authority.protect,
                    because=generation.because,
                )

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the generations whose certificate is in the bucket."""
        return {
            authority_certificate(scope, generation): Observed(
                Presence.PRESENT, {"object": etag, "kind": self.name}
            )
            for scope, generation, etag in _stored(snapshot)
        }

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:  # noqa: ARG002
        """Notice a certificate that was changed in, or deleted from, the bucket. The key is only looked at when needed."""
        if seen is not None and seen.facts["object"] == recorded.outputs["object"]:
            return None
        note = "its copy in the bucket was " + ("deleted" if seen is None else "changed")
        return Finding(Action.UPDATE, (Reason(Cause.DRIFTED, note),))

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Make key and certificate, or take up what a killed apply left of them, or put the bucket's copy right."""
        scope, generation = _of(change.address)
        if change.recorded is not None:
            certificate = load_certificate(change.recorded.outputs["certificate"])
        else:
            why = "; ".join(reason.text for reason in change.reasons)
            certificate = self._left_behind(scope, generation, run) or self._issue(
                scope, generation, inputs, why, run
            )
        pem = certificate_pem(certificate)
        etag = run.bucket.put(run.names.authority_key(scope, generation), pem.encode())
        info = describe(certificate)
        return {
            "certificate": pem,
            "fingerprint": info.fingerprint,
            "serial": info.serial,
            "identity": info.identity,
            "not_before": info.not_before.isoformat(),
            "not_after": info.not_after.isoformat(),
            "object": etag,
        }

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Remove the certificate, and the key if it is on this machine: its folder is this lineage's alone."""
        scope, generation = _of(recorded.address)
        run.key_store.delete(scope, generation)
        run.bucket.delete(run.names.authority_key(scope, generation))

    def _left_behind(self, scope: str, generation: int, run: Run) -> Certificate | None:
        """Return the certificate that a killed apply stored. Raises KeyStoreError when its key is elsewhere."""
        stored = run.bucket.get(run.names.authority_key(scope, generation))
        if stored is None:
            return None
        certificate = load_certificate(stored.data)
        if not matches(run.key_store.load(scope, generation), certificate):
            raise KeyStoreError(
                f"the key of ca/{scope} on this machine does not belong to its certificate in the bucket",
                why=f"{run.key_store.path(scope, generation)} holds another key",
                fix="bring over the key that does; it is on the machine that first applied this authority",
            )
        return certificate

    def _issue(
        self, scope: str, generation: int, inputs: Mapping[str, Any], why: str, run: Run
    ) -> Certificate:
        """Make the key where there is none yet (a killed apply may have got that far) and sign."""
        run.key_store.create(scope, PrivateKey.generate(inputs["key"]), generation)
        key = run.key_store.load(scope, generation)
        subject = authority_subject(run.names.namespace, scope, generation)
        validity, now = parse_duration(inputs["validity"]), run.now
        serial = new_serial()
        entry = Entry(
            serial=str(serial),
            identity=subject.rfc4514_string(),
            entity=f"{ENTITIES}{scope}",
            authority=scope,
            generation=generation,
            authority_fingerprint="",
            not_before=start_at(now).isoformat(),
            not_after=end_after(now, validity).isoformat(),
            why=why,
            written=now.isoformat(),
            run=run.id,
        )
        run.ledger.intend(entry)
        certificate = self_signed(key.signing_key, subject, serial=serial, now=now, validity=validity)
        run.ledger.signed(entry, certificate_pem(certificate).encode())
        return certificate


def _of(address: Address) -> tuple[str, int]:
    """Return an authority's name and the generation of a part of this kind."""
    return address.entity.removeprefix(ENTITIES), generation_of(address) or 1


def _stored(snapshot: Snapshot) -> Iterator[tuple[str, int, str]]:
    """Yield authority, generation and ETag of each certificate that the bucket holds."""
    prefix = re.escape(snapshot.names.authority_key("")).removesuffix(r"/certificate\.pem")
    form = re.compile(rf"{prefix}([^/]+)/certificate(?:-([2-9]|[1-9][0-9]+))?\.pem")
    for key, etag in snapshot.objects.items():
        if found := form.fullmatch(key):
            yield found[1], int(found[2] or 1), etag


def authority_warnings(recorded: Mapping[Address, Recorded], now: datetime) -> Iterator[str]:
    """Yield a line for each authority in the last third of its life: no certificate that it signs outlives it."""
    for address, part in sorted(recorded.items()):
        if generation_of(address):
            end = datetime.fromisoformat(part.outputs["not_after"])
            begin = datetime.fromisoformat(part.outputs["not_before"])
            if now > end - (end - begin) / 3:
                yield (
                    f"{address.entity} ends on {end:%Y-%m-%d}, and every certificate that it signed with it; add another "
                    "authority and move its hosts there in time"
                )
