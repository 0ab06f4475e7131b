"""`ca/x:certificate`: an authority's key, in its key store, and its self-signed certificate."""

from __future__ import annotations

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
from iam_ra.state.ledger import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cryptography.x509 import Certificate

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Namespace
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

CERTIFICATE = "certificate"
ENTITIES = "ca/"
GENERATION = 1


def authority_output(scope: str, output: str) -> Ref:
    """Return a reference to an output of an authority's certificate."""
    return Ref(Address(f"{ENTITIES}{scope}", CERTIFICATE), output)


@register
class AuthorityCertificate(Kind):
    """A self-signed root with path length 0. Its key is made where it will stay."""

    name = "authority-certificate"
    summary = "an authority's private key, in its key store, and its self-signed certificate"
    stable_outputs: ClassVar[frozenset[str]] = frozenset(
        {"certificate", "fingerprint", "serial", "identity", "not_before", "not_after"}
    )
    fixed_inputs: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("key", "key_store", "mode", "validity"),
        "a new certificate would lock out every host that has one of the old; add a second authority and move the "
        "hosts over (`ca:` of each host), then remove this one",
    )

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part an authority."""
        for authority in namespace.authorities.values():
            inputs = {
                "mode": authority.mode,
                "key_store": authority.key_store,
                "key": authority.key,
                "validity": format_duration(authority.validity),
            }
            address = Address(f"{ENTITIES}{authority.name}", CERTIFICATE)
            yield Part(address, self.name, inputs, (INIT_STACK,), protect=authority.protect)

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the authorities whose certificate is in the bucket."""
        found = {}
        for key, etag in snapshot.objects.items():
            scope = key.removeprefix(f"{snapshot.names.namespace}/ca/").removesuffix("/certificate.pem")
            if key == snapshot.names.authority_key(scope):
                facts = {"object": etag, "kind": self.name}
                found[Address(f"{ENTITIES}{scope}", CERTIFICATE)] = Observed(Presence.PRESENT, facts)
        return found

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:  # noqa: ARG002
        """Notice a certificate that was changed in, or deleted from, the bucket. The key is only looked at when needed."""
        if seen is not None and seen.facts["object"] == recorded.outputs["object"]:
            return None
        note = "its copy in the bucket was " + ("deleted" if seen is None else "changed")
        return Finding(Action.UPDATE, (Reason(Cause.DRIFTED, note),))

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Make key and certificate, or take up what a killed apply left of them, or put the bucket's copy right."""
        scope = change.address.entity.removeprefix(ENTITIES)
        if change.recorded is not None:
            certificate = load_certificate(change.recorded.outputs["certificate"])
        else:
            certificate = self._left_behind(scope, run) or self._issue(scope, inputs, run)
        pem = certificate_pem(certificate)
        etag = run.bucket.put(run.names.authority_key(scope), pem.encode())
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
        scope = recorded.address.entity.removeprefix(ENTITIES)
        run.key_store.delete(scope)
        run.bucket.delete(run.names.authority_key(scope))

    def _left_behind(self, scope: str, run: Run) -> Certificate | None:
        """Return the certificate that a killed apply stored. Raises KeyStoreError when its key is elsewhere."""
        stored = run.bucket.get(run.names.authority_key(scope))
        if stored is None:
            return None
        certificate = load_certificate(stored.data)
        if not matches(run.key_store.load(scope), certificate):
            raise KeyStoreError(
                f"the key of ca/{scope} on this machine does not belong to its certificate in the bucket",
                why=f"{run.key_store.path(scope)} holds another key",
                fix="bring over the key that does; it is on the machine that first applied this authority",
            )
        return certificate

    def _issue(self, scope: str, inputs: Mapping[str, Any], run: Run) -> Certificate:
        """Make the key where there is none yet (a killed apply may have got that far) and sign."""
        run.key_store.create(scope, PrivateKey.generate(inputs["key"]))
        key = run.key_store.load(scope)
        subject = authority_subject(run.names.namespace, scope, GENERATION)
        validity = parse_duration(inputs["validity"])
        serial = new_serial()
        entry = Entry(
            serial=str(serial),
            identity=subject.rfc4514_string(),
            entity=f"{ENTITIES}{scope}",
            authority=scope,
            authority_fingerprint="",
            not_after=(run.now + validity).isoformat(),
            why="new authority",
            written=run.now.isoformat(),
        )
        run.ledger.intend(entry)
        certificate = self_signed(key.signing_key, subject, serial=serial, now=run.now, validity=validity)
        run.ledger.signed(entry, certificate_pem(certificate).encode())
        return certificate


def authority_warnings(recorded: Mapping[Address, Recorded], now: datetime) -> Iterator[str]:
    """Yield a line for each authority in the last third of its life: no certificate that it signs outlives it."""
    for address, part in sorted(recorded.items()):
        if address.part == CERTIFICATE and address.entity.startswith(ENTITIES):
            end = datetime.fromisoformat(part.outputs["not_after"])
            begin = datetime.fromisoformat(part.outputs["not_before"])
            if now > end - (end - begin) / 3:
                yield (
                    f"{address.entity} ends on {end:%Y-%m-%d}, and every certificate that it signed with it; add another "
                    "authority and move its hosts there in time"
                )
