"""Which certificates count no more, and why a list changes or stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.kinds.samples import ANCHOR, LINEAGE, NAMES, NOW, namespace, parts, snapshot, stack

from iam_ra.aws.crls import CrlInfo
from iam_ra.engine.action import Action, Cause
from iam_ra.engine.address import Address
from iam_ra.engine.diff import make_plan
from iam_ra.engine.part import Observed, Part, Presence, Recorded, resolve
from iam_ra.engine.plan import Change
from iam_ra.kinds.authority import revocation_list
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.host_certificate import host_certificate
from iam_ra.kinds.revocation_list import revocation_warnings
from iam_ra.kinds.revoked import with_revoked
from iam_ra.state.ledger import Issued

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from iam_ra.config.model import Namespace

DAY = timedelta(days=1)
LIST = revocation_list("default", 1)
FILE = """
roles: {admin: {}, reader: {}, robot: {bind: certificate}}
hosts:
  db: {roles: [reader]}
  web: {roles: [admin, reader], default_role: admin, certificate: {overlap: 10d, renew_before: 40d}}
  bot: {roles: [robot]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Namespace:
    return namespace(tmp_path, FILE)


def leaf(host: str, serial: int | str, age: int = 20, life: int = 365, **more: Any) -> Issued:
    begin = NOW - age * DAY
    return Issued(
        "default",
        more.get("generation", 1),
        host,
        str(serial),
        begin,
        begin + life * DAY,
        more.get("units", ()),
    )


def certificate(host: str, serial: int, *earlier: tuple[int, int, str]) -> Recorded:
    """Record a host's certificate; earlier ones as serial, days from now until which they count, reason."""
    place = {"ca": "default", "generation": 1, "identity": host}
    before = [
        {**place, "serial": str(old), "not_after": at(300), "until": at(days), "reason": reason}
        for old, days, reason in earlier
    ]
    outputs = {"serial": str(serial), "earlier": before, "not_after": at(345)}
    return Recorded(host_certificate(host), "host-certificate", place, outputs)


def at(days: int) -> str:
    return (NOW + days * DAY).isoformat()


def entry(serial: int, reason: str = "superseded", days: int = 300, since: int = -5) -> dict[str, str]:
    return {"serial": str(serial), "reason": reason, "when": at(since), "not_after": at(days)}


def keyed(entries: Iterable[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {each["serial"]: {key: text for key, text in each.items() if key != "serial"} for each in entries}


def recorded(*known: Recorded | dict[str, str]) -> dict[Address, Recorded]:
    """Return the state of these certificates, and of the list that holds these entries."""
    entries = [each for each in known if isinstance(each, dict)]
    found = {each.address: each for each in known if isinstance(each, Recorded)}
    if entries:
        inputs = {"trust_anchor": ANCHOR, "generation": 1, "authority": "f", "revoked": keyed(entries)}
        found[LIST] = Recorded(LIST, "revocation-list", inputs, {"id": "i", "data": "d", "enabled": True})
    return found


def revoked(
    file: Namespace, state: dict[Address, Recorded], leaves: Iterable[Issued], **more: Any
) -> dict[str, str]:
    remembered = with_revoked(file, state, leaves, more.pop("now", NOW), **more)
    found = remembered.authorities["default"].revoked.get(1, ())
    return {each.serial: each.reason for each in found}


def test_what_is_wanted_counts(file: Namespace) -> None:
    state = recorded(certificate("db", 1, (2, 3, "superseded")))
    assert not revoked(file, state, [leaf("db", 1), leaf("db", 2), leaf("", 9)])


@pytest.mark.parametrize(
    ("certificate_of", "reason"),
    [
        (leaf("gone", 5), "cessation_of_operation"),
        (leaf("gone", 5, age=0), "cessation_of_operation"),
        (leaf("gone", 5, age=400), ""),
        (leaf("db", 2), "superseded"),
        (leaf("db", 3), "key_compromise"),
        (leaf("db", 4), ""),
        # Not in the state: an apply that was killed may have delivered it. 30 days is the usual overlap.
        (leaf("db", 6, age=29), ""),
        (leaf("db", 6, age=30), "superseded"),
        (leaf("web", 6, age=9), ""),
        (leaf("web", 6, age=10), "superseded"),
        (leaf("bot", 7, age=0, units=("robot",)), ""),
        (leaf("bot", 7, age=0, units=("admin", "robot")), "privilege_withdrawn"),
        (leaf("db", 1, generation=2), ""),
    ],
)
def test_each_certificate_is_judged(file: Namespace, certificate_of: Issued, reason: str) -> None:
    known = certificate("db", 1, (2, 0, "superseded"), (3, -1, "key_compromise"), (4, 1, "superseded"))
    found = revoked(file, recorded(known), [certificate_of])
    assert found == ({certificate_of.serial: reason} if reason else {})


def test_a_forced_renewal_revokes_the_present_certificate_after_the_next_is_delivered(
    file: Namespace,
) -> None:
    state, leaves = recorded(certificate("web", 1), certificate("db", 2)), [leaf("web", 1), leaf("db", 2)]
    remembered = with_revoked(file, state, leaves, NOW, {"host/web"})
    assert remembered.hosts["web"].revoked == "key_compromise"
    assert not remembered.hosts["db"].revoked
    part = parts(remembered)[LIST]
    assert list(part.inputs["revoked"]) == ["1"]
    waits = {str(each) for each in part.upstream}
    assert {"host/web:certificate", "host/web:secrets", "host/web:sops"} <= waits
    assert not {each for each in waits if each.startswith("host/db")}
    assert [each.cause for each in part.because] == [Cause.COMPROMISED]


def test_a_forced_renewal_takes_all_that_the_host_ever_had(file: Namespace) -> None:
    state = recorded(certificate("web", 1, (2, 5, "superseded")))
    found = revoked(file, state, [leaf("web", 1), leaf("web", 2), leaf("web", 3, age=1)], forced={"host/web"})
    assert found == dict.fromkeys("123", "key_compromise")


def test_withdrawn_roles_revoke_the_present_certificate(file: Namespace) -> None:
    hosts = {**file.hosts, "bot": replace(file.hosts["bot"], withdrawn=("admin",))}
    units = ("admin", "robot")
    found = revoked(
        replace(file, hosts=hosts), recorded(certificate("bot", 1)), [leaf("bot", 1, units=units)]
    )
    assert found == {"1": "privilege_withdrawn"}


def test_a_disabled_host_is_held_where_its_certificate_says_roles(file: Namespace) -> None:
    state = recorded(certificate("bot", 1, (2, 3, "superseded")), certificate("db", 4))
    leaves = [leaf("bot", 1, units=("robot",)), leaf("bot", 2, units=("robot",)), leaf("db", 4)]
    off = {name: replace(each, disabled=True) for name, each in file.hosts.items()}
    disabled = replace(file, hosts=off)
    assert revoked(disabled, state, leaves) == {"1": "certificate_hold", "2": "certificate_hold"}
    # Reversible, unlike everything else; and who is removed while on hold stays out.
    held = {**state, **recorded(entry(1, "certificate_hold"), entry(2, "certificate_hold"))}
    enabled = with_revoked(file, held, leaves, NOW)
    assert not enabled.authorities["default"].revoked
    assert LIST not in parts(enabled)
    assert not enabled.hosts["bot"].revoked
    without = replace(file, hosts={"db": file.hosts["db"]})
    assert set(revoked(without, held, leaves).values()) == {"cessation_of_operation"}


def test_once_revoked_is_always_revoked(file: Namespace) -> None:
    """The host was removed and came back; its entry in the ledger is young, or lost."""
    state = recorded(certificate("web", 1), entry(5, "cessation_of_operation"))
    for leaves in ([leaf("web", 1), leaf("web", 5, age=1)], []):
        remembered = with_revoked(file, state, leaves, NOW)
        (kept,) = remembered.authorities["default"].revoked[1]
        assert (kept.serial, kept.reason, kept.when) == ("5", "cessation_of_operation", NOW - 5 * DAY)


def test_a_host_that_comes_back_before_it_was_all_gone_needs_another_certificate(file: Namespace) -> None:
    state = recorded(certificate("web", 5), entry(5, "cessation_of_operation"))
    host = with_revoked(file, state, [leaf("web", 5)], NOW).hosts["web"]
    assert host.revoked == "cessation_of_operation"
    assert [each.cause for each in host.renewal] == [Cause.COMPROMISED]


def planned(file: Namespace, state: dict[Address, Recorded], leaves: Iterable[Issued], now: datetime) -> Any:
    """Return what a plan does to the list, all else being as it should."""
    part = parts(with_revoked(file, state, leaves, now)).get(LIST)
    seen = all_kinds()["revocation-list"].observed(world(crl()))
    known = {LIST: state[LIST]} if LIST in state else {}
    held = {
        address: Recorded(address, "trust-anchor-stack", {}, {"TrustAnchorArn": ANCHOR, "fingerprint": "f"})
        for address in (Address("ca/default", "stack"), Address("ca/default", "certificate"))
    }
    facts = {LIST: replace(seen[LIST], facts={**seen[LIST].facts, "data": "d"})} if known else {}
    staying = [Part(address, "trust-anchor-stack", {}) for address in held]
    facts |= {address: Observed(Presence.PRESENT) for address in held}
    wanted = [*staying, *([part] if part else [])]
    plan = make_plan(wanted, {**known, **held}, facts, all_kinds(), now)
    return {each.address: each for each in plan.changes}.get(LIST)


def test_what_has_ended_leaves_when_the_list_changes_for_another_reason(file: Namespace) -> None:
    state = recorded(certificate("db", 1), entry(5, days=-1), entry(6, days=50))
    idle = [leaf("db", 1), leaf("gone", 5, age=366), leaf("gone", 6, age=1)]
    assert planned(file, state, idle, NOW) is None
    change = planned(file, state, [*idle, leaf("late", 7)], NOW)
    assert list(change.inputs["revoked"]) == ["6", "7"]
    assert change.inputs["revoked"]["6"] == keyed([entry(6, days=50)])["6"]
    assert [each.text for each in change.reasons] == ["host/late was removed"]
    # The last one ends: the list goes, and needs no key for that.
    late = NOW + 51 * DAY
    gone = planned(file, state, [leaf("db", 1)], late)
    assert gone.action is Action.DELETE
    ended = NOW + 50 * DAY
    assert [(each.cause, each.text) for each in gone.reasons] == [
        (Cause.EXPIRED, f"the last certificate that it revokes ended on {ended:%Y-%m-%d}")
    ]


def test_reasons_name_a_few(file: Namespace) -> None:
    state = recorded(certificate("db", 1, (2, -1, "superseded")))
    leaves = [leaf("db", 2), *(leaf(f"h{n:02}", 10 + n) for n in range(15))]
    change = planned(file, state, leaves, NOW)
    assert [each.text for each in change.reasons] == [
        f"the overlap of host/db ended on {NOW - DAY:%Y-%m-%d}",
        "host/h00 was removed, host/h01 was removed, host/h02 was removed, and 12 more",
    ]


def test_hosts_wait_for_the_lists_that_name_them(file: Namespace) -> None:
    remembered = with_revoked(file, recorded(certificate("db", 1)), [], NOW)
    assert all(
        LIST in part.released_by
        for part in parts(remembered).values()
        if part.kind in {"host-certificate", "host-secrets", "host-stack", "host-sops"}
    )


def test_a_list_that_grows_too_long_is_said_before_it_is_signed() -> None:
    def change(count: int) -> Change:
        return Change(
            LIST, "revocation-list", Action.UPDATE, (), inputs={"revoked": keyed(map(entry, range(count)))}
        )

    assert not list(revocation_warnings([change(4000)]))
    (line,) = revocation_warnings([change(4200)])
    assert "the revocation list of ca/default is too long: 4,200 certificates" in line
    assert "iam-ra ca rotate default" in line


def crl(name: str = "iam-ra-default-default", anchor: str = ANCHOR) -> CrlInfo:
    return CrlInfo("i", "arn", name, anchor, enabled=True, data=b"x")


def world(*crls: CrlInfo) -> Any:
    own = stack(
        NAMES.authority_stack("default"), outputs={"TrustAnchorArn": ANCHOR}, address="ca/default:stack"
    )
    return replace(snapshot(own), crls=crls, lineage=LINEAGE)


def test_only_lists_of_our_names_on_our_anchors_are_seen() -> None:
    kind = all_kinds()["revocation-list"]
    own = [crl(), crl("iam-ra-default-default-2"), crl("iam-ra-default-default-12")]
    others = [
        crl("other"), crl(anchor=f"{ANCHOR}0"), crl("iam-ra-default-default-"), crl("iam-ra-default-default-1"),
        crl("iam-ra-default-default-02"), crl("iam-ra-default-default2"), crl("iam-ra-default-default-x"),
    ]  # fmt: skip
    seen = kind.observed(world(*own, *others))
    assert set(seen) == {revocation_list("default", n) for n in (1, 2, 12)}
    assert kind.observed(replace(world(*own), lineage="another")) == {}


def test_inputs_are_plain(file: Namespace) -> None:
    part = parts(with_revoked(file, {}, [leaf("gone", 5)], NOW))[LIST]
    assert resolve(part.inputs, lambda _: "x")["revoked"] == {
        "5": {
            "reason": "cessation_of_operation",
            "when": NOW.isoformat(),
            "not_after": (NOW + 345 * DAY).isoformat(),
        }
    }
