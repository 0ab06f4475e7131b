"""What the imperative verbs mean for the data of the file: each takes the data and returns the data to be.

They look at the file's plain data only, right or wrong: the edited file is checked as a whole before it is written.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from iam_ra.config.durations import format_duration, parse_duration
from iam_ra.config.edit import with_value, without
from iam_ra.engine.errors import ProtectedError, RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

AUTHORITIES = "certificate_authorities"
ROLES = "roles"
HOSTS = "hosts"
CLUSTERS = "clusters"
WORKLOADS = "workloads"
DEFAULT = "default"
_DELIVERY = ("secretsmanager", "sops")
_MAX_SECONDS = 10**9


@dataclass(frozen=True, slots=True)
class Changed:
    """The data to be, the entities that it is about, and what was taken for granted, for the user to know."""

    data: Mapping[str, Any]
    entities: tuple[str, ...]
    told: tuple[str, ...] = ()


def section(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the entries of a section; none where the file has something else."""
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def entry_at(data: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return what the file says of an entry; nothing where it has none."""
    return functools.reduce(section, path, dict(data))


def the_only(
    data: Mapping[str, Any], section_name: str, noun: str, option: str, make: str
) -> tuple[str, str]:
    """Return the only entry of a section, and the sentence that says so. Raises UsageError when there is not exactly one."""
    names = list(section(data, section_name))
    if len(names) != 1:
        raise UsageError(
            f"{option} is missing",
            why=f"the file has {len(names)} {noun}s" if names else f"the file has no {noun} yet",
            fix=f"name one of {', '.join(names)}" if names else make,
        )
    return names[0], f"{option} {names[0]}: the only {noun} of the file"


def the_role(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return the only role, and the sentence that says so. Raises UsageError when there is not exactly one."""
    return the_only(data, ROLES, "role", "--role", "`iam-ra role create NAME --policy ARN`")


def duration_text(text: str) -> str:
    """Return a duration as the file writes it; digits alone are seconds. Raises UsageError for what is none."""
    try:
        if re.fullmatch(r"\d{1,9}", text):
            return format_duration(timedelta(seconds=int(text)))
        parse_duration(text)
    except ValueError as error:
        raise UsageError(
            f"{error}".replace("`", ""),
            fix="write a duration such as 1h or 90m, or whole minutes in seconds: 3600",
        ) from None
    return text


def one_or_list(names: Sequence[str]) -> str | list[str]:
    """Return a single name as itself."""
    return names[0] if len(names) == 1 else list(names)


def merged(old: object, new: Sequence[str]) -> list[str]:
    """Return the new items, those that were there before first and in their order."""
    kept = [each for each in old if each in new] if isinstance(old, list) else []
    return [*kept, *(each for each in dict.fromkeys(new) if each not in kept)]


# Roles


def create_role(
    data: Mapping[str, Any],
    name: str,
    *,
    policies: Sequence[str] = (),
    session_duration: str | None = None,
    authorities: Sequence[str] = (),
) -> Changed:
    """Add a role, or change what is given of one that is there."""
    known = entry_at(data, (ROLES, name))
    if name not in section(data, ROLES) and not policies:
        raise UsageError(
            f"the role {name} is new, and --policy is missing",
            fix=f"`iam-ra role create {name} --policy ARN`; a policy of its own is written into the file "
            "(inline_policies)",
        )
    given: dict[str, Any] = {}
    if policies:
        given["policies"] = merged(known.get("policies"), policies)
    if session_duration is not None:
        given["session_duration"] = duration_text(session_duration)
    if authorities:
        given["ca"] = one_or_list(list(dict.fromkeys(authorities)))
    return Changed(with_value(data, (ROLES, name), {**known, **given}), (f"role/{name}",))


def delete_role(data: Mapping[str, Any], name: str, *, force: bool = False) -> Changed:
    """Take a role out, with `force` also from those that have it. Raises RefusedError while somebody needs it."""
    _check_unprotected(data, (ROLES, name), f"role/{name}")
    users = [each for each in _takers(data) if name in each.roles]
    if users and not force:
        raise RefusedError(
            f"role/{name} is in use by {_few([each.entity for each in users])}",
            why="without it the file would name a role that is not there",
            fix=f"`iam-ra role delete {name} --force` takes it from them",
        )
    alone = [each.entity for each in users if each.roles == (name,)]
    if alone:
        raise RefusedError(
            f"role/{name} is the only role of {_few(alone)}",
            why="each has one role at least",
            fix=f"offboard {'it' if len(alone) == 1 else 'them'}, or give {'it' if len(alone) == 1 else 'them'} another role first",
        )
    told: list[str] = []
    for user in users:
        data = with_value(data, user.path, _without_role(user, name, told))
    wanted = without(data, (ROLES, name)) if name in section(data, ROLES) else data
    return Changed(wanted, (f"role/{name}", *(each.entity for each in users)), tuple(told))


class _Taker(NamedTuple):
    """A host or a workload, where the file has it, and its roles."""

    entity: str
    path: tuple[str, ...]
    entry: dict[str, Any]
    roles: tuple[str, ...]


def _takers(data: Mapping[str, Any]) -> Iterator[_Taker]:
    paths: list[tuple[str, tuple[str, ...]]] = [
        (f"host/{host}", (HOSTS, host)) for host in section(data, HOSTS)
    ]
    for cluster, entry in section(data, CLUSTERS).items():
        inside = section(entry, WORKLOADS) if isinstance(entry, dict) else {}
        paths += [(f"workload/{cluster}/{key}", (CLUSTERS, cluster, WORKLOADS, key)) for key in inside]
    for entity, path in paths:
        entry = entry_at(data, path)
        yield _Taker(entity, path, entry, _roles(entry))


def _roles(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (*_names(entry.get("role")), *_names(entry.get("roles")))


def losing(data: Mapping[str, Any], known: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield the roles of the file that an entry gives up: they are to stop naming it in the same apply."""
    kept = _roles(wanted)
    for name in _roles(known):
        if name not in kept and name in section(data, ROLES):
            yield f"role/{name}"


def _without_role(user: _Taker, name: str, told: list[str]) -> dict[str, Any]:
    left = [each for each in user.roles if each != name]
    entry = {key: value for key, value in user.entry.items() if not (key == "role" and value == name)}
    if "roles" in entry:
        entry["roles"] = [each for each in _names(entry["roles"]) if each != name]
    if entry.get("default_role") == name:
        if len(left) > 1:
            raise RefusedError(
                f"role/{name} is the default role of {user.entity}, which has {len(left)} others",
                why="nothing says which of them is to be the default",
                fix=f"write another `default_role` of {user.entity} into the file first",
            )
        entry["default_role"] = left[0]
        told.append(f"default_role {left[0]} of {user.entity}: its only role now")
    return entry


def default_of(known: Mapping[str, Any], roles: Sequence[str], first: str, told: list[str]) -> str | None:
    """Return the default role to write: the first that was named, where there are several and none is the default yet."""
    if len(roles) == 1 or known.get("default_role") in roles:
        return None
    told.append(f"--default-role {first}: the role that is named first")
    return first


# Hosts


def onboard_host(
    data: Mapping[str, Any],
    name: str,
    *,
    roles: Sequence[str] = (),
    default_role: str | None = None,
    authority: str | None = None,
    identity: str | None = None,
    validity_days: int | None = None,
    sops: bool = True,
    sops_output: str | None = None,
    csr: str | None = None,
    overwrite: bool = False,
) -> Changed:
    """Add a host. One that is there is left as it is, if it is as asked, or changed with `overwrite`."""
    known, told = entry_at(data, (HOSTS, name)), []
    given: dict[str, Any] = {"identity": identity, "ca": authority}
    if not roles and not known:
        role, sentence = the_role(data)
        roles = [role]
        told.append(sentence)
    if roles:
        given["roles"] = merged(known.get("roles"), roles)
        if (
            len(given["roles"]) > 1
            and default_role is None
            and known.get("default_role") not in given["roles"]
        ):
            default_role = roles[0]
            told.append(f"--default-role {default_role}: the role that is named first")
    given["default_role"] = default_role
    if authority is None and not known:
        given["ca"] = _authority_for(data, told)
    if validity_days is not None:
        given["certificate"] = {**section(known, "certificate"), "validity": f"{validity_days}d"}
    if not sops:
        given["delivery"] = _without_sops(data, known)
    given["sops"] = sops_output
    given["csr"] = csr
    wanted = {**known, **{key: value for key, value in given.items() if value is not None}}
    different = [key for key, value in wanted.items() if known.get(key) != value]
    if known and different and not overwrite:
        raise RefusedError(
            f"host/{name} is in the file already, with another {' and '.join(different)}",
            fix="give --overwrite to change it; `iam-ra host renew` issues a new certificate",
        )
    entities = (f"host/{name}", *losing(data, known, wanted))
    return Changed(with_value(data, (HOSTS, name), wanted), entities, tuple(told))


def offboard_host(data: Mapping[str, Any], name: str) -> Changed:
    """Take a host out; one that is not there may still be in the state."""
    return gone(data, (HOSTS, name), f"host/{name}")


# Authorities


def setup_authority(
    data: Mapping[str, Any],
    name: str,
    *,
    mode: str | None = None,
    pca_arn: str | None = None,
    validity_years: int | None = None,
) -> Changed:
    """Add an authority; one that is there must be as asked. The mode `kms` is `self-signed` with its key in KMS."""
    known, asked = section(data, AUTHORITIES), authority_entry(mode, pca_arn, validity_years)
    is_implied = AUTHORITIES not in data and name == DEFAULT
    if name in known or is_implied:
        entry = {"mode": "self-signed", "key_store": "file", "validity": "10y", **section(known, name)}
        different = [key for key, value in asked.items() if entry.get(key) != value]
        if different and name in known:
            raise RefusedError(
                f"ca/{name} is in the file already, with another {' and '.join(different)}",
                why="what an authority is made of is settled when it is made; a change makes a new generation of it",
                fix="edit the file, and read what `iam-ra plan` says about it",
            )
        if not different:
            return Changed(data, (f"ca/{name}",))
    if AUTHORITIES not in data and name != DEFAULT:
        # Where the section is missing there is one, which must not go.
        data = with_value(data, (AUTHORITIES, DEFAULT), {})
    return Changed(with_value(data, (AUTHORITIES, name), asked), (f"ca/{name}",))


def authority_entry(
    mode: str | None = None, pca_arn: str | None = None, validity_years: int | None = None
) -> dict[str, Any]:
    """Return what an authority's entry says. Raises UsageError for `pca-existing` without its ARN, and for an ARN without it."""
    if (pca_arn is not None) != (mode == "pca-existing"):
        raise UsageError(
            "--pca-arn is missing"
            if pca_arn is None
            else f"--pca-arn says nothing with the mode {mode or 'self-signed'}",
            fix="the mode pca-existing needs the ARN of the private CA, and no other mode takes one",
        )
    given = {
        "mode": "self-signed" if mode == "kms" else mode,
        "key_store": {"kms": "kms", "self-signed": "file"}.get(mode or ""),
        "pca_arn": pca_arn,
        "validity": None if validity_years is None else f"{validity_years}y",
    }
    return {key: value for key, value in given.items() if value is not None}


def delete_authority(data: Mapping[str, Any], name: str) -> Changed:
    """Take an authority out. Raises RefusedError while somebody needs it."""
    users = [
        f"host/{host}"
        for host, entry in section(data, HOSTS).items()
        if isinstance(entry, dict) and entry.get("ca", DEFAULT) == name
    ]
    takers = [
        f"role/{role}"
        for role, entry in section(data, ROLES).items()
        if isinstance(entry, dict) and name in _names(entry.get("ca"))
    ]
    if users or takers:
        raise RefusedError(
            f"ca/{name} is in use by {_few([*users, *takers])}",
            why="it signs for the hosts, or the roles name it",
            fix="give them another authority first: `ca` of each in the file",
        )
    if AUTHORITIES not in data and name == DEFAULT:
        _check_unprotected(data, (AUTHORITIES, name), f"ca/{name}")
        return Changed(with_value(data, (AUTHORITIES,), {}), (f"ca/{name}",))
    return gone(data, (AUTHORITIES, name), f"ca/{name}")


def gone(data: Mapping[str, Any], path: Sequence[str], entity: str) -> Changed:
    """Take an entry out; one that is not there may still be in the state. Raises ProtectedError."""
    _check_unprotected(data, path, entity)
    if path[-1] not in entry_at(data, path[:-1]):
        return Changed(data, (entity,), (f"{entity} is not in the file; what is left of it goes",))
    return Changed(without(data, path), (entity,))


def _check_unprotected(data: Mapping[str, Any], path: Sequence[str], entity: str) -> None:
    if entry_at(data, path).get("protect") == "true":
        raise ProtectedError(
            f"{entity} is protected: the file says `protect: true`",
            fix="set `protect: false` on it, apply, and then remove it",
        )


def _authority_for(data: Mapping[str, Any], told: list[str]) -> str | None:
    """Return the authority for a new host where it is not the default one: the only one that there is."""
    names = list(section(data, AUTHORITIES))
    if len(names) != 1 or names == [DEFAULT]:
        return None
    told.append(f"--ca {names[0]}: the only authority of the file")
    return names[0]


def _without_sops(data: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    delivery = known.get("delivery") or section(data, "defaults").get("delivery") or _DELIVERY
    rest = [each for each in delivery if each != "sops"]
    if not rest:
        raise UsageError(
            "--no-sops would leave no way to deliver the certificate",
            why="`delivery` is [sops] alone",
            fix="write another `delivery` into the file",
        )
    return rest


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return list(value) if isinstance(value, list) else []


def _few(names: Sequence[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
