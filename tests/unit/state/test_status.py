from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from iam_ra.engine.address import Address
from iam_ra.engine.part import Recorded
from iam_ra.state.status import identities, roles, standings

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SEEN = datetime(2026, 3, 1, tzinfo=UTC)


def part(address: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> Recorded:
    return Recorded(Address.parse(address), "kind", inputs, outputs)


def authority(scope: str) -> list[Recorded]:
    certificate = {"identity": f"iam-ra n {scope}", "serial": "1", "not_after": "2036-03-04T12:00:00+00:00"}
    return [
        part(f"ca/{scope}:certificate", {}, certificate),
        part(f"ca/{scope}:stack", {}, {"TrustAnchorArn": f"arn:{scope}"}),
    ]


def host(
    name: str, *, ca: str = "default", identity: str = "", left: timedelta = timedelta(days=9)
) -> Recorded:
    inputs = {"identity": identity or name, "ca": ca}
    return part(f"host/{name}:certificate", inputs, {"serial": "7", "not_after": (NOW + left).isoformat()})


def role(name: str, **trust: list[str]) -> Recorded:
    trusted = [{"trust_anchor": f"arn:{scope}", "identities": names} for scope, names in trust.items()]
    return part(f"role/{name}:stack", {"trust": trusted}, {"RoleArn": "arn"})


def state(*parts: Recorded) -> dict[Address, Recorded]:
    return {each.address: each for each in (*authority("default"), *authority("edge"), *parts)}


def test_a_workload_has_the_roles_that_its_own_cluster_vouches_for() -> None:
    parts = state(
        part("cluster/prod:stack", {}, {"TrustAnchorArn": "arn:prod"}),
        part("cluster/prod:manifests", {}, {}),
        part("workload/prod/shop/api:manifests", {"identity": "prod.shop.api"}, {}),
        role("reader", prod=["prod.shop.api"]),
        role("admin", default=["prod.shop.api"]),
    )
    (workload,) = (each for each in identities(parts, NOW, {"CN=prod.shop.api": SEEN}) if each.roles)
    assert workload.entity == "workload/prod/shop/api"
    assert workload.roles == ("reader",)
    assert (workload.serial, workload.not_after, workload.days_left) == ("", "", None)
    assert workload.last_used == SEEN.isoformat()
    off = identities(parts, NOW, {}, frozenset({"cluster/prod"}))
    assert not [each for each in off if each.roles]


def test_a_role_is_had_by_name_and_authority() -> None:
    parts = state(
        host("web"),
        host("twin", ca="edge", identity="web"),
        role("reader", default=["web"], edge=["other"]),
        role("admin", edge=["web"]),
        role("idle"),
    )
    found = identities(parts, NOW, {})
    assert {each.entity: each.roles for each in found} == {
        "ca/default": (),
        "ca/edge": (),
        "host/twin": ("admin",),
        "host/web": ("reader",),
    }
    assert roles(parts, found) == {"admin": ("host/twin",), "idle": (), "reader": ("host/web",)}


def test_days_are_whole_and_go_below_zero() -> None:
    left = {
        "a": timedelta(days=9, hours=23),
        "b": timedelta(hours=1),
        "c": -timedelta(hours=1),
        "d": -timedelta(days=2),
    }
    found = identities(state(*(host(name, left=each) for name, each in left.items())), NOW, {})
    assert [each.days_left for each in found if each.entity.startswith("host/")] == [9, 0, -1, -2]


def test_who_was_seen() -> None:
    seen = {"CN=web": SEEN, "CN=a\\+b": SEEN, "CN=iam-ra n default": SEEN, "CN=db,O=another": SEEN}
    found = identities(state(host("web"), host("plus", identity="a+b"), host("db")), NOW, seen)
    assert {each.entity: each.last_used for each in found if each.last_used} == {
        "host/plus": SEEN.isoformat(),
        "host/web": SEEN.isoformat(),
    }


def test_a_role_is_had_by_what_the_certificate_says() -> None:
    parts = state(host("web"), host("db"), host("twin", ca="edge", identity="web"))
    for name, said in (("web", ["admin", "reader"]), ("twin", ["admin"])):
        address = Address(f"host/{name}", "certificate")
        parts[address] = replace(parts[address], inputs={**parts[address].inputs, "units": said})
    for name in ("admin", "reader", "read"):
        trust = {"trust": [{"trust_anchor": "arn:default", "unit": name}]}
        parts[Address(f"role/{name}", "stack")] = part(f"role/{name}:stack", trust, {})
    found = {each.entity: each.roles for each in identities(parts, NOW, {})}
    assert found["host/web"] == ("admin", "reader")
    assert found["host/twin"] == found["host/db"] == ()


def test_a_subject_may_say_roles_and_its_last_use_counts() -> None:
    later = SEEN + timedelta(days=1)
    seen = {
        "CN=web": SEEN,
        "CN=web,OU=iam-ra,OU=reader,OU=iam-ra": later,
        "CN=db,OU=x,O=another": SEEN,
    }
    found = identities(state(host("web"), host("db")), NOW, seen)
    assert {each.entity: each.last_used for each in found if each.last_used} == {
        "host/web": later.isoformat()
    }


def test_nothing_was_applied() -> None:
    assert identities({}, NOW, {"CN=web": SEEN}) == ()
    assert roles({}, ()) == {}


def test_standings_are_of_the_file_first() -> None:
    parts = state(host("web"), host("old"), role("reader"))
    assert standings(["host/new", "host/web"], "host/", parts, {"host/new"}) == {
        "host/new": "to be made",
        "host/web": "applied",
        "host/old": "to be deleted",
    }
    assert standings(["role/reader"], "role/", parts, {"role/reader"}) == {"role/reader": "to be changed"}
    assert list(standings([], "ca/", parts, ())) == ["ca/default", "ca/edge"]
