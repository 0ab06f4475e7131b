"""`ca/x:certificate`: an authority's key, in its key store, and its self-signed certificate; a part a generation.

The first generation's part is `certificate`, the second's `certificate-2`.
"""

from __future__ import annotations

import contextlib
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from iam_ra.anywhere.arn import parse_arn
from iam_ra.config.durations import format_duration, parse_duration
from iam_ra.config.model import AUTHORITIES, CLUSTERS, entity_of, scope_of
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import Finding
from iam_ra.engine.due import Due
from iam_ra.engine.errors import CertificateError, KeyStoreError, StateError
from iam_ra.engine.part import Observed, Part, Presence, Recorded, Ref
from iam_ra.kinds.base import Kind, register
from iam_ra.kinds.init import INIT_STACK
from iam_ra.kinds.recovering import recovered_authority_inputs
from iam_ra.kinds.run import KEY_STORE, PRIVATE_CA, PRIVATE_CA_ARN, PRIVATE_CA_OUTPUT
from iam_ra.kinds.sealing import SEALED, drop, is_sealed, seal, unsealable
from iam_ra.pki.authority import authority_subject, self_signed
from iam_ra.pki.certificate import certificate_pem, describe, load_certificate
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.leaf import new_serial
from iam_ra.pki.times import end_after, start_at
from iam_ra.state.ledger import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cryptography.x509 import Certificate

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Authority, Generation, Namespace
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run
    from iam_ra.pki.keys import KeyAlgorithm, SigningKey

CERTIFICATE = "certificate"
REVOCATIONS = "revocations"
KEY = "key"
KEY_FILE = "key-file"
# The key store of an authority that a cluster made itself.
CLUSTER: Final = "cluster"
# The output that says when a generation was made, or taken up.
SINCE = "since"
ENTITIES = AUTHORITIES


def authority_certificate(scope: str, generation: int) -> Address:
    """Return the address of the certificate of an authority's generation."""
    return Address(entity_of(scope), CERTIFICATE if generation == 1 else f"{CERTIFICATE}-{generation}")


def revocation_list(scope: str, generation: int) -> Address:
    """Return the address of the revocation list of an authority's generation."""
    return Address(entity_of(scope), REVOCATIONS if generation == 1 else f"{REVOCATIONS}-{generation}")


def authority_key(scope: str, generation: int) -> Address:
    """Return the address of the KMS key of an authority's generation."""
    return Address(entity_of(scope), KEY if generation == 1 else f"{KEY}-{generation}")


def authority_key_file(scope: str, generation: int) -> Address:
    """Return the address of the SOPS file with the key of an authority's generation."""
    return Address(entity_of(scope), KEY_FILE if generation == 1 else f"{KEY_FILE}-{generation}")


def private_ca(scope: str) -> Address:
    """Return the address of the private CA that is made for an authority."""
    return Address(entity_of(scope), PRIVATE_CA)


def key_parts(scope: str, generation: Generation) -> tuple[Address, ...]:
    """Return the parts without which a generation cannot sign, beside its certificate."""
    if generation.key_store == "kms":
        return (authority_key(scope, generation.number),)
    return (authority_key_file(scope, generation.number),) if generation.key_store == "sops" else ()


def unneeded(generation: int, now: datetime) -> Reason:
    """Return why what belongs to a generation goes."""
    text = f"by {now:%Y-%m-%d} no live certificate needs generation {generation} any more"
    return Reason(Cause.OVERLAP_OVER, text)


def number_of(address: Address) -> int:
    """Return the generation of an authority's part, which stands at the end of its name; the first one's does not."""
    number = address.part.rpartition("-")[2]
    return int(number) if number.isdecimal() else 1


def generation_of(address: Address) -> int | None:
    """Return whose certificate an authority's part is, or None for another part."""
    is_certificate = address.part.partition("-")[0] == CERTIFICATE and scope_of(address.entity) is not None
    return number_of(address) if is_certificate else None


def authority_output(authority: Authority, output: str) -> Ref:
    """Return a reference to an output of the generation that signs."""
    return Ref(authority_certificate(authority.name, authority.current.number), output)


@register
class AuthorityCertificate(Kind):
    """A self-signed root with path length 0. Its key is made where it will stay."""

    name = "authority-certificate"
    summary = "an authority's private key, in its key store, and its self-signed certificate"
    stable_outputs: ClassVar[frozenset[str]] = frozenset(
        {
            "certificate",
            "fingerprint",
            "generation",
            "serial",
            "identity",
            "not_before",
            "not_after",
            PRIVATE_CA,
            SINCE,
        }
    )
    fixed_inputs: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("mode", "pca_arn"),
        "its trust anchor cannot hold both; add a second authority and move the hosts over (`ca:` of each host), or add the "
        "cluster under another name, then remove this one",
    )

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a generation of an authority."""
        for authority in namespace.authorities.values():
            for generation in authority.generations:
                yield Part(
                    authority_certificate(authority.name, generation.number),
                    self.name,
                    _inputs(authority, generation),
                    (INIT_STACK, *key_parts(authority.name, generation)),
                    protect=authority.protect,
                    because=generation.because if authority.mode == "self-signed" else (),
                )

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the generations whose certificate is in the bucket."""
        return {
            authority_certificate(scope, generation): Observed(
                Presence.PRESENT, {"object": etag, "kind": self.name}
            )
            for scope, generation, etag in stored_certificates(snapshot)
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
        arn = inputs.get("pca_arn") or inputs.get(PRIVATE_CA)
        if change.recorded is not None:
            certificate = load_certificate(change.recorded.outputs["certificate"])
        elif arn is not None:
            run.active_private_ca(arn)
            certificate = load_certificate(run.pca.certificate(arn))
            if PRIVATE_CA in change.inputs:
                self._note(change, certificate, run)
        elif CERTIFICATE in inputs:
            certificate = load_certificate(inputs[CERTIFICATE])
            self._note(change, certificate, run)
        else:
            why = "; ".join(reason.text for reason in change.reasons)
            certificate = self._left_behind(scope, generation, inputs["key_store"], run) or self._issue(
                scope, generation, inputs, why, run
            )
        metadata = (
            {KEY_STORE: inputs["key_store"]} if arn is None else {KEY_STORE: PRIVATE_CA, PRIVATE_CA_ARN: arn}
        )
        etag = run.bucket.put(
            run.names.authority_key(scope, generation),
            certificate_pem(certificate).encode(),
            metadata=metadata,
        )
        since = None if change.recorded is None else change.recorded.outputs.get(SINCE)
        if change.recorded is None and CERTIFICATE in inputs:
            since = run.now.isoformat()
        return _outputs(certificate, generation, etag, arn, since)

    def recover(
        self,
        address: Address,
        seen: Observed,  # noqa: ARG002 - the bucket's copy says more
        inputs: Mapping[str, Any] | None,
        run: Run,
    ) -> Recorded | None:
        """Take up the bucket's copy: it says where its key is. Also of generations that the file does not tell of."""
        scope, generation = _of(address)
        stored = run.bucket.get(run.names.authority_key(scope, generation))
        if stored is None:
            return None
        certificate, arn = load_certificate(stored.data), stored.metadata.get(PRIVATE_CA_ARN)
        if arn is None:
            inputs = recovered_authority_inputs(certificate, stored.metadata.get(KEY_STORE, "file"))
        if inputs is None:
            return None
        serial = str(certificate.serial_number)
        written = (each.written for each in run.written if each.serial == serial)
        since = next(written, None) if CERTIFICATE in inputs else None
        return Recorded(
            address, self.name, inputs, _outputs(certificate, generation, stored.etag, arn, since)
        )

    def preflight(self, change: Change, run: Run) -> Iterator[IamRaError]:
        """See that a private CA that others made can sign, and is of this account; or that a cluster's is not over."""
        arn = change.inputs.get("pca_arn")
        if change.recorded is not None:
            return
        if arn is None:
            yield from self._over(change, run)
            return
        account = run.aws.caller.account_id
        if parse_arn(arn).account != account:
            yield KeyStoreError(
                f"the private CA {arn} is not of the account {account}",
                why="a trust anchor takes private CAs of its own account only",
                fix="name one of this account: `aws acm-pca list-certificate-authorities`",
            )
            return
        try:
            run.active_private_ca(arn)
        except KeyStoreError as error:
            yield error

    def _over(self, change: Change, run: Run) -> Iterator[IamRaError]:
        """See that what a cluster made is still valid, and that what iam-ra makes for one can be encrypted."""
        if CERTIFICATE in change.inputs:
            end = load_certificate(change.inputs[CERTIFICATE]).not_valid_after_utc
            if end <= run.now:
                yield CertificateError(
                    f"the certificate that {change.address.entity} made ended on {end:%Y-%m-%d}",
                    why="no certificate that it signs would be valid",
                    fix="let cert-manager renew it in the cluster, and bring the new one over",
                )
        elif change.inputs.get("key_store") == SEALED:
            yield from unsealable(_of(change.address)[0], run)

    def leaving(self, recorded: Recorded, now: datetime) -> Reason | None:
        """Tell a generation that has had its day from an authority that is removed."""
        return unneeded(number_of(recorded.address), now)

    def due(self, recorded: Recorded, namespace: Namespace, now: datetime) -> Iterator[Due]:  # noqa: ARG002
        """Yield when the next generation is to follow the one that signs."""
        scope, generation = _of(recorded.address)
        authority = namespace.authorities.get(scope)
        if (
            authority is not None
            and authority.mode == "self-signed"
            and authority.current.number == generation
            and authority.key_store != CLUSTER
        ):
            end = datetime.fromisoformat(recorded.outputs["not_after"])
            text = f"is to be followed by the next generation, for it ends on {end:%Y-%m-%d}"
            yield Due(end - authority.renew_before, recorded.address, text)

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Remove the certificate, and the key if it is a file on this machine: its folder is this lineage's alone."""
        scope, generation = _of(recorded.address)
        if scope.startswith(CLUSTERS):
            drop(scope, generation, run)
        else:
            run.key_files.delete(scope, generation)
        run.bucket.delete(run.names.authority_key(scope, generation))

    def _note(self, change: Change, certificate: Certificate, run: Run) -> None:
        """Write a certificate into the ledger that somebody else made: a private CA of ours, or a cluster."""
        scope, generation = _of(change.address)
        info = describe(certificate)
        entry = Entry(
            serial=info.serial,
            identity=certificate.subject.rfc4514_string(),
            entity=change.address.entity,
            authority=scope,
            generation=generation,
            authority_fingerprint="",
            not_before=info.not_before.isoformat(),
            not_after=info.not_after.isoformat(),
            why="; ".join(reason.text for reason in change.reasons),
            written=run.now.isoformat(),
            run=run.id,
        )
        # An apply that was killed may have written it before.
        with contextlib.suppress(StateError):
            run.ledger.intend(entry)
        run.ledger.signed(entry, certificate_pem(certificate).encode())

    def _left_behind(self, scope: str, generation: int, key_store: str, run: Run) -> Certificate | None:
        """Return the certificate that a killed apply stored. Raises KeyStoreError when its key is elsewhere."""
        stored = run.bucket.get(run.names.authority_key(scope, generation))
        if stored is None:
            return None
        certificate = load_certificate(stored.data)
        if key_store == SEALED:
            return certificate if is_sealed(scope, generation, certificate, run) else None
        store = run.key_store(key_store)
        if store.signing_key(scope, generation).public_key() != certificate.public_key():
            raise KeyStoreError(
                f"the key of {entity_of(scope)} does not belong to its certificate in the bucket",
                why=f"{store.place(scope, generation)} holds another key",
                fix="bring back the key that does; a file is on the machine that first applied this authority",
            )
        return certificate

    def _key(self, scope: str, generation: int, inputs: Mapping[str, Any], run: Run) -> SigningKey:
        """Return the key, made here if it is to be a file and there is none yet: a killed apply may have got that far."""
        algorithm: KeyAlgorithm = inputs["key"]
        if inputs["key_store"] == "file":
            if run.key_files.exists(scope, generation) and (
                run.key_files.load(scope, generation).algorithm != algorithm
            ):
                # No certificate was made for it, and the file has changed since.
                run.key_files.delete(scope, generation)
            # Even if there is one: a killed apply may have left a copy of it, which is removed here.
            run.key_files.create(scope, PrivateKey.generate(algorithm), generation)
        return run.key_store(inputs["key_store"]).signing_key(scope, generation)

    def _issue(
        self, scope: str, generation: int, inputs: Mapping[str, Any], why: str, run: Run
    ) -> Certificate:
        """Have the key sign its own certificate."""
        in_secret = inputs["key_store"] == SEALED
        made = PrivateKey.generate(inputs["key"]) if in_secret else None
        key = self._key(scope, generation, inputs, run) if made is None else made.signing_key
        subject = authority_subject(run.names.namespace, scope, generation)
        validity, now = parse_duration(inputs["validity"]), run.now
        serial = new_serial()
        entry = Entry(
            serial=str(serial),
            identity=subject.rfc4514_string(),
            entity=entity_of(scope),
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
        certificate = self_signed(key, subject, serial=serial, now=now, validity=validity)
        pem = certificate_pem(certificate)
        run.ledger.signed(entry, pem.encode())
        if made is not None:
            # The one place of its key. The certificate goes first: by it a killed apply's rest is found.
            run.bucket.put(
                run.names.authority_key(scope, generation), pem.encode(), metadata={KEY_STORE: SEALED}
            )
            seal(scope, generation, certificate, made.pem(), run)
        return certificate


def _outputs(
    certificate: Certificate, generation: int, etag: str, arn: str | None, since: str | None
) -> Mapping[str, Any]:
    info = describe(certificate)
    return {
        "certificate": certificate_pem(certificate),
        "generation": generation,
        "fingerprint": info.fingerprint,
        "serial": info.serial,
        "identity": info.identity,
        "not_before": info.not_before.isoformat(),
        "not_after": info.not_after.isoformat(),
        "object": etag,
        **({} if arn is None else {PRIVATE_CA: arn}),
        **({} if since is None else {SINCE: since}),
    }


def _inputs(authority: Authority, generation: Generation) -> Mapping[str, Any]:
    """Return what a generation is made from: its own settings, or which private CA it is."""
    if authority.mode == "pca-existing":
        return {"mode": authority.mode, "pca_arn": authority.pca_arn}
    if authority.mode == "pca-new":
        return {"mode": authority.mode, PRIVATE_CA: Ref(private_ca(authority.name), PRIVATE_CA_OUTPUT)}
    if generation.key_store == CLUSTER:
        return {"mode": authority.mode, "key_store": CLUSTER, CERTIFICATE: generation.certificate}
    return {
        "mode": authority.mode,
        "key_store": generation.key_store,
        "key": generation.key,
        "validity": format_duration(generation.validity),
    }


def _of(address: Address) -> tuple[str, int]:
    """Return an authority's name and the generation of a part of this kind."""
    return address.entity.removeprefix(ENTITIES), number_of(address)


def stored_certificates(snapshot: Snapshot) -> Iterator[tuple[str, int, str]]:
    """Yield authority, generation and ETag of each certificate that the bucket holds."""
    form = re.compile(r"certificate(?:-([2-9]|[1-9][0-9]+))?\.pem")
    for key, etag in snapshot.objects.items():
        scope, name = snapshot.names.authority_of_key(key) or ("", "")
        if found := form.fullmatch(name):
            yield scope, int(found[1] or 1), etag
