"""Who may take which role, by which authority, and how that is proved: by name, or by what the certificate says.

The one place where that is decided, for the check of the file, for trust policies and for certificates.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from iam_ra.anywhere.trust_policy import Unit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from iam_ra.config.model import Binding, Host, Namespace


@dataclass(frozen=True, slots=True)
class Rule:
    """What a role says of its takers. `authorities` is empty when certificates of every authority may take it.

    `named` holds the authorities of which some live certificate does not say the role yet, though it is bound by
    certificate: until then names count.
    """

    authorities: Collection[str]
    bind: Binding | None
    named: Collection[str] = ()


class Holder(NamedTuple):
    """Who has roles, and what its live certificates prove: authority and identity."""

    roles: AbstractSet[str]
    proofs: Iterable[tuple[str, str]]


def is_said(role: Binding | None, authority: Binding | None) -> bool:
    """Tell whether certificates of an authority say a role: the role's own word beats the authority's.

    Those of a cluster (None) never do: what they say its users decide, and only names are under control there.
    """
    return authority is not None and (role or authority) == "certificate"


def entitled(
    holders: Iterable[Holder], rules: Mapping[str, Rule], authorities: Mapping[str, Binding | None]
) -> Mapping[str, Mapping[str, list[str] | Unit]]:
    """Return, by role and by authority, who may take it: names, or whoever's certificate says so.

    `authorities` says of each how its certificates count. What holders have of unknown roles and authorities is left
    out.
    """
    found: defaultdict[str, dict[str, list[str] | Unit]] = defaultdict(dict)
    for holder in holders:
        proofs = [proof for proof in holder.proofs if proof[0] in authorities]
        for role in holder.roles & rules.keys():
            rule = rules[role]
            for authority, identity in proofs:
                if rule.authorities and authority not in rule.authorities:
                    continue
                is_unit = is_said(rule.bind, authorities[authority]) and authority not in rule.named
                who = found[role].setdefault(authority, Unit(role) if is_unit else [])
                if not isinstance(who, Unit):
                    who.append(identity)
    return found


def entitled_in(namespace: Namespace) -> Mapping[str, Mapping[str, list[str] | Unit]]:
    """Return, by role and by authority, who may take it: also what certificates in their overlap prove."""
    hosts = (
        Holder(set(host.roles), ((host.authority, host.identity), *host.former))
        for host in namespace.hosts.values()
        if not host.disabled
    )
    workloads = (
        Holder(set(each.roles), ((cluster.scope, each.identity),))
        for cluster in namespace.clusters.values()
        for each in cluster.workloads.values()
        if not each.disabled
    )
    rules = {name: Rule(role.authorities, role.bind, role.named) for name, role in namespace.roles.items()}
    bind = {name: each.bind for name, each in namespace.authorities.items()}
    return entitled((*hosts, *workloads), rules, bind)


def roles_said(host: Host, namespace: Namespace) -> tuple[str, ...]:
    """Return the roles that a host's certificate is to say, sorted: those bound by certificate with its authority."""
    authority = namespace.authorities[host.authority].bind
    return tuple(sorted(role for role in host.roles if is_said(namespace.roles[role].bind, authority)))
