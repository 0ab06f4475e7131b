"""Renewal without AWS: when overlaps end, what wishes do, what is due next, and a fleet that was onboarded on one day."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.unit.kinds.samples import ANCHOR, NOW, namespace, parts, snapshot

from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import make_plan
from iam_ra.engine.part import Observed, Presence, Recorded, resolve
from iam_ra.engine.plan import Change
from iam_ra.engine.renewals import renewals
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.host_certificate import _earlier, _extended, host_certificate
from iam_ra.kinds.host_keys import mirror_name
from iam_ra.kinds.memory import NO_WISHES, Wishes, remember
from iam_ra.kinds.overlap import sought, with_overlaps, with_renewals
from iam_ra.operations.guards import NOTHING_ALLOWED, refusals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iam_ra.config.model import Namespace

DAY = timedelta(days=1)
HOST = "roles: {a: {}}\nhosts: {web: {roles: [a], delivery: [sops]}}\n"
AT_ONCE = Wishes(renew=frozenset({"host/web"}))
KEEPING = Wishes(renew=frozenset({"host/web"}), keep_old=True)


def day(number: float) -> str:
    return (NOW + number * DAY).isoformat()


def earlier(serial: str = "1", until: float = 10, not_after: float = 60, **more: Any) -> dict[str, Any]:
    pair = {"ca": "default", "generation": 1, "identity": "web"}
    times = {"until": day(until), "not_after": day(not_after)}
    return {"serial": serial, **pair, **times, "reason": "superseded", **more}


def recorded(
    *before: Mapping[str, Any],
    delivered: str = "2",
    revoked: tuple[str, ...] = (),
    reason: str = "superseded",
) -> dict[Address, Recorded]:
    """Return a host whose present certificate is no. 2, and which has no. `delivered`."""
    outputs = {"serial": "2", "not_before": day(-20), "not_after": day(345), "earlier": list(before)}
    inputs = {"ca": "default", "generation": 1, "identity": "web", "renew_before": "60d", "overlap": "30d"}
    listed = {each: {"reason": reason, "when": day(-1), "not_after": day(60)} for each in revoked}
    found = (
        Recorded(
            host_certificate("web"), "host-certificate", inputs, {**outputs, "ends_with_authority": False}
        ),
        Recorded(Address("host/web", "sops"), "host-sops", {"serial": delivered}, {}),
        Recorded(Address("ca/default", "revocations"), "revocation-list", {"revoked": listed}, {}),
    )
    return {each.address: each for each in found}


def untils(
    folder: Path,
    known: Mapping[Address, Recorded],
    *,
    seen: Mapping[str, datetime] | None = None,
    wishes: Wishes = NO_WISHES,
) -> list[tuple[float, str]]:
    """Return by when each earlier certificate counts no more, in days from now, and why."""
    found = with_overlaps(namespace(folder, HOST), known, seen or {}, wishes, NOW)
    return [
        ((datetime.fromisoformat(each["until"]) - NOW) / DAY, each["reason"])
        for each in found[host_certificate("web")].outputs["earlier"]
    ]


# Until when


def test_an_overlap_ends_on_its_day(tmp_path: Path) -> None:
    known = recorded(earlier("0", -1), earlier("1", 10))
    assert untils(tmp_path, known) == [(-1, "superseded"), (10, "superseded")]
    assert with_overlaps(namespace(tmp_path, HOST), recorded(), {}, NO_WISHES, NOW) == recorded()


def test_it_ends_once_roles_anywhere_let_the_new_certificate_in(tmp_path: Path) -> None:
    known = recorded(earlier())
    assert untils(tmp_path, known, seen={"2": NOW - DAY}) == [(-1, "superseded")]
    assert untils(tmp_path, known, seen={"1": NOW - DAY}) == [(10, "superseded")]


def test_it_stays_ended_though_nobody_asks_again(tmp_path: Path) -> None:
    assert untils(tmp_path, recorded(earlier(), revoked=("1",))) == [(0, "superseded")]
    on_hold = recorded(earlier(), revoked=("1",), reason="certificate_hold")
    assert untils(tmp_path, on_hold) == [(10, "superseded")]


def test_it_does_not_end_before_the_new_certificate_was_delivered(tmp_path: Path) -> None:
    known = recorded(earlier(until=-1), earlier("0", -1, reason="key_compromise"), delivered="1")
    assert untils(tmp_path, known) == [(60, "superseded"), (-1, "key_compromise")]
    # Whoever was seen with it has it.
    assert untils(tmp_path, known, seen={"2": NOW})[0] == (-1, "superseded")


def test_a_wish_ends_it_at_once(tmp_path: Path) -> None:
    known = recorded(earlier(), delivered="1")
    assert untils(tmp_path, known, wishes=AT_ONCE) == [(0, "key_compromise")]
    assert untils(tmp_path, recorded(earlier()), wishes=KEEPING) == [(10, "superseded")]


def test_only_hosts_in_their_overlap_are_asked_about(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, HOST)
    ((identity, serial, since),) = sought(loaded, recorded(earlier()), NO_WISHES, NOW)
    assert (identity, serial, since) == ("web", "2", NOW - 20 * DAY)
    for known in (recorded(), recorded(earlier(until=0)), recorded(earlier(), revoked=("1",)), {}):
        assert not sought(loaded, known, NO_WISHES, NOW)
    assert not sought(loaded, recorded(earlier()), AT_ONCE, NOW)


# What changes


def why(folder: Path, known: Mapping[Address, Recorded], wishes: Wishes = NO_WISHES) -> list[Cause]:
    loaded = namespace(folder, HOST)
    adjusted = with_overlaps(loaded, known, {}, wishes, NOW)
    host = with_renewals(loaded, adjusted, wishes, NOW).hosts["web"]
    return [reason.cause for reason in host.renewal]


def test_reasons_that_neither_file_nor_calendar_have(tmp_path: Path) -> None:
    assert why(tmp_path, recorded(earlier())) == []
    assert why(tmp_path, recorded(earlier()), AT_ONCE) == [Cause.COMPROMISED]
    assert why(tmp_path, recorded(earlier()), KEEPING) == [Cause.REQUESTED]
    assert why(tmp_path, recorded(earlier(until=-1), delivered="1")) == [Cause.UNDELIVERED]
    assert why(tmp_path, recorded(delivered="1")) == []
    assert why(tmp_path, recorded(earlier(), revoked=("1",), delivered="1")) == []


def after(cause: Cause, *before: Mapping[str, Any], issues: bool = True) -> list[tuple[str, float, str]]:
    """Return the earlier certificates after a change: serial, days until they count no more, why."""
    known = recorded(*before)[host_certificate("web")]
    change = Change(
        known.address, known.kind, Action.UPDATE, (Reason(cause, ""),), inputs=known.inputs, recorded=known
    )
    found = (
        _earlier(change, known.inputs, NOW) if issues else _extended(change, known.outputs["earlier"], NOW)
    )
    return [
        (each["serial"], (datetime.fromisoformat(each["until"]) - NOW) / DAY, each["reason"])
        for each in found
    ]


def test_what_a_new_certificate_does_to_those_before_it() -> None:
    gone, over, live = earlier("7", -9, -1), earlier("0", -1), earlier("1", 10)
    kept = [("0", -1, "superseded"), ("1", 10, "superseded"), ("2", 30, "superseded")]
    assert after(Cause.RENEWAL, gone, over, live) == kept
    assert after(Cause.REQUESTED, gone, over, live) == kept
    ended = [("0", -1, "superseded"), ("1", 0, "key_compromise"), ("2", 0, "key_compromise")]
    assert after(Cause.COMPROMISED, gone, over, live) == ended


def test_a_certificate_that_never_arrived_begins_the_overlap_anew() -> None:
    over, live, lost = earlier("0", -1), earlier("1", 10), earlier("9", -1, reason="key_compromise")
    assert after(Cause.KEY_LOST, over, live)[:2] == [("0", -1, "superseded"), ("1", 30, "superseded")]
    again = after(Cause.UNDELIVERED, over, live, lost, issues=False)
    assert again == [("0", 30, "superseded"), ("1", 30, "superseded"), ("9", -1, "key_compromise")]
    # No longer than it lives.
    assert after(Cause.UNDELIVERED, earlier("1", 1, 5), issues=False) == [("1", 5, "superseded")]


def test_what_is_due_next(tmp_path: Path) -> None:
    kind, loaded = all_kinds()["host-certificate"], namespace(tmp_path, HOST)
    known = recorded(earlier(until=10), earlier(until=60))[host_certificate("web")]
    found = [((each.when - NOW) / DAY, str(each.address)) for each in kind.due(known, loaded, NOW)]
    assert found == [(285, "host/web:certificate"), (10, "host/web:certificate")]
    final = replace(known, outputs={**known.outputs, "ends_with_authority": True, "earlier": []})
    assert not list(kind.due(final, loaded, NOW))


# A fleet

COUNT = 300
FLEET = (
    "roles: {a: {}, b: {}, c: {}, d: {}}\nhosts:\n"
    + "".join(f"  h{n:03}: {{roles: [{'abcd'[n % 4]}], delivery: [sops]}}\n" for n in range(COUNT))
    + "limits: {max_delete_percent: 0}\n"
)


def applied(loaded: Namespace, ends: datetime) -> tuple[dict[Address, Recorded], dict[Address, Observed]]:
    """Return state and world after an apply in which everything was made at once."""
    outputs = {
        "serial": "1",
        "fingerprint": "f",
        "generation": 1,
        "certificate": "pem",
        "TrustAnchorArn": ANCHOR,
        "RoleArn": "arn:r",
        "ProfileArn": "arn:p",
        "not_before": NOW.isoformat(),
        "not_after": ends.isoformat(),
        "ends_with_authority": False,
        "earlier": [],
        "object": "e",
        "file": "f",
        "mirror": "m",
    }
    known, seen = {}, {}
    for address, part in parts(loaded).items():
        own = dict(outputs)
        if address.entity.startswith("ca/"):
            own["not_after"] = (NOW + 3650 * DAY).isoformat()
        inputs = resolve(part.inputs, lambda ref: outputs.get(ref.output, ref.output))
        known[address] = Recorded(
            address, part.kind, inputs, own, part.upstream, part.released_by, part.protect
        )
        facts = {**own, "kind": part.kind, "key_copies": {"1"}, "mirrors": {mirror_name("1"): "m"}}
        seen[address] = Observed(Presence.PRESENT, facts)
    return known, seen


def test_a_fleet_that_came_on_one_day_is_renewed_on_one_day(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, FLEET)
    known, seen = applied(loaded, NOW + 365 * DAY)

    def plan(now: datetime) -> Any:
        world = snapshot()
        world = replace(world, caller=replace(world.caller, now=now))
        wanted = parts(remember(loaded, known, world, NO_WISHES)).values()
        return make_plan(wanted, known, seen, all_kinds(), now)

    assert plan(NOW + 304 * DAY).is_empty
    due = plan(NOW + 306 * DAY)
    renewed = Counter(each.kind for each in due.changes)
    assert renewed == {"host-certificate": COUNT, "host-nix-export": COUNT, "host-sops": COUNT}
    assert {each.action for each in due.changes} == {Action.UPDATE}
    assert not list(refusals(due, loaded.limits, NOTHING_ALLOWED, destroy=False))
    assert renewals(due) == (due, ())
