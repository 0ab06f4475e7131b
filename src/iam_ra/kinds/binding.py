"""What the state says of roles bound by certificate: who loses one, and whose earlier certificate does not say it yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from iam_ra.config.entitlement import is_said
from iam_ra.engine.action import Cause, Reason
from iam_ra.kinds.host_certificate import host_certificate
from iam_ra.kinds.role import role_stack
from iam_ra.kinds.trust_anchor import trust_anchor_arn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from iam_ra.config.model import Host, Namespace, Role
    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Recorded

_SWITCHED = Reason(Cause.OVERLAP_OVER, "every certificate that is to take it says so by now; names go")


def with_withdrawn(namespace: Namespace, recorded: Mapping[Address, Recorded]) -> Namespace:
    """Return the namespace with the roles that hosts lose although their certificates say them."""
    hosts = dict(namespace.hosts)
    for name, host in namespace.hosts.items():
        known = recorded.get(host_certificate(name))
        lost = () if known is None else withdrawn(known.inputs.get("units", ()), host)
        if lost:
            hosts[name] = replace(host, withdrawn=lost)
    return replace(namespace, hosts=hosts)


def with_named(namespace: Namespace, recorded: Mapping[Address, Recorded], now: datetime) -> Namespace:
    """Return the namespace with the roles that go by names still although they are bound by certificate.

    Such a role is not taken from a host whose certificate does not say it yet: it goes on naming its takers until no
    such certificate counts any more. One that is revoked at once does not count.
    """
    roles = {name: _bound(role, namespace, recorded, now) for name, role in namespace.roles.items()}
    return replace(namespace, roles=roles)


def withdrawn(units: Iterable[str], host: Host) -> tuple[str, ...]:
    """Return, sorted, which of the roles that a host's certificate says the host no longer has.

    A certificate with such a role must not count, however long its overlap was to be: a trust policy that goes by what
    certificates say cannot tell.
    """
    return tuple(sorted(set(units).difference(host.roles)))


def _bound(role: Role, namespace: Namespace, recorded: Mapping[Address, Recorded], now: datetime) -> Role:
    known = recorded.get(role_stack(role.name))
    named = set()
    switched = False
    for scope, authority in namespace.authorities.items():
        names = _named(known, scope, recorded) if is_said(role.bind, authority.bind) else frozenset()
        if names and any(_unsaid(role.name, scope, names, namespace, recorded, now)):
            named.add(scope)
        elif names:
            switched = True
    if not named and not switched:
        return role
    return replace(role, named=frozenset(named), because=(*role.because, *((_SWITCHED,) if switched else ())))


def _named(known: Recorded | None, scope: str, recorded: Mapping[Address, Recorded]) -> frozenset[str]:
    """Return the identities that a role's recorded trust policy names with an authority."""
    anchor = recorded.get(trust_anchor_arn(scope).address)
    if known is None or anchor is None:
        return frozenset()
    arn = anchor.outputs.get("TrustAnchorArn")
    trust: Iterable[Mapping[str, Any]] = known.inputs["trust"]
    return frozenset(
        identity for each in trust if each["trust_anchor"] == arn for identity in each.get("identities", ())
    )


def _unsaid(
    role: str,
    scope: str,
    names: frozenset[str],
    namespace: Namespace,
    recorded: Mapping[Address, Recorded],
    now: datetime,
) -> Iterator[bool]:
    """Yield for each live certificate of an authority that takes the role by its name whether it does not say it."""
    for name, host in namespace.hosts.items():
        known = recorded.get(host_certificate(name))
        if known is None or role not in host.roles:
            continue
        present = () if host.revoked else (known.inputs,)
        live = [*present, *(each for each in known.outputs["earlier"] if now < _until(each))]
        for each in live:
            units = each.get("units", ())
            if each["ca"] == scope and each["identity"] in names and not withdrawn(units, host):
                yield role not in units


def _until(earlier: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(earlier["until"])
