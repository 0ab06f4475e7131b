"""`host/x:certificate`: the leaf certificate that proves a host's identity, its serial in the ledger before it exists."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from iam_ra.anywhere.trust_policy import units_of
from iam_ra.aws.snapshot import Doubt
from iam_ra.config.durations import format_duration, parse_duration
from iam_ra.config.entitlement import roles_said
from iam_ra.config.model import entity_of
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import Finding
from iam_ra.engine.due import Due
from iam_ra.engine.errors import FileError, IamRaError
from iam_ra.engine.part import UNKNOWN, Observed, Part, Presence, Recorded
from iam_ra.engine.plan import Conflict
from iam_ra.kinds.authority import CERTIFICATE, authority_output, key_parts, revocation_list
from iam_ra.kinds.base import Kind, register
from iam_ra.kinds.host_keys import ENTITIES, IN_FILE, SECRET_PRIVATE_KEY, HostKey, copies_of_keys
from iam_ra.kinds.issuing import issue
from iam_ra.kinds.recovering import recovered_host_certificate
from iam_ra.kinds.role import role_stack
from iam_ra.kinds.trust_anchor import trust_anchor_arn
from iam_ra.pki.certificate import certificate_pem
from iam_ra.pki.csr import load_request
from iam_ra.pki.keys import PrivateKey, fingerprint
from iam_ra.pki.leaf import LeafRequest, new_serial
from iam_ra.pki.times import end_after, start_at
from iam_ra.state.ledger import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from iam_ra.aws.naming import Names
    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Host, Namespace
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run
    from iam_ra.pki.keys import PublicKey

# Words of RFC 5280 5.3.1.
SUPERSEDED = "superseded"
COMPROMISE = "key_compromise"
_REISSUING = frozenset({Cause.RENEWAL, Cause.KEY_LOST, Cause.REQUESTED, Cause.COMPROMISED})
# Inputs of which the certificate says nothing.
_NOT_CERTIFIED = frozenset({"renew_before", "overlap", "csr_path"})
OBJECT_NAME = "certificate.pem"


def host_certificate(host: str) -> Address:
    """Return the address of a host's certificate."""
    return Address(f"{ENTITIES}{host}", CERTIFICATE)


def releasing(host: Host) -> tuple[Address, ...]:
    """Return what must have let go of a host before anything of it is deleted: its roles and the revocation lists."""
    lists = (revocation_list(*each) for each in host.lists)
    return tuple(sorted((*(role_stack(role) for role in host.roles), *lists)))


def with_former(namespace: Namespace, recorded: Mapping[Address, Recorded], now: datetime) -> Namespace:
    """Return the namespace with what hosts can still prove by certificates that they had before.

    What a host gets under a new identity or authority must not be taken from it under the old one before it has the new
    certificate, and then for the overlap. An identity that another host has by now is not among them.
    """
    taken = {(host.authority, host.identity) for host in namespace.hosts.values()}
    hosts = dict(namespace.hosts)
    for name, host in namespace.hosts.items():
        known = recorded.get(host_certificate(name))
        if known is None:
            continue
        proven = _proven(known, now).keys() - taken
        former = sorted(pair for pair in proven if pair[0] in namespace.authorities)
        if former:
            hosts[name] = replace(host, former=tuple(former))
    return replace(namespace, hosts=hosts)


def identity_conflicts(
    namespace: Namespace, recorded: Mapping[Address, Recorded], now: datetime
) -> Iterator[Conflict]:
    """Yield the hosts that want a name which another's live certificate says, and authorities that leave too early.

    Whoever holds the other's key could take the host's roles; and who has only a certificate of an authority that
    leaves could take none.
    """
    proven = {
        pair: (address.entity, until)
        for address, part in recorded.items()
        if address.part == CERTIFICATE and address.entity.startswith(ENTITIES)
        for pair, until in _proven(part, now).items()
    }
    for name, host in namespace.hosts.items():
        owner, until = proven.get((host.authority, host.identity), ("", now))
        if owner not in {"", f"{ENTITIES}{name}"}:
            yield Conflict(
                host_certificate(name),
                f"the certificate of {owner} says {host.identity} too, until {until:%Y-%m-%d}: whoever has its key could "
                "take the roles of this host; choose another identity",
                spreads=True,
            )
    for (authority, identity), (owner, until) in sorted(proven.items()):
        if authority not in namespace.authorities and owner.removeprefix(ENTITIES) in namespace.hosts:
            yield Conflict(
                Address(entity_of(authority), CERTIFICATE),
                f"{owner} still proves {identity} by it, until its overlap is over or {until:%Y-%m-%d}: leave "
                f"{entity_of(authority)} in the file until then",
            )


def _proven(part: Recorded, now: datetime) -> Mapping[tuple[str, str], datetime]:
    """Return what a host's certificates prove now, authority and identity, and until when."""
    found = {(part.inputs["ca"], part.inputs["identity"]): datetime.fromisoformat(part.outputs["not_after"])}
    for each in part.outputs["earlier"]:
        pair, until = (each["ca"], each["identity"]), datetime.fromisoformat(each["until"])
        found[pair] = max(until, found.get(pair, until))
    return {pair: until for pair, until in found.items() if now < until}


@register
class HostCertificate(Kind):
    """A certificate that the host's authority signs. Its key is made in memory and handed on, never stored here."""

    name = "host-certificate"
    summary = "a host's certificate: issued, written into the ledger, renewed in time"

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a host."""
        for host in namespace.hosts.values():
            spec, authority = host.certificate, namespace.authorities[host.authority]
            inputs = {
                "identity": host.identity,
                "ca": host.authority,
                "generation": authority_output(authority, "generation"),
                "authority": authority_output(authority, "fingerprint"),
                **_key_inputs(host),
                "validity": format_duration(spec.validity),
                "renew_before": format_duration(spec.renew_before),
                "overlap": format_duration(spec.overlap),
                **_units(roles_said(host, namespace)),
            }
            yield Part(
                host_certificate(host.name),
                self.name,
                inputs,
                # Nothing is delivered that AWS does not trust yet, and the key that signs is in its place.
                (trust_anchor_arn(host.authority).address, *key_parts(host.authority, authority.current)),
                released_by=releasing(host),
                protect=host.protect,
                because=_because(host),
                forced=host.renewal,
            )

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the hosts whose certificate is in the bucket, and which serials' private keys have a copy somewhere."""
        names = snapshot.names
        copies = copies_of_keys(snapshot)
        found = {}
        for key, etag in snapshot.objects.items():
            host = key.removeprefix(f"{names.namespace}/hosts/").removesuffix(f"/{OBJECT_NAME}")
            if key == names.host_key(host, OBJECT_NAME):
                facts = {"object": etag, "key_copies": copies.get(host, frozenset()), "kind": self.name}
                found[host_certificate(host)] = Observed(Presence.PRESENT, facts)
        return found

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:
        """Find a certificate that is due, one whose key is lost, and a copy in the bucket that is not as recorded."""
        outputs = recorded.outputs
        not_after = datetime.fromisoformat(outputs["not_after"])
        due = not_after - parse_duration(recorded.inputs["renew_before"])
        # One that ends with its authority gains nothing by being issued again.
        if now >= due and not outputs["ends_with_authority"]:
            text = f"expires on {not_after:%Y-%m-%d}, to be renewed since {due:%Y-%m-%d}"
            return _update(Cause.RENEWAL, text)
        if seen is None:
            return _update(Cause.DRIFTED, "its copy in the bucket was deleted")
        # The key of a host with a request of its own never was here.
        if "csr" not in recorded.inputs and seen.facts["key_copies"].isdisjoint({outputs["serial"], IN_FILE}):
            return _update(Cause.KEY_LOST, "no copy of its private key can be read")
        if seen.facts["object"] != outputs["object"]:
            return _update(Cause.DRIFTED, "its copy in the bucket was changed")
        return None

    def as_recorded(self, recorded: Recorded) -> Observed:
        """Take its key to be where it was."""
        seen = super().as_recorded(recorded)
        return replace(seen, facts={**seen.facts, "key_copies": frozenset({recorded.outputs["serial"]})})

    def doubts(self, change: Change, names: Names) -> Iterator[Doubt]:
        """Ask for the secret that should hold a key which seems lost."""
        yield Doubt(names.secret(change.address.entity.removeprefix(ENTITIES), SECRET_PRIVATE_KEY))

    def kept_outputs(self, change: Change) -> frozenset[str]:
        """Keep everything unless a new certificate is issued."""
        if change.recorded is None or _issues(change, change.inputs):
            return frozenset()
        return frozenset(change.recorded.outputs)

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Issue a certificate for a new key, unless the present one is good and just its copy or its due day is not."""
        host = change.address.entity.removeprefix(ENTITIES)
        if change.recorded is not None and not _issues(change, inputs):
            return self._restore(change, change.recorded, run)
        scope = inputs["ca"]
        signer = run.signer(scope, inputs["generation"])
        key = None if "csr" in inputs else PrivateKey.generate(inputs["key"])
        public_key, csr = _requested(inputs, run) if key is None else (key.public_key, b"")
        validity, now = parse_duration(inputs["validity"]), run.now
        units = tuple(inputs.get("units", ()))
        request = LeafRequest(
            inputs["identity"], public_key, new_serial(), now, validity, units_of(units), csr
        )
        entry = Entry(
            serial=str(request.serial),
            identity=request.identity,
            entity=change.address.entity,
            authority=scope,
            generation=inputs["generation"],
            authority_fingerprint=inputs["authority"],
            not_before=start_at(now).isoformat(),
            not_after=min(end_after(now, validity), signer.certificate.not_valid_after_utc).isoformat(),
            why="; ".join(reason.text for reason in change.reasons),
            written=now.isoformat(),
            run=run.id,
            units=units,
        )
        serial, certificate = issue(request, entry, signer, key, run)
        pem = certificate_pem(certificate).encode()
        if key is not None:
            run.host_keys.remember(host, HostKey(serial, pem, key))
        not_after = certificate.not_valid_after_utc
        return {
            "serial": serial,
            "fingerprint": fingerprint(certificate),
            "not_before": certificate.not_valid_before_utc.isoformat(),
            "not_after": not_after.isoformat(),
            "ends_with_authority": not_after == signer.certificate.not_valid_after_utc,
            "earlier": _earlier(change, inputs, now),
            "object": run.bucket.put(run.names.host_key(host, OBJECT_NAME), pem),
        }

    def _restore(self, change: Change, recorded: Recorded, run: Run) -> Mapping[str, Any]:
        """Put the bucket's copy right from the ledger."""
        host = change.address.entity.removeprefix(ENTITIES)
        pem = run.ledger.certificate(
            recorded.inputs["ca"], recorded.inputs["generation"], host, recorded.outputs["serial"]
        )
        return {
            **recorded.outputs,
            "earlier": list(_unended(_extended(change, recorded.outputs["earlier"], run.now), run.now)),
            "object": run.bucket.put(run.names.host_key(host, OBJECT_NAME), pem),
        }

    def recover(
        self, address: Address, seen: Observed, inputs: Mapping[str, Any] | None, run: Run
    ) -> Recorded | None:
        """Take up the bucket's copy, with what the ledger says of it and of those before."""
        if inputs is None:
            return None
        return recovered_host_certificate(address, self.name, seen.facts["object"], inputs, run)

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Remove the copy in the bucket. The ledger keeps the certificate."""
        run.bucket.delete(run.names.host_key(recorded.address.entity.removeprefix(ENTITIES), OBJECT_NAME))

    def due(self, recorded: Recorded, namespace: Namespace, now: datetime) -> Iterator[Due]:  # noqa: ARG002
        """Yield the renewal, and the ends of overlaps."""
        outputs = recorded.outputs
        if not outputs["ends_with_authority"]:
            not_after = datetime.fromisoformat(outputs["not_after"])
            when = not_after - parse_duration(recorded.inputs["renew_before"])
            yield Due(when, recorded.address, f"is to be renewed, for it ends on {not_after:%Y-%m-%d}")
        for each in outputs["earlier"]:
            until = datetime.fromisoformat(each["until"])
            # One that has ended needs no revocation.
            if until < datetime.fromisoformat(each["not_after"]):
                yield Due(until, recorded.address, "replaced an earlier one, whose overlap is over then")

    def preflight(self, change: Change, run: Run) -> Iterator[IamRaError]:
        """See that the authority's key is here, unless this very plan makes it."""
        if (
            _issues(change, change.inputs)
            and change.desired is not None
            and change.inputs["authority"] is not UNKNOWN
        ):
            try:
                run.check_signer(change.inputs["ca"], change.inputs["generation"])
            except IamRaError as error:
                yield error


def _update(cause: Cause, text: str) -> Finding:
    return Finding(Action.UPDATE, (Reason(cause, text),))


def _is_live(earlier: Mapping[str, Any], now: datetime) -> bool:
    return now < datetime.fromisoformat(earlier["until"])


def _earlier(change: Change, inputs: Mapping[str, Any], now: datetime) -> list[Mapping[str, Any]]:
    """Return the host's earlier certificates that have not ended, each with the time until which it is to count."""
    recorded = change.recorded
    if recorded is None or not recorded.outputs.get("serial"):
        return []
    before = recorded.outputs
    replaced = {
        **{name: recorded.inputs[name] for name in ("ca", "generation", "identity")},
        **{name: before[name] for name in ("serial", "not_after")},
        **_units(recorded.inputs.get("units", ())),
        "until": _after_overlap(before, inputs, now),
        "reason": SUPERSEDED,
    }
    causes = {reason.cause for reason in change.reasons}
    earlier: Iterable[Mapping[str, Any]] = (*_extended(change, before["earlier"], now), replaced)
    if Cause.COMPROMISED in causes:
        # Who has the present key may have had the one before it, too.
        earlier = [_ended(each, COMPROMISE, now) for each in earlier]
    if Cause.WITHDRAWN in causes:
        earlier = [_cut(each, inputs, now) for each in earlier]
    return list(_unended(earlier, now))


def _after_overlap(certificate: Mapping[str, Any], inputs: Mapping[str, Any], now: datetime) -> str:
    """Return when an overlap that begins now is over, or the certificate itself."""
    end = datetime.fromisoformat(certificate["not_after"])
    return min(now + parse_duration(inputs["overlap"]), end).isoformat()


def _extended(
    change: Change, earlier: Iterable[Mapping[str, Any]], now: datetime
) -> Iterator[Mapping[str, Any]]:
    """Yield earlier certificates, with their overlap begun anew where the one that follows did not reach its host."""
    causes = {reason.cause for reason in change.reasons}
    for each in earlier:
        lives = _is_live(each, now) if Cause.UNDELIVERED not in causes else each["reason"] == SUPERSEDED
        if lives and causes & {Cause.KEY_LOST, Cause.UNDELIVERED}:
            until = max(each["until"], _after_overlap(each, change.inputs, now), key=datetime.fromisoformat)
            yield {**each, "until": until}
        else:
            yield each


def _ended(earlier: Mapping[str, Any], reason: str, now: datetime) -> Mapping[str, Any]:
    return {**earlier, "until": now.isoformat(), "reason": reason} if _is_live(earlier, now) else earlier


def _unended(earlier: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[Mapping[str, Any]]:
    """Yield those that are still valid in themselves: until then none is forgotten, or it would count as unknown."""
    return (each for each in earlier if now < datetime.fromisoformat(each["not_after"]))


def _cut(earlier: Mapping[str, Any], inputs: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Return an earlier certificate, no longer to count if it says a role that the present one does not."""
    if not _is_live(earlier, now) or set(earlier.get("units", ())) <= set(inputs.get("units", ())):
        return earlier
    return _ended(earlier, "privilege_withdrawn", now)


def _because(host: Host) -> tuple[Reason, ...]:
    if not host.withdrawn:
        return ()
    roles = f"{'the roles' if len(host.withdrawn) > 1 else 'the role'} {', '.join(host.withdrawn)}"
    text = f"loses {roles}: the certificate that says so is revoked at once, not after an overlap"
    return (Reason(Cause.WITHDRAWN, text),)


def _key_inputs(host: Host) -> Mapping[str, Any]:
    """Return the inputs that say which key is certified: one made here, or the one of the host's own request."""
    if host.csr is None:
        return {"key": host.certificate.key}
    return {"csr": host.csr_digest, "csr_path": host.csr}


def _requested(inputs: Mapping[str, Any], run: Run) -> tuple[PublicKey, bytes]:
    """Return the key of a host's request, and the request (PEM). Raises FileError or CertificateError for another one than was planned."""
    path = inputs["csr_path"]
    try:
        pem = (run.root / path).read_bytes()
        request = load_request(pem)
    except OSError as error:
        raise FileError(
            f"{path} cannot be read",
            why=str(error.strerror),
            fix="bring it back, and run `iam-ra apply` again",
        ) from error
    if request.digest != inputs["csr"]:
        raise FileError(
            f"{path} was changed while apply ran",
            why="it is not what was planned",
            fix="run `iam-ra apply` again",
        )
    return request.public_key, pem


def _units(roles: Iterable[str]) -> Mapping[str, Any]:
    """Return the input that holds the roles which a certificate says; none for a certificate that says none."""
    found = list(roles)
    return {"units": found} if found else {}


def _issues(change: Change, inputs: Mapping[str, Any]) -> bool:
    """Tell whether a change asks for a new certificate, not just for another day of the next one."""
    recorded = change.recorded
    if recorded is None or any(reason.cause in _REISSUING for reason in change.reasons):
        return True
    return any(
        inputs.get(name) != recorded.inputs.get(name)
        for name in (inputs.keys() | recorded.inputs.keys()) - _NOT_CERTIFIED
    )
