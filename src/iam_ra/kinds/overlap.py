"""Overlaps: until when hosts' earlier certificates count, by what has come to pass since they were recorded.

An overlap ends on its day; sooner, once Roles Anywhere has let the new certificate in; at once, at the user's wish; and
not before the new certificate was delivered.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from iam_ra.aws.subjects import Sought
from iam_ra.engine.action import Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.kinds.host_certificate import COMPROMISE, SUPERSEDED, host_certificate
from iam_ra.kinds.host_keys import ENTITIES
from iam_ra.kinds.role import role_stack
from iam_ra.kinds.trust_anchor import trust_anchor_arn
from iam_ra.state.certificates import revoked_entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.config.model import Host, Namespace
    from iam_ra.engine.part import Recorded
    from iam_ra.kinds.memory import Wishes

_ASKED = {
    True: Reason(Cause.REQUESTED, "asked for; the one before stays good for its overlap"),
    False: Reason(Cause.COMPROMISED, "asked for; whatever it had before is revoked at once"),
}
_UNDELIVERED = Reason(Cause.UNDELIVERED, "it was not delivered yet, so the overlap begins anew")
_DELIVERIES: Final = ("secrets", "sops", "age")
# What an entry of a revocation list says that can leave it again.
_HOLD: Final = "certificate_hold"


def with_overlaps(
    namespace: Namespace,
    recorded: Mapping[Address, Recorded],
    seen: Mapping[str, datetime],
    wishes: Wishes,
    now: datetime,
) -> Mapping[Address, Recorded]:
    """Return what is recorded, with the `until` of each earlier certificate as it is by now.

    `seen` is when Roles Anywhere let in a serial (decimal).
    """
    changed: dict[Address, Recorded] = {}
    revoked = {each["serial"] for each in revoked_entries(recorded) if each["reason"] != _HOLD}
    for name, host in namespace.hosts.items():
        part = recorded.get(host_certificate(name))
        if part is None or not part.outputs["earlier"]:
            continue
        compromised = f"{ENTITIES}{name}" in wishes.renew and not wishes.keep_old
        end = now if compromised else seen.get(part.outputs["serial"])
        is_open = end is None and not _is_delivered(host, part, recorded)
        earlier = []
        for each in part.outputs["earlier"]:
            if each["serial"] in revoked:
                # Once revoked, always revoked.
                earlier.append(_until(each, min(_end_of(each), now)))
            elif is_open and each["reason"] == SUPERSEDED:
                earlier.append(_until(each, datetime.fromisoformat(each["not_after"])))
            elif end is not None and end < _end_of(each):
                ended = _until(each, min(end, now))
                earlier.append({**ended, "reason": COMPROMISE} if compromised else ended)
            else:
                earlier.append(each)
        changed[part.address] = replace(part, outputs={**part.outputs, "earlier": earlier})
    return {**recorded, **changed} if changed else recorded


def sought(
    namespace: Namespace, recorded: Mapping[Address, Recorded], wishes: Wishes, now: datetime
) -> tuple[Sought, ...]:
    """Return the new certificates of hosts whose earlier ones count still: what Roles Anywhere may have seen."""
    known = with_overlaps(namespace, recorded, {}, wishes, now)
    parts = (known.get(host_certificate(name)) for name in namespace.hosts)
    return tuple(
        Sought(
            part.inputs["identity"],
            part.outputs["serial"],
            datetime.fromisoformat(part.outputs["not_before"]),
        )
        for part in parts
        if part is not None and any(now < _end_of(each) for each in part.outputs["earlier"])
    )


def with_renewals(
    namespace: Namespace, recorded: Mapping[Address, Recorded], wishes: Wishes, now: datetime
) -> Namespace:
    """Return the namespace with the hosts whose certificate changes though neither file nor calendar say so."""
    hosts = dict(namespace.hosts)
    for name, host in namespace.hosts.items():
        part = recorded.get(host_certificate(name))
        reasons = [_ASKED[wishes.keep_old]] if f"{ENTITIES}{name}" in wishes.renew else []
        if not reasons and part is not None and part.outputs["earlier"]:
            is_open = any(
                each["reason"] == SUPERSEDED and now < _end_of(each) for each in part.outputs["earlier"]
            )
            reasons += [_UNDELIVERED] if is_open and not _is_delivered(host, part, recorded) else []
        if reasons:
            hosts[name] = replace(host, renewal=tuple(reasons))
    return replace(namespace, hosts=hosts)


def with_lapsed(namespace: Namespace, recorded: Mapping[Address, Recorded], now: datetime) -> Namespace:
    """Return the namespace with the names that roles still trust of certificates whose overlap is over."""
    wanted = {pair for host in namespace.hosts.values() for pair in _proved(host)}
    roles = dict(namespace.roles)
    for name, host in namespace.hosts.items():
        part = recorded.get(host_certificate(name))
        for each in () if part is None else part.outputs["earlier"]:
            pair = (each["ca"], each["identity"])
            if _end_of(each) <= now and pair not in wanted:
                text = (
                    f"the overlap of {ENTITIES}{name}, formerly {pair[1]}, ended on {_end_of(each):%Y-%m-%d}"
                )
                for role in host.roles:
                    if pair in _trusted(role, pair[0], recorded) and pair not in roles[role].lapsed:
                        reasons = (*roles[role].because, Reason(Cause.OVERLAP_OVER, text))
                        roles[role] = replace(
                            roles[role], lapsed=(*roles[role].lapsed, pair), because=reasons
                        )
    return replace(namespace, roles=roles)


def _proved(host: Host) -> Iterator[tuple[str, str]]:
    yield host.authority, host.identity
    yield from host.former


def _trusted(role: str, scope: str, recorded: Mapping[Address, Recorded]) -> frozenset[tuple[str, str]]:
    """Return authority and identity of whom a role's recorded trust policy names with an authority."""
    known, anchor = recorded.get(role_stack(role)), recorded.get(trust_anchor_arn(scope).address)
    if known is None or anchor is None:
        return frozenset()
    arn = anchor.outputs.get("TrustAnchorArn")
    return frozenset(
        (scope, identity)
        for each in known.inputs["trust"]
        if each["trust_anchor"] == arn
        for identity in each.get("identities", ())
    )


def _is_delivered(host: Host, part: Recorded, recorded: Mapping[Address, Recorded]) -> bool:
    """Tell whether all that a host's certificates were delivered to has the present one."""
    known = (recorded.get(Address(part.address.entity, each)) for each in _DELIVERIES)
    serials = {each.inputs["serial"] for each in known if each is not None}
    return not host.delivery or serials == {part.outputs["serial"]}


def _until(earlier: Mapping[str, Any], until: datetime) -> Mapping[str, Any]:
    return {**earlier, "until": until.isoformat()}


def _end_of(earlier: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(earlier["until"])
