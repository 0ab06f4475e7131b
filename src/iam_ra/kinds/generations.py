"""The generations of authorities: which ones live certificates still need, and when the next one begins.

A trust anchor holds two certificates. So an authority is followed by a new generation of itself while hosts still prove
who they are by the old one, which leaves when the last of them has let go.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, cast

from iam_ra.aws.stacks import DEAD
from iam_ra.config.authorities import sops_path_of_generation
from iam_ra.config.durations import format_duration, parse_duration
from iam_ra.config.model import CLUSTERS, Generation, scope_of
from iam_ra.engine.action import Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.plan import Conflict
from iam_ra.kinds.authority import (
    CERTIFICATE,
    CLUSTER,
    SINCE,
    authority_certificate,
    authority_key,
    authority_key_file,
    generation_of,
    stored_certificates,
    unneeded,
)
from iam_ra.kinds.cluster_secret import cluster_secret
from iam_ra.kinds.sealing import SEALED
from iam_ra.kinds.stack import STACK
from iam_ra.pki.times import BACKDATE
from iam_ra.state.certificates import revoked_entries
from iam_ra.state.ledger import issued_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Authority, KeyAlgorithm, KeyPlace, Namespace
    from iam_ra.engine.part import Recorded
    from iam_ra.kinds.memory import Wishes

# What a trust anchor holds. Source: AWS General Reference, IAM Roles Anywhere quotas, "Certificates per trust anchor".
SLOTS = 2
_HOSTS = "host/"


class _Need(NamedTuple):
    """Until when a live certificate of a host, or the workloads of a cluster, need a generation."""

    until: datetime
    entity: str


@dataclass(frozen=True, slots=True)
class _Line:
    """An authority's generations that stay, and why it is to be followed by a new one although there is no room.

    `blocked` says what would follow, in the way of which need; `may_wait` that nobody asked for it yet but the calendar.
    """

    generations: tuple[Generation, ...]
    blocked: tuple[Reason, ...] = ()
    need: _Need | None = None
    may_wait: bool = False


def with_generations(
    namespace: Namespace,
    recorded: Mapping[Address, Recorded],
    snapshot: Snapshot,
    wishes: Wishes,
    now: datetime,
) -> Namespace:
    """Return the namespace with the generations that its authorities have, a new one among them where it is time.

    Those are the one that signs and, before it, the one that some live certificate of a host still needs.
    """
    view = _View(namespace, recorded, snapshot, wishes, now)
    authorities = {}
    for name, each in namespace.authorities.items():
        generations = view.line(each).generations
        authorities[name] = replace(each, generations=generations, turnover=view.turnover(each, generations))
    return replace(namespace, authorities=authorities)


def generation_conflicts(
    namespace: Namespace,
    recorded: Mapping[Address, Recorded],
    snapshot: Snapshot,
    wishes: Wishes,
    now: datetime,
) -> Iterator[Conflict]:
    """Yield the authorities that the file, or a wish, would have followed while both slots of their anchor are needed."""
    view = _View(namespace, recorded, snapshot, wishes, now)
    for name, authority in namespace.authorities.items():
        if authority.mode != "self-signed" and authority.entity in wishes.renew:
            yield Conflict(
                authority_certificate(name, authority.current.number),
                "an authority in AWS Private CA has no generations: its trust anchor stands for that one CA. "
                + (
                    "Add the cluster under another name, with another one"
                    if name.startswith(CLUSTERS)
                    else "Add a second authority, move the hosts over (`ca:` of each host), then remove this one"
                ),
            )
        if authority.key_store == CLUSTER and authority.entity in wishes.renew:
            yield Conflict(
                authority_certificate(name, authority.current.number),
                f"{authority.entity} makes its authority itself. Delete the Secret there, so that cert-manager makes another, "
                "and bring its certificate over",
            )
        line = view.line(authority)
        if line.need is not None and not line.may_wait:
            newest = line.generations[-1].number
            why = "; ".join(reason.text for reason in line.blocked)
            yield Conflict(
                authority_certificate(name, newest + 1),
                f"{why}: there is no room for a third generation in its trust anchor. {_because(line)}. Wait until then, "
                f"{_sooner(line.need)}",
            )


def generation_warnings(
    namespace: Namespace,
    recorded: Mapping[Address, Recorded],
    snapshot: Snapshot,
    wishes: Wishes,
    now: datetime,
) -> Iterator[str]:
    """Yield a line for each authority that is due to be followed and has to wait, or that nothing follows."""
    view = _View(namespace, recorded, snapshot, wishes, now)
    for name, authority in namespace.authorities.items():
        line = view.line(authority)
        if line.need is not None and line.may_wait:
            why = "; ".join(reason.text for reason in line.blocked)
            yield f"{authority.entity} waits: {why}. {_because(line)}"
        newest = recorded.get(authority_certificate(name, line.generations[-1].number))
        if authority.mode != "self-signed" and newest is not None and "not_after" in newest.outputs:
            end = datetime.fromisoformat(newest.outputs["not_after"])
            if now >= end - authority.renew_before:
                way_out = (
                    "name another private CA in time"
                    if name.startswith(CLUSTERS)
                    else ("add another authority and move its hosts there in time")
                )
                yield (
                    f"{authority.entity} ends on {end:%Y-%m-%d}, and every certificate that it signed with it; {way_out}"
                )


def _sooner(need: _Need) -> str:
    """Return what else one can do than wait for a need to end."""
    if need.entity.startswith(CLUSTERS):
        return "or write a shorter `overlap`; or add the cluster under another name"
    return (
        f"or end that sooner with `iam-ra apply --renew {need.entity}`, which revokes its older certificates at once; or add "
        "another authority"
    )


def _because(line: _Line) -> str:
    need, older = line.need, line.generations[0].number
    assert need is not None  # noqa: S101 - only asked of a line that is blocked
    return f"{need.entity} needs generation {older} until {need.until:%Y-%m-%d %H:%M} UTC at the latest"


def _sops_path(authority: Authority, number: int) -> str:
    """Return where the SOPS file of a generation is; the Secret of a cluster is always in the same place."""
    is_cluster = authority.name.startswith(CLUSTERS)
    return authority.sops_path if is_cluster else sops_path_of_generation(authority.sops_path, number)


def _changed(authority: Authority, newest: Generation) -> str:
    """Say in which settings the file differs from those of the newest generation; an empty text if in none."""
    if newest.key_store == authority.key_store == CLUSTER:
        is_same = newest.certificate == authority.current.certificate
        return "" if is_same else "the cluster made another certificate"
    settings: list[tuple[str, str, str]] = [("key_store", newest.key_store, authority.key_store)]
    if CLUSTER not in {newest.key_store, authority.key_store}:
        settings += [
            ("key", newest.key, authority.key),
            ("validity", format_duration(newest.validity), format_duration(authority.validity)),
        ]
    changed = [f"{name} {before} → {after}" for name, before, after in settings if before != after]
    return f"changed in the file: {', '.join(changed)}" if changed else ""


class _View:
    """What is known of all generations at one moment. Needs are only worked out when some authority has two."""

    def __init__(
        self,
        namespace: Namespace,
        recorded: Mapping[Address, Recorded],
        snapshot: Snapshot,
        wishes: Wishes,
        now: datetime,
    ) -> None:
        self._namespace = namespace
        self._recorded = recorded
        self._snapshot = snapshot
        self._wishes = wishes
        self._now = now
        self._needs: Mapping[tuple[str, int], _Need] | None = None
        self._numbers: defaultdict[str, set[int]] = defaultdict(set)
        for address in recorded:
            number = generation_of(address)
            if number is not None:
                self._numbers[scope_of(address.entity) or ""].add(number)
        for scope, number, _ in stored_certificates(snapshot):
            self._numbers[scope].add(number)

    def line(self, authority: Authority) -> _Line:
        """Return an authority's generations as they are to be."""
        numbers = sorted(self._numbers[authority.name])
        if not numbers or authority.mode != "self-signed":
            return _Line(authority.generations)
        if self._is_private(authority.name):
            # The file says another mode by now: a conflict.
            return _Line(authority.generations)
        newest = self._generation(authority, numbers[-1], is_newest=True)
        reasons = self._following(authority, newest)
        if len(numbers) == 1 and not reasons:
            return _Line((newest,))
        older = [number for number in numbers[:-1] if self._need(authority.name, number)]
        kept = tuple(self._generation(authority, number, is_newest=False) for number in older)
        if not reasons:
            return _Line((*kept, newest))
        staying = (*kept, newest) if self._need(authority.name, newest.number) else kept
        if len(staying) >= SLOTS:
            may_wait = all(reason.cause is Cause.RENEWAL for reason in reasons)
            return _Line(
                (*kept, newest), reasons, self._need(authority.name, staying[0].number), may_wait=may_wait
            )
        number = newest.number + 1
        path = _sops_path(authority, number)
        wanted = (authority.key_store, authority.key, authority.validity, path)
        certificate = authority.current.certificate
        return _Line((*staying, Generation(number, *wanted, because=reasons, certificate=certificate)))

    def turnover(self, authority: Authority, generations: tuple[Generation, ...]) -> tuple[Reason, ...]:
        """Return why the anchor is to hold other certificates than it is recorded to."""
        scope = authority.name
        anchor = self._recorded.get(Address(authority.entity, STACK))
        if anchor is None or authority.mode != "self-signed" or self._is_private(scope):
            return ()
        held = set()
        for number in self._numbers[scope]:
            part = self._recorded.get(authority_certificate(scope, number))
            if part is not None and part.outputs["certificate"] in anchor.inputs["certificates"]:
                held.add(number)
        wanted = {each.number for each in generations}
        return (
            *(Reason(Cause.UPSTREAM, f"generation {number} joins") for number in sorted(wanted - held)),
            *(unneeded(number, self._now) for number in sorted(held - wanted)),
        )

    def _is_private(self, scope: str) -> bool:
        known = self._recorded.get(authority_certificate(scope, 1))
        return known is not None and known.inputs["mode"] != "self-signed"

    def _generation(self, authority: Authority, number: int, *, is_newest: bool) -> Generation:
        """Return a generation with the settings it was made with; of one that nobody recorded, what tells them."""
        known = self._recorded.get(authority_certificate(authority.name, number))
        path = _sops_path(authority, number)
        if known is None:
            certificate = authority.current.certificate
            key_store = self._begun_in(authority, number)
            return Generation(
                number, key_store, authority.key, authority.validity, path, certificate=certificate
            )
        if known.inputs["key_store"] == CLUSTER:
            return replace(
                authority.current, number=number, key_store=CLUSTER, certificate=known.inputs["certificate"]
            )
        file = self._recorded.get(authority_key_file(authority.name, number))
        if file is not None and not (is_newest and authority.key_store == "sops"):
            path = file.inputs["path"]
        return Generation(
            number,
            cast("KeyPlace", known.inputs["key_store"]),
            cast("KeyAlgorithm", known.inputs["key"]),
            parse_duration(known.inputs["validity"]),
            path,
        )

    def _begun_in(self, authority: Authority, number: int) -> KeyPlace:
        """Return where the key is of a generation that a killed apply began."""
        names, scope = self._snapshot.names, authority.name
        if scope.startswith(CLUSTERS):
            return authority.key_store
        stack = self._snapshot.stacks.get(names.authority_key_stack(scope, number))
        if stack is not None and self._snapshot.owns(stack):
            return "kms"
        return "sops" if names.authority_key_mirror(scope, number) in self._snapshot.objects else "file"

    def _following(self, authority: Authority, newest: Generation) -> tuple[Reason, ...]:
        """Return why an authority is to be followed by its next generation."""
        known = self._recorded.get(authority_certificate(authority.name, newest.number))
        if known is None:
            # It is being made; what it was wanted for, it is there for.
            return ()
        reasons = []
        end = datetime.fromisoformat(known.outputs["not_after"])
        due = end - authority.renew_before
        if self._now >= due and newest.key_store != CLUSTER:
            text = f"generation {newest.number} ends on {end:%Y-%m-%d}, to be followed since {due:%Y-%m-%d}"
            reasons.append(Reason(Cause.RENEWAL, text))
        if authority.entity in self._wishes.renew and authority.key_store != CLUSTER:
            reasons.append(Reason(Cause.REQUESTED, "a new generation was asked for"))
        changed = _changed(authority, newest)
        if changed:
            reasons.append(Reason(Cause.EDITED, changed))
        lost = self._lost(authority.name, newest)
        if lost:
            reasons.append(Reason(Cause.KEY_LOST, lost))
        return tuple(reasons)

    def _lost(self, scope: str, generation: Generation) -> str:
        """Say how the key of a generation was lost for good, if it was."""
        names = self._snapshot.names
        if generation.key_store == SEALED:
            is_mirrored = names.cluster_secret_mirror(scope, generation.number) in self._snapshot.objects
            is_there = is_mirrored or self._snapshot.files.get(cluster_secret(scope)) is not None
            return "" if is_there else "no copy is left of the Secret with its key"
        if generation.key_store == "kms" and authority_key(scope, generation.number) in self._recorded:
            stack = self._snapshot.stacks.get(names.authority_key_stack(scope, generation.number))
            is_there = stack is not None and stack.status not in DEAD
            return "" if is_there else "its KMS key was deleted outside iam-ra"
        if generation.key_store == "sops":
            address = authority_key_file(scope, generation.number)
            if address in self._recorded and self._snapshot.files.get(address) is None:
                is_mirrored = names.authority_key_mirror(scope, generation.number) in self._snapshot.objects
                return "" if is_mirrored else "no copy is left of the SOPS file with its key"
        return ""

    def _need(self, scope: str, number: int) -> _Need | None:
        if self._needs is None:
            self._needs = self._all_needs()
        return self._needs.get((scope, number))

    def _all_needs(self) -> Mapping[tuple[str, int], _Need]:
        """Return the longest need of each generation, by authority and number."""
        found: dict[tuple[str, int], _Need] = {}
        for ca, number, need in (
            *self._recorded_needs(),
            *self._unrecorded_needs(),
            *self._needs_of_clusters(),
        ):
            if need.until > self._now:
                found[ca, number] = max(need, found.get((ca, number), need))
        return found

    def _needs_of_clusters(self) -> Iterator[tuple[str, int, _Need]]:
        """Yield until when clusters need their generations: the one that was delivered last, to its end.

        The one before it is needed for the overlap that began then, and so is one that nobody saw delivered.
        """
        for scope, authority in self._namespace.authorities.items():
            if authority.overlap is None or authority.mode != "self-signed":
                continue
            following: datetime | None = None
            for number in sorted(self._numbers[scope], reverse=True):
                known = self._recorded.get(authority_certificate(scope, number))
                if known is None or known.inputs["mode"] != "self-signed":
                    continue
                end = datetime.fromisoformat(known.outputs["not_after"])
                until = end if following is None else min(following + authority.overlap, end)
                since = self._delivered(scope, number, known)
                if since is not None or following is not None:
                    yield scope, number, _Need(until, scope)
                following = since or following

    def _delivered(self, scope: str, number: int, known: Recorded) -> datetime | None:
        """Return when the cluster got a generation, or when it was taken up from there; None if it did not yet."""
        if known.inputs["key_store"] == CLUSTER:
            return datetime.fromisoformat(known.outputs[SINCE])
        secret = self._recorded.get(cluster_secret(scope))
        # An apply that was killed may have written the file and recorded nothing.
        delivered = number if secret is None else secret.inputs["generation"]
        if delivered < number:
            return None
        if secret is None or delivered > number:
            return datetime.fromisoformat(known.outputs["not_before"])
        return datetime.fromisoformat(secret.outputs["since"])

    def _recorded_needs(self) -> Iterator[tuple[str, int, _Need]]:
        for name in self._namespace.hosts:
            part = self._recorded.get(Address(f"{_HOSTS}{name}", CERTIFICATE))
            if part is None:
                continue
            entity = part.address.entity
            end = datetime.fromisoformat(part.outputs["not_after"])
            yield part.inputs["ca"], part.inputs["generation"], _Need(end, entity)
            for each in part.outputs["earlier"]:
                until = datetime.fromisoformat(each["until"])
                yield each["ca"], each["generation"], _Need(until, entity)

    def _unrecorded_needs(self) -> Iterator[tuple[str, int, _Need]]:
        """Yield what a killed apply issued and may have delivered; it counts for as long as an overlap."""
        known = {each["serial"] for each in revoked_entries(self._recorded)}
        for part in self._recorded.values():
            known.add(part.outputs.get("serial"))
            known.update(each["serial"] for each in part.outputs.get("earlier", ()))
        for each in issued_in(self._snapshot.objects, self._snapshot.names):
            host = self._namespace.hosts.get(each.host)
            if host is not None and each.serial not in known:
                until = min(each.not_before + BACKDATE + host.certificate.overlap, each.not_after)
                yield each.authority, each.generation, _Need(until, f"{_HOSTS}{each.host}")
