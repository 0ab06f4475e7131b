"""What was applied, seen from the identities: who may take which role, and for how many days more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Recorded


_WORKLOADS = "workload/"


@dataclass(frozen=True, slots=True)
class Identity:
    """An authority, a host or a workload. `serial` is decimal; `not_after` and `last_used` are ISO 8601.

    Of a workload's certificates only its cluster knows: `serial` and `not_after` are empty, `days_left` is None. `last_used`
    is empty for one that Roles Anywhere never saw, and for authorities. `disabled`: it opens nothing for now.
    """

    entity: str
    identity: str
    roles: tuple[str, ...]
    serial: str
    not_after: str
    days_left: int | None
    last_used: str
    disabled: bool = False


class Standing(StrEnum):
    """How an entity of the file, or of the state, stands between the two."""

    APPLIED = "applied"
    NEW = "to be made"
    CHANGING = "to be changed"
    GOING = "to be deleted"


def standings(
    wanted: Sequence[str], prefix: str, parts: Mapping[Address, Recorded], changing: Collection[str]
) -> Mapping[str, Standing]:
    """Return how entities stand: the `wanted` ones of the file, then those with the prefix that only the state has.

    `changing` are those of which a plan would change something.
    """
    recorded = {address.entity for address in parts if address.entity.startswith(prefix)}
    found = {
        entity: Standing.NEW
        if entity not in recorded
        else Standing.CHANGING
        if entity in changing
        else Standing.APPLIED
        for entity in wanted
    }
    return {**found, **dict.fromkeys(sorted(recorded - found.keys()), Standing.GOING)}


def switched_off(parts: Mapping[Address, Recorded], hosts: Collection[str]) -> frozenset[str]:
    """Return the entities that are disabled: authorities and roles by the state, and these hosts by the file."""
    entities = {address.entity for address, part in parts.items() if part.inputs.get("enabled") is False}
    return frozenset({*entities, *(f"host/{name}" for name in hosts)})


def identities(
    parts: Mapping[Address, Recorded],
    now: datetime,
    seen: Mapping[str, datetime],
    off: frozenset[str] = frozenset(),
) -> tuple[Identity, ...]:
    """Return the authorities, hosts and workloads that the state records, with the roles that they really can take.

    `seen` is when Roles Anywhere last saw an X.509 subject, `off` the entities that are disabled.
    """
    known = _last_seen(seen)
    anchors = {
        address.entity: part.outputs["TrustAnchorArn"]
        for address, part in parts.items()
        if "TrustAnchorArn" in part.outputs
    }
    grants = [
        (address.entity.partition("/")[2], each)
        for address, part in sorted(parts.items())
        if address.entity not in off
        for each in part.inputs.get("trust", ())
    ]
    found = []
    for address, part in sorted(parts.items()):
        is_workload = address.entity.startswith(_WORKLOADS) and "identity" in part.inputs
        if "not_after" not in part.outputs and not is_workload:
            continue
        identity = part.inputs.get("identity") or part.outputs["identity"]
        signer = f"cluster/{address.entity.split('/')[1]}" if is_workload else f"ca/{part.inputs.get('ca')}"
        said = part.inputs.get("units", ())
        disabled = not off.isdisjoint({address.entity, signer})
        roles = tuple(
            role
            for role, by in grants
            if not disabled and by["trust_anchor"] == anchors.get(signer) and _takes(by, identity, said)
        )
        not_after = part.outputs.get("not_after", "")
        last = known.get(identity) if "identity" in part.inputs else None
        found.append(
            Identity(
                address.entity,
                identity,
                roles,
                part.outputs.get("serial", ""),
                not_after,
                (datetime.fromisoformat(not_after) - now).days if not_after else None,
                "" if last is None else last.isoformat(),
                disabled,
            )
        )
    return tuple(found)


def _last_seen(seen: Mapping[str, datetime]) -> Mapping[str, datetime]:
    """Return when each common name was last seen: subjects of one may differ in their organizational units.

    Subjects are texts in the form of RFC 4514, which puts a backslash before a plus sign. Names that iam-ra gives have no
    comma.
    """
    found: dict[str, datetime] = {}
    for subject, when in seen.items():
        attributes = [each.strip() for each in subject.replace("\\", "").split(",")]
        names = [each.removeprefix("CN=") for each in attributes if each.startswith("CN=")]
        if len(names) == 1 and all(each.startswith(("CN=", "OU=")) for each in attributes):
            found[names[0]] = max(when, found.get(names[0], when))
    return found


def _takes(trust: Mapping[str, Any], identity: str, said: Collection[str]) -> bool:
    """Tell whether a trust policy's statement lets a certificate take its role, by name or by what it says."""
    return trust["unit"] in said if "unit" in trust else identity in trust["identities"]


def roles(parts: Mapping[Address, Recorded], known: tuple[Identity, ...]) -> Mapping[str, tuple[str, ...]]:
    """Return each recorded role with the entities that may take it."""
    names = sorted(
        address.entity.removeprefix("role/") for address in parts if address.entity.startswith("role/")
    )
    return {name: tuple(each.entity for each in known if name in each.roles) for name in names}
