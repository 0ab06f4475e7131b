"""What earlier certificates of hosts still prove: kept while they overlap, never given to others."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.unit.kinds.samples import NOW, namespace, parts

from iam_ra.engine.part import Recorded
from iam_ra.kinds.host_certificate import host_certificate, identity_conflicts, with_former
from iam_ra.kinds.role import role_stack

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
