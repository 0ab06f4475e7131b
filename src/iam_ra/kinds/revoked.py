"""Which certificates count no more: a function of the file, the state, the ledger, the wishes of the run and the time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from iam_ra.config.entitlement import roles_said
from iam_ra.config.model import Revocation
from iam_ra.engine.action import Cause, Reason
from iam_ra.kinds.authority import revocation_list
from iam_ra.kinds.host_certificate import host_certificate
from iam_ra.kinds.host_keys import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from iam_ra.config.model import Authority, Host, Namespace
    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Recorded
    from iam_ra.state.ledger import Issued

HOLD = "certificate_hold"
# The entries of the recorded list of an authority's generation, by serial.
_Listed: TypeAlias = "Mapping[str, Mapping[str, Any]]"


@dataclass(frozen=True, slots=True)
class _Known:
    """A wanted host with what is recorded of its certificates, and the roles that the next one says.

    `forced`: it is renewed at the user's wish, without overlap.
    """

    host: Host
    said: frozenset[str]
    serial: str
    earlier: Mapping[str, Mapping[str, Any]]
    forced: bool


def with_revoked(
    namespace: Namespace,
    recorded: Mapping[Address, Recorded],
    issued: Iterable[Issued],
    now: datetime,
    forced: Collection[str] = (),
) -> Namespace:
    """Return the namespace with the certificates that count no more, by authority and generation.

    They are all that were issued and have not ended, but for a wanted host's present one, those in their overlap, and
    what an apply that was killed may have delivered to a wanted host, while it is younger than the host's overlap. What
    a recorded list holds stays in it, unless it is only on hold. `forced` are the entities that are renewed at the
    user's wish and without overlap.
    """
    known = {
        name: _known(host, namespace, recorded.get(host_certificate(name)), f"{ENTITIES}{name}" in forced)
        for name, host in namespace.hosts.items()
    }
    found: defaultdict[tuple[str, int], dict[str, Revocation]] = defaultdict(dict)
    lists = {
        (authority.name, generation.number): _listed(recorded, authority.name, generation.number)
        for authority in namespace.authorities.values()
        for generation in authority.generations
    }
    for place, listed in lists.items():
        # Once revoked, always revoked: also if the host comes back, or its entry in the ledger is gone.
        found[place].update(
            {serial: _kept(serial, each) for serial, each in listed.items() if each["reason"] != HOLD}
        )
    for leaf in issued:
        place = (leaf.authority, leaf.generation)
        if leaf.host and now < leaf.not_after and place in lists and leaf.serial not in found[place]:
            can_hold = namespace.authorities[leaf.authority].mode == "self-signed"
            verdict = _judge(leaf, known.get(leaf.host), now, can_hold=can_hold)
            if verdict is not None:
                held = lists[place].get(leaf.serial)
                if held is not None:
                    since = datetime.fromisoformat(held["when"])
                    same = held["reason"] == verdict.reason
                    verdict = _kept(leaf.serial, held) if same else replace(verdict, when=since)
                found[place][leaf.serial] = verdict
    authorities = {
        name: _with_lists(authority, lists, found, known, now)
        for name, authority in namespace.authorities.items()
    }
    hosts = {name: _with_own(each, recorded, namespace, found) for name, each in known.items()}
    return replace(namespace, authorities=authorities, hosts=hosts)


def _known(host: Host, namespace: Namespace, part: Recorded | None, forced: bool) -> _Known:
    said = frozenset(roles_said(host, namespace))
    if part is None:
        return _Known(host, said, "", {}, forced)
    earlier = {each["serial"]: each for each in part.outputs["earlier"]}
    return _Known(host, said, part.outputs["serial"], earlier, forced)


def _listed(recorded: Mapping[Address, Recorded], scope: str, generation: int) -> _Listed:
    part = recorded.get(revocation_list(scope, generation))
    return {} if part is None else part.inputs["revoked"]


def _kept(serial: str, listed: Mapping[str, Any]) -> Revocation:
    when, not_after = (datetime.fromisoformat(listed[name]) for name in ("when", "not_after"))
    return Revocation(serial, listed["reason"], when, not_after)


def _judge(leaf: Issued, known: _Known | None, now: datetime, *, can_hold: bool) -> Revocation | None:
    """Return why a certificate counts no more, or None while it does.

    What a private CA has revoked it never takes back: there a host that is enabled again gets another certificate.
    """
    entity, since = f"{ENTITIES}{leaf.host}", now
    if known is None:
        reason, text = "cessation_of_operation", f"{entity} was removed"
    else:
        reason, text, since = _of_wanted(leaf, entity, known, now)
    if not reason and known is not None and known.host.disabled and leaf.units:
        reason, text, since = HOLD if can_hold else "privilege_withdrawn", f"{entity} is disabled", now
    if not reason:
        return None
    return Revocation(leaf.serial, reason, since.replace(microsecond=0), leaf.not_after, leaf.host, text)


def _of_wanted(leaf: Issued, entity: str, known: _Known, now: datetime) -> tuple[str, str, datetime]:
    """Return reason, text and time of a wanted host's certificate; nothing while it counts."""
    is_present, earlier = leaf.serial == known.serial, known.earlier.get(leaf.serial)
    if earlier is not None and (until := datetime.fromisoformat(earlier["until"])) <= now:
        return (*_of_earlier(entity, earlier, until), until)
    if known.forced:
        return "key_compromise", f"{entity} is renewed at once, without overlap", now
    if known.host.withdrawn and (is_present or not known.said.issuperset(leaf.units)):
        return "privilege_withdrawn", f"{entity} loses {', '.join(known.host.withdrawn)}", now
    # Also in its overlap, and while the role goes by names: one day it may be bound by certificate again.
    if not set(leaf.units) <= set(known.host.roles):
        return "privilege_withdrawn", f"{entity} has fewer roles than a certificate of it says", now
    if is_present or earlier is not None:
        return "", "", now
    return (*_of_stray(leaf, entity, known, now), now)


def _of_stray(leaf: Issued, entity: str, known: _Known, now: datetime) -> tuple[str, str]:
    """Judge one that the state does not know: an apply that was killed may have delivered it."""
    if leaf.not_before + known.host.certificate.overlap <= now:
        return "superseded", f"an interrupted apply left a certificate of {entity}"
    return "", ""


def _of_earlier(entity: str, earlier: Mapping[str, Any], since: datetime) -> tuple[str, str]:
    texts = {
        "superseded": f"the overlap of {entity} ended on {since:%Y-%m-%d}",
        "key_compromise": f"{entity} was renewed at once, without overlap",
        "privilege_withdrawn": f"{entity} lost roles that its earlier certificate says",
    }
    reason = earlier["reason"]
    return reason, texts.get(reason, f"an earlier certificate of {entity} counts no more")


def _with_lists(
    authority: Authority,
    lists: Mapping[tuple[str, int], _Listed],
    found: Mapping[tuple[str, int], Mapping[str, Revocation]],
    known: Mapping[str, _Known],
    now: datetime,
) -> Authority:
    """Return the authority with its lists. What has ended leaves a list when that changes for another reason."""
    revoked: dict[int, tuple[Revocation, ...]] = {}
    reinstated: list[tuple[int, str]] = []
    owners = {
        serial: name for name, each in known.items() for serial in (each.serial, *each.earlier) if serial
    }
    for (scope, generation), listed in lists.items():
        if scope != authority.name:
            continue
        here = found[scope, generation]
        live = {serial: each for serial, each in here.items() if now < each.not_after}
        before = {
            serial: each for serial, each in listed.items() if now < datetime.fromisoformat(each["not_after"])
        }
        is_same = {serial: each.reason for serial, each in live.items()} == {
            serial: each["reason"] for serial, each in before.items()
        }
        kept = [_kept(*each) for each in listed.items()] if live and is_same else list(live.values())
        if kept:
            revoked[generation] = tuple(sorted(kept, key=lambda each: each.serial))
        reinstated += [(generation, owners.get(serial, "")) for serial in sorted(before.keys() - live.keys())]
    return replace(authority, revoked=revoked, reinstated=tuple(reinstated))


def _with_own(
    known: _Known,
    recorded: Mapping[Address, Recorded],
    namespace: Namespace,
    found: Mapping[tuple[str, int], Mapping[str, Revocation]],
) -> Host:
    """Return the host with why its present certificate is revoked, and the lists that it would be put into."""
    host, part = known.host, recorded.get(host_certificate(known.host.name))
    lists = {(host.authority, namespace.authorities[host.authority].current.number)}
    reason = ""
    if part is not None:
        present = (part.inputs["ca"], part.inputs["generation"])
        lists |= {present, *((each["ca"], each["generation"]) for each in part.outputs["earlier"])}
        revocation = found.get(present, {}).get(known.serial)
        reason = "" if revocation is None or revocation.reason == HOLD else revocation.reason
    renewal = host.renewal
    if reason and not renewal and not host.withdrawn and not host.disabled:
        # It was on its way out, and came back before all of it was gone.
        renewal = (Reason(Cause.COMPROMISED, "its certificate is revoked already"),)
    return replace(host, revoked=reason, renewal=renewal, lists=tuple(sorted(lists)))
