"""`ca/x:revocations`: the certificates of an authority that Roles Anywhere must refuse; a part a generation."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.aws.crls import MAX_PER_ANCHOR, CrlInfo, Crls
from iam_ra.aws.naming import ADDRESS_TAG, LINEAGE_TAG, NAMESPACE_TAG
from iam_ra.aws.pca_signer import ListPendingError
from iam_ra.config.model import entity_of, scope_of
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.due import Due
from iam_ra.engine.errors import CertificateError, ConflictError, KeyStoreError
from iam_ra.engine.part import Observed, Part, Presence, Recorded, Ref
from iam_ra.kinds.authority import ENTITIES, authority_certificate, revocation_list
from iam_ra.kinds.base import Kind, register
from iam_ra.kinds.host_keys import ENTITIES as HOSTS
from iam_ra.kinds.pca_revocations import (
    ENDS,
    PENDING,
    RENEWED,
    UNPUBLISHED,
    awaited,
    dates_of,
    is_awaited,
    live,
    look,
    private_ca_input,
)
from iam_ra.kinds.recovering import revoked_in
from iam_ra.kinds.role import role_stack
from iam_ra.kinds.run import PRIVATE_CA
from iam_ra.kinds.trust_anchor import trust_anchor_arn
from iam_ra.pki.crl import MAX_PEM_BYTES, CrlEntry, CrlRequest, crl_numbers, crl_pem, largest_pem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Authority, Host, Namespace, Revocation
    from iam_ra.engine.diff import Finding
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

_NAMED = 3
_CAUSES = {
    "cessation_of_operation": Cause.REMOVED,
    "superseded": Cause.OVERLAP_OVER,
    "certificate_hold": Cause.EDITED,
    "key_compromise": Cause.COMPROMISED,
    "privilege_withdrawn": Cause.WITHDRAWN,
}
_WAY_OUT_OF_PRIVATE_CA = (
    "the list holds all that the private CA ever revoked, for whomever: add an authority with a CA of its own, and move "
    "the hosts there. Shorter lives of certificates (`validity`) keep lists short"
)
_DELIVERIES = {"secretsmanager": "secrets", "sops": "sops", "age": "age"}


@register
class RevocationList(Kind):
    """A CRL on the authority's trust anchor, whole each time, signed by the generation that issued what it revokes."""

    name = "revocation-list"
    summary = "an authority's revocation list: certificates that open nothing any more"
    drift_notes: ClassVar[Mapping[str, str]] = {
        "data": "its list was changed outside iam-ra",
        "enabled": "it was disabled outside iam-ra",
    }

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part for each generation of which some certificate counts no more."""
        for authority in namespace.authorities.values():
            for generation, revoked in sorted(authority.revoked.items()):
                inputs = {
                    "trust_anchor": trust_anchor_arn(authority.name),
                    "generation": generation,
                    "authority": Ref(authority_certificate(authority.name, generation), "fingerprint"),
                    **private_ca_input(authority, generation),
                    "revoked": {
                        each.serial: {
                            "reason": each.reason,
                            "when": each.when.isoformat(),
                            "not_after": each.not_after.isoformat(),
                        }
                        for each in revoked
                    },
                }
                yield Part(
                    revocation_list(authority.name, generation),
                    self.name,
                    inputs,
                    depends_on=_deliveries(revoked, namespace.hosts),
                    # Until no role trusts the anchor, it must not forget whom to refuse.
                    released_by=_roles_of(authority, namespace),
                    because=tuple(_because(revoked, authority.reinstated, generation)),
                )

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the lists that bear our names on our trust anchors. Others' lists there are left alone."""
        by_place = {(each.anchor_arn, each.name): each for each in snapshot.crls}
        found = {}
        for stack in snapshot.stacks.values():
            entity, _, _ = stack.tags.get(ADDRESS_TAG, "").partition(":")
            anchor = stack.outputs.get("TrustAnchorArn")
            scope = scope_of(entity)
            if anchor is None or scope is None or not snapshot.owns(stack):
                continue
            for generation in _generations(snapshot, scope, anchor):
                crl = by_place[anchor, snapshot.names.revocation_list(scope, generation)]
                facts = {"id": crl.id, "data": crl.digest, "enabled": crl.enabled, "kind": self.name}
                found[revocation_list(scope, generation)] = Observed(Presence.PRESENT, facts)
        return found

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:
        """Notice, beside what others changed, that a private CA has published what was waited for."""
        found = awaited(recorded, seen, now)
        if found is not None or "id" not in recorded.outputs:
            return found
        is_there = seen is not None and "id" in seen.facts
        return super().review(recorded, seen if is_there else None, now)

    def closer_look(self, change: Change, run: Run) -> Iterator[tuple[Address, Mapping[str, Any]]]:
        """Yield what a private CA has published, while that is waited for."""
        return look(change, run)

    def leaving(self, recorded: Recorded, now: datetime) -> Reason | None:
        """Say that nothing is left to revoke."""
        ends = [datetime.fromisoformat(each["not_after"]) for each in recorded.inputs["revoked"].values()]
        if all(end <= now for end in ends):
            return Reason(
                Cause.EXPIRED, f"the last certificate that it revokes ended on {max(ends):%Y-%m-%d}"
            )
        return Reason(Cause.EDITED, "nothing that it revokes is to be refused any more")

    def due(self, recorded: Recorded, namespace: Namespace, now: datetime) -> Iterator[Due]:  # noqa: ARG002
        """Yield when the last certificate of the list ends."""
        if recorded.address.entity.removeprefix(ENTITIES) in namespace.authorities:
            ends = (datetime.fromisoformat(each["not_after"]) for each in recorded.inputs["revoked"].values())
            yield Due(max(ends), recorded.address, "the last certificate that it revokes ends")

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Sign the list, unless the bucket has it as it was signed, and import it or put it in the former one's place.

        A list that a private CA has not published yet is recorded as pending, and nothing failed.
        """
        scope, generation = _of(change.address)
        crls, recorded = Crls(run.aws.rolesanywhere), change.recorded
        there = crls.list()
        anchor, name = inputs["trust_anchor"], run.names.revocation_list(scope, generation)
        known = next((each for each in there if (each.anchor_arn, each.name) == (anchor, name)), None)
        if known is not None and (recorded is None or recorded.outputs.get("id") != known.id):
            _check_owner(known, crls, run)
        key = run.names.revocation_list_key(scope, generation)
        pem, notes = _former(change, run), _dates(recorded)
        if pem is None or recorded is None or recorded.inputs != inputs or is_awaited(recorded, run.now):
            try:
                pem = _sign(change, inputs, run, known)
                run.bucket.put(key, pem)
                notes = dates_of(pem) if PRIVATE_CA in inputs else {}
            except ListPendingError as pending:
                run.report(change.address, str(pending))
                serials = sorted(map(str, pending.serials))
                notes = {**notes, PENDING: str(pending), UNPUBLISHED: serials}
                if pem is None:
                    return notes
        if known is None:
            _check_slots(scope, anchor, there)
            tags = {**run.owner_tags(change.address), ADDRESS_TAG: str(change.address)}
            identifier = crls.load(name, anchor, pem, tags)
        else:
            identifier = crls.replace(known, pem)
        if recorded is not None and recorded.outputs.get("id") not in {None, identifier}:
            crls.delete(recorded.outputs["id"])
        return {"id": identifier, "data": _digest(pem), "enabled": True, **notes}

    def recover(
        self, address: Address, seen: Observed, inputs: Mapping[str, Any] | None, run: Run
    ) -> Recorded | None:
        """Take up the list that Roles Anywhere holds: once revoked, always revoked."""
        crl = next((each for each in Crls(run.aws.rolesanywhere).list() if each.id == seen.facts["id"]), None)
        if crl is None:
            return None
        known = {"trust_anchor": crl.anchor_arn, "generation": _of(address)[1], **(inputs or {})}
        notes = dates_of(crl.data) if PRIVATE_CA in known else {}
        outputs = {"id": crl.id, "data": crl.digest, "enabled": crl.enabled, **notes}
        return Recorded(address, self.name, {**known, "revoked": revoked_in(crl.data, run)}, outputs)

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Delete the list, and its copy in the bucket."""
        crls, identifier = Crls(run.aws.rolesanywhere), recorded.outputs.get("id")
        if not recorded.inputs:
            for each in crls.list():
                if each.id == identifier:
                    _check_owner(each, crls, run)
        if identifier is not None:
            crls.delete(identifier)
        run.bucket.delete(run.names.revocation_list_key(*_of(recorded.address)))


def revocation_warnings(changes: Iterable[Change]) -> Iterator[str]:
    """Yield a line for each list that grows too long for the service."""
    for change in changes:
        if change.kind == RevocationList.name and change.action is not Action.DELETE:
            count = len(change.inputs["revoked"])
            if largest_pem(count) > MAX_PEM_BYTES and PRIVATE_CA not in change.inputs:
                yield f"{_too_long(change.address.entity, count)}: {_way_out(change.address.entity)}"


def _of(address: Address) -> tuple[str, int]:
    """Return the authority and the generation of a list."""
    return address.entity.removeprefix(ENTITIES), int(address.part.partition("-")[2] or 1)


def _generations(snapshot: Snapshot, scope: str, anchor: str) -> Iterator[int]:
    first = snapshot.names.revocation_list(scope, 1)
    for each in snapshot.crls:
        rest = each.name.removeprefix(first)
        if each.anchor_arn != anchor or not each.name.startswith(first):
            continue
        number = rest.removeprefix("-")
        if not rest:
            yield 1
        elif rest != number and number.isascii() and number.isdigit() and str(int(number)) == number != "1":
            yield int(number)


def _deliveries(revoked: Iterable[Revocation], hosts: Mapping[str, Host]) -> tuple[Address, ...]:
    """Return what must be delivered first: who stays gets the next certificate before the old one is refused."""
    staying = sorted({each.host for each in revoked if each.host in hosts})
    return tuple(
        Address(f"{HOSTS}{name}", part)
        for name in staying
        for part in ("certificate", *(_DELIVERIES[each] for each in hosts[name].delivery))
    )


def _roles_of(authority: Authority, namespace: Namespace) -> tuple[Address, ...]:
    return tuple(
        role_stack(role.name)
        for role in namespace.roles.values()
        if not role.authorities or authority.name in role.authorities
    )


def _because(
    revoked: Iterable[Revocation], reinstated: Iterable[tuple[int, str]], generation: int
) -> Iterator[Reason]:
    """Yield a reason a cause, each naming a few of the hosts."""
    texts: defaultdict[Cause, set[str]] = defaultdict(set)
    for each in revoked:
        if each.text:
            texts[_CAUSES[each.reason]].add(each.text)
    for number, host in reinstated:
        if number == generation and host:
            texts[Cause.EDITED].add(f"{HOSTS}{host} is no longer disabled")
    for cause, found in sorted(texts.items()):
        more = len(found) - _NAMED
        said = [*sorted(found)[:_NAMED], *([f"and {more:,} more"] if more > 0 else [])]
        yield Reason(cause, ", ".join(said))


def _sign(change: Change, inputs: Mapping[str, Any], run: Run, known: CrlInfo | None) -> bytes:
    """Return the signed list. Raises KeyStoreError without the authority's key, CertificateError for one too long."""
    scope, generation = _of(change.address)
    now, entity = run.now, change.address.entity
    before = () if known is None else crl_numbers(known.data)
    revoked = live(inputs["revoked"], now) if PRIVATE_CA in inputs else inputs["revoked"]
    request = CrlRequest(
        max((int(now.timestamp()), *(each + 1 for each in before))),
        now,
        tuple(
            CrlEntry(int(serial), datetime.fromisoformat(each["when"]), each["reason"])
            for serial, each in revoked.items()
        ),
    )
    try:
        pem = crl_pem(run.signer(scope, generation).sign_crl(request))
    except KeyStoreError as error:
        if PRIVATE_CA in inputs:
            raise _not_by_private_ca(change, error) from error
        raise KeyStoreError(
            f"the revocation list of {entity} is not signed: {'; '.join(each.text for each in change.reasons)}",
            why="Of a revocation one half is left: trust policies are cut without the authority's key, but only that key "
            f"can sign the list, and until then what it should revoke is known to Roles Anywhere as valid. {error.why}",
            fix=f"Run `iam-ra apply` on a machine that has the key: it does just this half. {error.fix}",
        ) from error
    if len(pem) > MAX_PEM_BYTES:
        way_out = _WAY_OUT_OF_PRIVATE_CA if PRIVATE_CA in inputs else _way_out(entity)
        raise CertificateError(_too_long(entity, len(inputs["revoked"])), fix=way_out)
    return pem


def _not_by_private_ca(change: Change, error: KeyStoreError) -> KeyStoreError:
    return KeyStoreError(
        f"{change.address.entity} revokes nothing: {'; '.join(each.text for each in change.reasons)}",
        why="Of a revocation one half is left: trust policies are cut without the private CA, but only the CA revokes, and "
        f"until then Roles Anywhere takes those certificates for valid. {error.why}",
        fix=f"{error.fix}; then run `iam-ra apply` again: it does just this half.",
    )


def _former(change: Change, run: Run) -> bytes | None:
    """Return the list as it was recorded, if the bucket has it."""
    stored = run.bucket.get(run.names.revocation_list_key(*_of(change.address)))
    if stored is None or change.recorded is None:
        return None
    return stored.data if _digest(stored.data) == change.recorded.outputs.get("data") else None


def _dates(recorded: Recorded | None) -> Mapping[str, Any]:
    """Return what is recorded of the dates of a private CA's list."""
    return (
        {}
        if recorded is None
        else {name: recorded.outputs[name] for name in (RENEWED, ENDS) if name in recorded.outputs}
    )


def _check_owner(crl: CrlInfo, crls: Crls, run: Run) -> None:
    """Raise ConflictError for a list of our name that nobody of ours imported."""
    tags = crls.tags(crl)
    if (tags.get(NAMESPACE_TAG), tags.get(LINEAGE_TAG)) != (run.names.namespace, run.lineage):
        raise ConflictError(
            f"a revocation list named {crl.name} exists that this namespace did not make",
            why=f"{crl.arn} does not bear its tags",
            fix=f"if nobody needs it: `aws rolesanywhere delete-crl --crl-id {crl.id}`",
        )


def _check_slots(scope: str, anchor: str, there: Iterable[CrlInfo]) -> None:
    """Raise ConflictError when others' lists leave no room on the trust anchor."""
    others = [each for each in there if each.anchor_arn == anchor]
    if len(others) >= MAX_PER_ANCHOR:
        raise ConflictError(
            f"the trust anchor of {entity_of(scope)} has no room for its revocation list",
            why=f"It can have {MAX_PER_ANCHOR}, and holds {', '.join(f'{each.name} ({each.id})' for each in others)}, "
            "which iam-ra did not import.",
            fix="Delete one: `aws rolesanywhere delete-crl --crl-id ID`. Then run `iam-ra apply` again.",
        )


def _digest(pem: bytes) -> str:
    return hashlib.sha256(pem).hexdigest()


def _too_long(entity: str, count: int) -> str:
    return f"the revocation list of {entity} is too long: {count:,} certificates, and AWS takes {MAX_PEM_BYTES:,} bytes"


def _way_out(entity: str) -> str:
    return (
        f"begin a new generation, whose list is empty: `iam-ra ca rotate {entity.removeprefix(ENTITIES)}`; the old one "
        "leaves with its list after the overlap. Shorter lives of certificates (`validity`) keep lists short"
    )
