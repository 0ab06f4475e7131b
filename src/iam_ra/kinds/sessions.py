"""Open sessions of those who lose a role: until when they last, and how they are ended at once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from iam_ra.config.model import WORKLOADS
from iam_ra.engine.action import Cause, Reason
from iam_ra.kinds.authority import revocation_list
from iam_ra.kinds.host_aws_config import PART
from iam_ra.kinds.host_certificate import host_certificate
from iam_ra.kinds.host_keys import ENTITIES
from iam_ra.kinds.manifest_texts import workload_of
from iam_ra.kinds.manifests import PART as MANIFESTS
from iam_ra.kinds.role import role_stack, sessions_over
from iam_ra.kinds.trust_anchor import trust_anchor_arn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from iam_ra.config.model import Cluster, Host, Namespace, Role, Workload
    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Recorded

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Loss:
    """A host or a workload (its address) that may no longer take a role which it was given.

    `cut` are the parts of which one takes it away; `ended` says that its open sessions are ended with it.
    """

    entity: str
    role: str
    duration: timedelta
    cut: frozenset[Address]
    ended: bool


def losses(namespace: Namespace, recorded: Mapping[Address, Recorded]) -> Iterator[Loss]:
    """Yield what recorded hosts may no longer take: removed or disabled, theirs or the role's doing, or by revocation.

    A role that goes takes its sessions with it.
    """
    yield from _losses_of_workloads(namespace, recorded)
    for address, part in sorted(recorded.items()):
        if address.part != PART or not address.entity.startswith(ENTITIES):
            continue
        name = address.entity.removeprefix(ENTITIES)
        host = namespace.hosts.get(name)
        for role, given in part.inputs["roles"].items():
            if role in namespace.roles and not _keeps(namespace, host, role):
                cut = {role_stack(role), host_certificate(name)}
                if host is not None:
                    cut |= {trust_anchor_arn(host.authority).address}
                    cut |= {revocation_list(*each) for each in host.lists}
                yield _loss(address.entity, namespace.roles[role], given, cut)


def _losses_of_workloads(namespace: Namespace, recorded: Mapping[Address, Recorded]) -> Iterator[Loss]:
    for address, part in sorted(recorded.items()):
        if address.part != MANIFESTS or not address.entity.startswith(WORKLOADS):
            continue
        found = workload_of(address.entity, namespace)
        for role, given in part.inputs["roles"].items():
            if role in namespace.roles and not _workload_keeps(namespace, found, role):
                cut = (
                    {role_stack(role)}
                    if found is None
                    else {role_stack(role), trust_anchor_arn(found[0].scope).address}
                )
                yield _loss(address.entity, namespace.roles[role], given, cut)


def _workload_keeps(namespace: Namespace, found: tuple[Cluster, Workload] | None, role: str) -> bool:
    if found is None or role not in found[1].roles:
        return False
    return not (found[0].disabled or found[1].disabled or namespace.roles[role].disabled)


def _loss(entity: str, role: Role, given: Mapping[str, Any], cut: Collection[Address]) -> Loss:
    ended = role.sessions_before is not None and role.sessions_before != role.sessions_recorded
    return Loss(entity, role.name, timedelta(seconds=given["session_duration"]), frozenset(cut), ended)


def _keeps(namespace: Namespace, host: Host | None, role: str) -> bool:
    if host is None or role not in host.roles or host.disabled or host.revoked:
        return False
    return not (namespace.roles[role].disabled or namespace.authorities[host.authority].disabled)


def with_sessions(
    namespace: Namespace, recorded: Mapping[Address, Recorded], now: datetime, *, end: bool
) -> Namespace:
    """Return the namespace with the roles whose earlier sessions are denied everything.

    With `end`, from now on those of every role that somebody loses. What was recorded stays until the longest session
    from before would be over by itself.
    """
    losing: defaultdict[str, set[str]] = defaultdict(set)
    if end:
        for loss in losses(namespace, recorded):
            losing[loss.role].add(loss.entity)
    roles = dict(namespace.roles)
    for name, role in namespace.roles.items():
        part = recorded.get(role_stack(name))
        if part is None:
            continue
        before = part.inputs.get("sessions_before")
        if name in losing:
            reason = Reason(
                Cause.SESSIONS_ENDED, f"open sessions are ended: {_few(losing[name])} may not take it"
            )
            roles[name] = replace(
                role,
                sessions_before=stamp(now),
                sessions_recorded=before,
                because=(*role.because, reason),
            )
        elif before is not None:
            over = sessions_over(part, role.session_duration)
            if over is not None and now < over:
                roles[name] = replace(role, sessions_before=before, sessions_recorded=before)
            else:
                text = (
                    f"the sessions that it ended would be over by themselves since {over:%Y-%m-%d %H:%M} UTC"
                )
                reason = Reason(Cause.SESSIONS_OVER, text)
                roles[name] = replace(role, sessions_recorded=before, because=(*role.because, reason))
    return replace(namespace, roles=roles)


def open_until(lost: Iterable[Loss], done: Collection[Address], now: datetime) -> Mapping[str, datetime]:
    """Return, by host or workload, when the last session ends that it may have open of a role which it just lost.

    `done` are the parts that were changed; sessions that were ended at once are left out.
    """
    found: dict[str, datetime] = {}
    for loss in lost:
        if not loss.cut.isdisjoint(done) and not (loss.ended and role_stack(loss.role) in done):
            found[loss.entity] = max(found.get(loss.entity, now), now + loss.duration)
    return found


def stamp(moment: datetime) -> str:
    """Return a time as IAM policies write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _few(entities: Collection[str]) -> str:
    more = len(entities) - _NAMED
    said = [*sorted(entities)[:_NAMED], *([f"and {more:,} more"] if more > 0 else [])]
    return ", ".join(said)
