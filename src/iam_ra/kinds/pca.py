"""`ca/x:pca`: a root in AWS Private CA, certified by itself and active, with the bucket of its revocation list."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cryptography.x509.oid import NameOID

from iam_ra.aws.pca import ACTIVE
from iam_ra.aws.pca_signer import inactive
from iam_ra.aws.s3 import Bucket
from iam_ra.aws.stacks import DEAD
from iam_ra.config.model import CLUSTERS
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.part import UNKNOWN, Part, Presence
from iam_ra.kinds.authority import ENTITIES, private_ca
from iam_ra.kinds.base import register
from iam_ra.kinds.init import INIT_STACK
from iam_ra.kinds.pca_revocations import PENDING
from iam_ra.kinds.run import PRIVATE_CA, PRIVATE_CA_OUTPUT
from iam_ra.kinds.stack import StackKind
from iam_ra.pki.authority import authority_subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.naming import Names
    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.aws.stacks import Stack
    from iam_ra.config.model import KeyAlgorithm, Namespace
    from iam_ra.engine.address import Address
    from iam_ra.engine.diff import Finding
    from iam_ra.engine.part import Observed, Recorded
    from iam_ra.engine.plan import Plan
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

# Of a general-purpose authority; what it issues is a few cents each besides. Source: "AWS Private Certificate Authority
# pricing", https://aws.amazon.com/private-ca/pricing/
PRICE = "AWS bills a private CA by the month, about 400 USD, from the day it is made"
CRL_BUCKET = "CrlBucket"
_RESTORE = (
    "`aws acm-pca restore-certificate-authority --certificate-authority-arn {0}`, then `aws acm-pca "
    "update-certificate-authority --certificate-authority-arn {0} --status ACTIVE`"
)
KeyName = Literal["EC_prime256v1", "EC_secp384r1", "RSA_2048", "RSA_4096"]
# Source: botocore model acm-pca 2017-08-22, KeyAlgorithm and SigningAlgorithm.
_KEYS: dict[KeyAlgorithm, tuple[KeyName, str]] = {
    "ec-p256": ("EC_prime256v1", "SHA256WITHECDSA"),
    "ec-p384": ("EC_secp384r1", "SHA384WITHECDSA"),
    "rsa-2048": ("RSA_2048", "SHA256WITHRSA"),
    "rsa-4096": ("RSA_4096", "SHA256WITHRSA"),
}
_FIXED = (
    "a private CA is made once, and nothing follows it in its trust anchor; add a second authority with the new setting, "
    "move the hosts over (`ca:` of each host), then remove this one"
)


def with_prices(namespace: Namespace, recorded: Mapping[Address, Recorded]) -> Namespace:
    """Return the namespace with the price said of each private CA that is to be made."""
    new = {
        name: replace(
            each,
            generations=(replace(each.current, because=(Reason(Cause.NEW, f"new in the file; {PRICE}"),)),),
        )
        for name, each in namespace.authorities.items()
        if each.mode == "pca-new" and private_ca(name) not in recorded
    }
    return replace(namespace, authorities={**namespace.authorities, **new}) if new else namespace


@register
class PrivateCa(StackKind):
    """A general-purpose root. Who deletes it has 30 days to think better of it."""

    name = "private-ca"
    summary = "an authority in AWS Private CA, and the bucket of its revocation list"
    template = "cloudformation/pca.json"
    entities = ENTITIES
    is_replaceable = False
    is_watched = False
    stable_outputs: ClassVar[frozenset[str]] = frozenset({PRIVATE_CA_OUTPUT, CRL_BUCKET})
    fixed_inputs: ClassVar[Mapping[str, str]] = dict.fromkeys(("key", "days"), _FIXED)

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part an authority of the mode `pca-new`."""
        template = self.template_input()
        for authority in namespace.authorities.values():
            if authority.mode == "pca-new":
                inputs = {
                    "template": template,
                    "key": authority.key,
                    "days": authority.validity.days,
                    "tags": dict(authority.tags),
                }
                yield Part(
                    private_ca(authority.name),
                    self.name,
                    inputs,
                    (INIT_STACK,),
                    protect=authority.protect,
                    because=authority.current.because,
                )

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:
        """Leave an authority alone that is gone: another would not be the same."""
        is_gone = seen is None or seen.presence is Presence.BROKEN
        return None if is_gone else super().review(recorded, seen, now)

    def address_of(self, stack: Stack, names: Names) -> Address | None:
        """Return the part whose name the stack bears, whoever made it."""
        entity = self.entity_named(stack.name, names)
        return None if entity is None else private_ca(entity.removeprefix(ENTITIES))

    def stack_name(self, names: Names, entity: str) -> str:
        """Return `iam-ra-{namespace}-pca-{scope}`."""
        return names.private_ca_stack(entity.removeprefix(ENTITIES))

    def entity_named(self, stack_name: str, names: Names) -> str | None:
        """Recognise `pca-…`."""
        scope = stack_name.removeprefix(names.private_ca_stack(""))
        return None if scope in {stack_name, ""} else f"{ENTITIES}{scope}"

    def values(self, name: str, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Return the authority's key, subject and life, and whose account it is."""
        algorithm: KeyAlgorithm = inputs["key"]
        key, signature = _KEYS[algorithm]
        caller, subject = run.aws.caller, authority_subject(run.names.namespace, name)
        (organization,) = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        (common_name,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return {
            "scope": name,
            "key_algorithm": key,
            "signing_algorithm": signature,
            "organization": organization.value,
            "common_name": common_name.value,
            "days": inputs["days"],
            "partition": caller.partition,
            "account_id": caller.account_id,
        }

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Disable the authority, for an active one is not deleted, empty its bucket, and delete the stack.

        Until 30 days are over, `aws acm-pca restore-certificate-authority` brings the authority back.
        """
        stack = run.stacks.find(self.name_at(recorded.address, run.names))
        owner = run.owner_tags(recorded.address)
        if stack is not None and owner.items() <= dict(stack.tags).items():
            if PRIVATE_CA_OUTPUT in stack.outputs:
                run.pca.disable(stack.outputs[PRIVATE_CA_OUTPUT])
            if CRL_BUCKET in stack.outputs:
                Bucket(run.aws.s3, stack.outputs[CRL_BUCKET]).empty()
        super().delete(recorded, run)


def private_ca_warnings(plan: Plan, snapshot: Snapshot, run: Run) -> Iterator[str]:
    """Yield what a plan's reader must know of private CAs: prices, statuses, and what they have not published yet.

    Asks AWS about those that are to be taken up or to revoke, and about no other.
    """
    changed = {change.address: change for change in plan.changes if change.action is not Action.DELETE}
    for address, change in changed.items():
        if change.kind == PrivateCa.name and change.action is not Action.UPDATE:
            yield f"{address.entity} is a private CA: {PRICE}"
        is_new = "pca_arn" in change.inputs and change.recorded is None
        if is_new or (change.kind == "revocation-list" and PRIVATE_CA in change.inputs):
            arn = change.inputs.get("pca_arn") or change.inputs[PRIVATE_CA]
            yield from () if arn is UNKNOWN else _of_existing(address.entity, arn, run, is_new=is_new)
    gone = {change.address for change in plan.changes if change.action is Action.DELETE}
    for address, part in plan.recorded.items():
        if address not in gone:
            yield from _of_recorded(part, snapshot, is_changed=address in changed)


def _of_existing(entity: str, arn: str, run: Run, *, is_new: bool) -> Iterator[str]:
    info = run.pca.find(arn)
    if info is None or info.status != ACTIVE:
        problem = inactive(info, arn)
        yield f"{entity}: {problem.what}: {problem.why}. To go on: {problem.fix}"
    elif info.revocations is None and not entity.startswith(CLUSTERS):
        why = "is for short-lived certificates and" if info.is_short_lived else "has no CRL configuration and"
        when = "What it signs" if is_new else "What is revoked now"
        yield (
            f"{entity}: its private CA {why} publishes no complete revocation list. {when} is refused by the trust policies "
            "alone, once the file takes it from a host; a CRL configuration of the CA puts that right"
        )


def _of_recorded(part: Recorded, snapshot: Snapshot, *, is_changed: bool) -> Iterator[str]:
    entity = part.address.entity
    if part.kind == PrivateCa.name:
        stack = snapshot.stacks.get(snapshot.names.private_ca_stack(entity.removeprefix(ENTITIES)))
        if stack is None or stack.status in DEAD:
            yield (
                f"{entity} signs and revokes no more: the stack of its private CA was deleted outside iam-ra. Within 30 days: "
                f"{_RESTORE.format(part.outputs[PRIVATE_CA_OUTPUT])}; later, add "
                "another authority and move its hosts there"
            )
    elif PENDING in part.outputs and not is_changed:
        yield f"{part.address} is pending: {part.outputs[PENDING]}"
