"""What earlier certificates of hosts still prove: kept while they overlap, never given to others."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.kinds.samples import ANCHOR, NOW, namespace, parts

from iam_ra.engine.action import Cause
from iam_ra.engine.diff import make_plan
from iam_ra.engine.part import Observed, Presence, Recorded
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.host_certificate import host_certificate, identity_conflicts, with_former
from iam_ra.kinds.overlap import with_lapsed
from iam_ra.kinds.role import role_stack
from iam_ra.kinds.trust_anchor import trust_anchor_arn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from iam_ra.config.model import Namespace
    from iam_ra.engine.address import Address

DAY = timedelta(days=1)
SCOPES = "certificate_authorities: {default: {}, factory: {}}\n"
Pair = tuple[str, str]


def state(**hosts: tuple[Pair, Mapping[Pair, datetime]]) -> dict[Address, Recorded]:
    """Return certificates, good for 90 days: what each proves, and what until when besides."""
    found = {}
    for name, ((authority, identity), earlier) in hosts.items():
        outputs = {
            "not_after": (NOW + 90 * DAY).isoformat(),
            "earlier": [
                {"ca": ca, "identity": each, "until": until.isoformat()}
                for (ca, each), until in earlier.items()
            ],
        }
        address = host_certificate(name)
        inputs = {"ca": authority, "identity": identity}
        found[address] = Recorded(address, "host-certificate", inputs, outputs)
    return found


def trusted(loaded: Namespace, role: str) -> set[Pair]:
    trust: Any = parts(loaded)[role_stack(role)].inputs["trust"]
    return {
        (each["trust_anchor"].address.entity.removeprefix("ca/"), identity)
        for each in trust
        for identity in each["identities"]
    }


def conflicts(loaded: Namespace, known: Mapping[Address, Recorded], now: datetime = NOW) -> dict[str, str]:
    return {str(each.address): each.text for each in identity_conflicts(loaded, known, now)}


# Roles


def test_a_role_trusts_what_hosts_proved_before_while_it_overlaps(tmp_path: Path) -> None:
    loaded = namespace(
        tmp_path, SCOPES + "roles: {a: {}}\nhosts: {web: {roles: [a], identity: new, ca: factory}}\n"
    )
    known = state(web=(("factory", "new"), {("default", "old"): NOW + DAY}))
    wanted = {("factory", "new")}
    assert trusted(with_former(loaded, known, NOW), "a") == {*wanted, ("default", "old")}
    assert trusted(with_former(loaded, known, NOW + DAY), "a") == wanted
    # Before the new certificate is there, the present one is the former.
    present = state(web=(("default", "old"), {}))
    assert trusted(with_former(loaded, present, NOW), "a") == {*wanted, ("default", "old")}
    assert trusted(with_former(loaded, present, NOW + 90 * DAY), "a") == wanted


def test_a_role_of_some_authorities_trusts_no_other_in_the_overlap_either(tmp_path: Path) -> None:
    text = "roles: {a: {ca: factory}, b: {}}\nhosts: {web: {roles: [a, b], default_role: a, ca: factory}}\n"
    loaded = namespace(tmp_path, SCOPES + text)
    known = state(web=(("factory", "web"), {("default", "web"): NOW + DAY, ("factory", "old"): NOW + DAY}))
    now = with_former(loaded, known, NOW)
    assert trusted(now, "a") == {("factory", "web"), ("factory", "old")}
    assert trusted(now, "b") == {("factory", "web"), ("factory", "old"), ("default", "web")}


def test_what_another_host_has_by_now_is_not_proved_by_the_former_one(tmp_path: Path) -> None:
    loaded = namespace(
        tmp_path, "roles: {a: {}, b: {}}\nhosts: {web: {roles: [a]}, db: {roles: [b], identity: old}}\n"
    )
    known = state(web=(("default", "web"), {("default", "old"): NOW + DAY}))
    assert trusted(with_former(loaded, known, NOW), "a") == {("default", "web")}


# Conflicts


def hosts(**identities: str) -> str:
    each = ", ".join(f"{name}: {{roles: [a], identity: {identity}}}" for name, identity in identities.items())
    return f"roles: {{a: {{}}}}\nhosts: {{{each}}}\n"


def test_an_identity_of_another_hosts_live_certificate_cannot_be_taken_over(tmp_path: Path) -> None:
    known = state(web=(("default", "one"), {}), db=(("default", "two"), {}))
    taken = namespace(tmp_path, hosts(web="two", db="three"))
    (text,) = conflicts(taken, known).values()
    assert "the certificate of host/db says two too, until 2026-04-01" in text
    assert not conflicts(taken, known, NOW + 90 * DAY)
    assert not conflicts(namespace(tmp_path, hosts(web="one", db="three")), known)


def test_nor_one_in_its_overlap_nor_of_a_host_that_goes(tmp_path: Path) -> None:
    known = state(web=(("default", "one"), {("default", "old"): NOW + DAY}))
    in_overlap = namespace(tmp_path, hosts(web="one", new="old"))
    assert "until 2026-01-02" in conflicts(in_overlap, known)["host/new:certificate"]
    assert not conflicts(in_overlap, known, NOW + DAY)
    assert (
        "host/web says one" in conflicts(namespace(tmp_path, hosts(new="one")), known)["host/new:certificate"]
    )
    # It may have its own back.
    assert not conflicts(namespace(tmp_path, hosts(web="old")), known)


def test_two_hosts_cannot_swap_their_identities(tmp_path: Path) -> None:
    known = state(web=(("default", "one"), {}), db=(("default", "two"), {}))
    found = conflicts(namespace(tmp_path, hosts(web="two", db="one")), known)
    assert found.keys() == {"host/web:certificate", "host/db:certificate"}


def test_one_name_of_two_authorities_is_two_identities(tmp_path: Path) -> None:
    text = "roles: {a: {}}\nhosts: {web: {roles: [a]}, db: {roles: [a], identity: web, ca: factory}}\n"
    known = state(web=(("default", "web"), {}))
    assert not conflicts(namespace(tmp_path, SCOPES + text), known)


def test_an_authority_stays_while_a_host_proves_itself_by_it(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, "roles: {a: {}}\nhosts: {web: {roles: [a]}}\n")
    before = state(web=(("factory", "web"), {}))
    assert "or 2026-04-01" in conflicts(loaded, before)["ca/factory:certificate"]
    moved = state(web=(("default", "web"), {("factory", "web"): NOW + DAY}))
    (text,) = conflicts(loaded, moved).values()
    assert text.startswith("host/web still proves web by it")
    assert "2026-01-02" in text
    assert not conflicts(loaded, moved, NOW + DAY)
    # It is no conflict if the host goes with its authority.
    assert not conflicts(namespace(tmp_path, "roles: {a: {}}\n"), before)


# What roles say of overlaps that are over


def role_after(folder: Path, text: str, *, trusted: list[str], until: datetime) -> Any:
    """Return the change of role a, whose recorded trust policy names `trusted`."""
    known = state(web=(("default", "new"), {("default", "old"): until}))
    for each in known.values():
        each.outputs["earlier"][0].update(
            serial="1", reason="superseded", not_after=(NOW + 60 * DAY).isoformat()
        )
    loaded = namespace(folder, f"{text}\nhosts: {{web: {{roles: [a], identity: new}}}}\n")
    anchor = trust_anchor_arn("default").address
    known[anchor] = Recorded(anchor, "trust-anchor-stack", {}, {"TrustAnchorArn": ANCHOR})
    before = parts(namespace(folder, "roles: {a: {}}\n"))[role_stack("a")].inputs
    trust = [{"trust_anchor": ANCHOR, "identities": trusted}]
    known[role_stack("a")] = Recorded(role_stack("a"), "role-stack", {**before, "trust": trust}, {})
    now = with_lapsed(with_former(loaded, known, NOW), known, NOW)
    wanted = [part for address, part in parts(now).items() if address == role_stack("a")]
    seen = {role_stack("a"): Observed(Presence.PRESENT, {})}
    plan = make_plan(wanted, known, seen, all_kinds(), NOW)
    found = [change for change in plan.changes if change.address == role_stack("a")]
    return [] if not found else [reason.cause for reason in found[0].reasons]


@pytest.mark.parametrize(
    ("text", "trusted", "days", "causes"),
    [
        ("roles: {a: {}}", ["new", "old"], 1, []),
        ("roles: {a: {}}", ["new", "old"], 0, [Cause.OVERLAP_OVER]),
        ("roles: {a: {}}", ["new"], 0, []),
        ("roles: {a: {description: x}}", ["new"], 0, [Cause.EDITED]),
        ("roles: {a: {description: x}}", ["new", "old"], 0, [Cause.OVERLAP_OVER, Cause.EDITED]),
        ("roles: {a: {}}", ["gone", "new", "old"], 0, [Cause.OVERLAP_OVER, Cause.EDITED]),
    ],
)
def test_a_role_lets_go_of_a_former_name_for_a_dated_reason(
    tmp_path: Path, text: str, trusted: list[str], days: int, causes: list[Cause]
) -> None:
    assert role_after(tmp_path, text, trusted=trusted, until=NOW + days * DAY) == causes
