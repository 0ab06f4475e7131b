"""Roles bound by certificate: what goes into certificates and policies, what is revoked, and how fleets change over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.kinds.samples import ANCHOR, NOW, namespace, parts

from iam_ra.anywhere.trust_policy import Unit, policy_size
from iam_ra.config.entitlement import Holder, Rule, entitled, is_said
from iam_ra.engine.action import Cause
from iam_ra.engine.address import Address
from iam_ra.engine.diff import make_plan
from iam_ra.engine.part import Recorded
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.binding import with_named, with_withdrawn, withdrawn
from iam_ra.kinds.host_certificate import host_certificate
from iam_ra.kinds.revoked import with_revoked
from iam_ra.kinds.role import role_stack, trust_of
from iam_ra.state.ledger import Issued

if TYPE_CHECKING:
    from pathlib import Path

    from iam_ra.config.model import Namespace

DAY = timedelta(days=1)
BOUND = "certificate_authorities: {default: {bind: certificate}}\n"


def units(loaded: Namespace, host: str) -> list[str] | None:
    found: list[str] | None = parts(loaded)[host_certificate(host)].inputs.get("units")
    return found


def trust(loaded: Namespace, role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parts(loaded)[role_stack(role)].inputs["trust"]
    return found


def hosts(*roles: str, text: str = "") -> str:
    return f"roles: {{a: {{{text}}}, b: {{}}}}\nhosts: {{web: {{roles: [{', '.join(roles)}], default_role: {roles[0]}}}}}\n"


def state(
    *said: str, earlier: tuple[dict[str, Any], ...] = (), **trusts: dict[str, Any]
) -> dict[Address, Recorded]:
    """Return what is recorded: the certificate of `web`, the anchor, and the roles as they trust it."""
    inputs: dict[str, Any] = {"ca": "default", "identity": "web", "generation": 1}
    outputs = {"serial": "7", "not_after": (NOW + 90 * DAY).isoformat(), "earlier": list(earlier)}
    found = [
        Recorded(
            host_certificate("web"),
            "host-certificate",
            inputs | ({"units": [*said]} if said else {}),
            outputs,
        ),
        Recorded(Address("ca/default", "stack"), "trust-anchor-stack", {}, {"TrustAnchorArn": ANCHOR}),
    ]
    for role, each in trusts.items():
        inputs = {"trust": [{"trust_anchor": ANCHOR, **each}]}
        found.append(Recorded(role_stack(role), "role-stack", inputs, {}))
    return {each.address: each for each in found}


def overlapping(serial: str, *said: str, until: timedelta = DAY) -> dict[str, Any]:
    return {
        "serial": serial,
        "ca": "default",
        "generation": 1,
        "identity": "web",
        "not_after": (NOW + 90 * DAY).isoformat(),
        "until": (NOW + until).isoformat(),
        "reason": "superseded",
        **({"units": [*said]} if said else {}),
    }


# Who may take what, by which way


@pytest.mark.parametrize(
    ("role", "authority", "said"),
    [
        (None, "identity", False),
        (None, "certificate", True),
        ("identity", "certificate", False),
        ("certificate", "identity", True),
    ],
)
def test_a_roles_own_word_beats_its_authoritys(role: Any, authority: Any, said: bool) -> None:
    assert is_said(role, authority) is said


def test_each_authority_has_one_way_for_a_role() -> None:
    holders = [
        Holder({"r", "x"}, [("one", "web"), ("two", "web"), ("gone", "web")]),
        Holder({"r"}, [("one", "db")]),
    ]
    rules = {"r": Rule((), None), "x": Rule(("two",), "certificate")}
    found = entitled(holders, rules, {"one": "identity", "two": "certificate"})
    assert found == {"r": {"one": ["web", "db"], "two": Unit("r")}, "x": {"two": Unit("x")}}
    named = {"r": Rule((), None, ("two",))}
    assert entitled(holders, named, {"two": "certificate"}) == {"r": {"two": ["web"]}}


def test_an_identity_bound_file_asks_for_no_units(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, hosts("a", "b"))
    assert units(loaded, "web") is None
    assert [each.keys() for each in trust(loaded, "a")] == [{"trust_anchor", "identities"}]


def test_a_certificate_says_the_bound_roles_sorted(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, BOUND + hosts("b", "a"))
    assert units(loaded, "web") == ["a", "b"]
    assert [each["unit"] for each in trust(loaded, "a")] == ["a"]
    mixed = namespace(tmp_path, BOUND + hosts("b", "a", text="bind: identity"))
    assert units(mixed, "web") == ["b"]
    assert [each["identities"] for each in trust(mixed, "a")] == [["web"]]


def test_a_role_without_takers_has_no_statement(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, BOUND + hosts("a"))
    assert trust(loaded, "b") == []
    disabled = namespace(tmp_path, BOUND + hosts("a").replace("web: {", "web: {disabled: true, "))
    assert trust(disabled, "a") == []
    # Its certificate stays as it is, so that it can come back.
    assert units(disabled, "web") == ["a"]


def test_a_policy_for_two_thousand_hosts_is_as_long_as_for_one(tmp_path: Path) -> None:
    def size(count: int) -> int:
        lines = "".join(f"  host-{number:04}: {{roles: [a]}}\n" for number in range(count))
        loaded = namespace(
            tmp_path, f"{BOUND}roles: {{a: {{}}}}\ndefaults: {{delivery: [sops]}}\nhosts:\n{lines}"
        )
        wanted = parts(with_named(loaded, {}, NOW))
        changes = {
            each.address: each for each in make_plan(wanted.values(), {}, {}, all_kinds(), NOW).changes
        }
        certificates = [each for address, each in changes.items() if address.part == "certificate"]
        assert sum(each.inputs.get("units") == ["a"] for each in certificates) == count
        return policy_size(trust_of(changes[role_stack("a")].inputs))

    assert size(2000) == size(1) < 512


# Roles that are taken


def test_a_role_that_is_taken_is_withdrawn(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, BOUND + hosts("a"))
    known = with_withdrawn(loaded, state("a", "b"))
    assert known.hosts["web"].withdrawn == ("b",)
    (reason,) = parts(known)[host_certificate("web")].because
    assert reason.cause is Cause.WITHDRAWN
    assert "the role b" in reason.text
    assert "revoked at once" in reason.text
    assert with_withdrawn(loaded, state("a")).hosts["web"].withdrawn == ()


def test_a_role_that_left_the_file_is_withdrawn_too(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, BOUND + "roles: {a: {}}\nhosts: {web: {roles: [a]}}\n")
    assert withdrawn(["a", "gone"], loaded.hosts["web"]) == ("gone",)


def test_one_that_is_only_bound_otherwise_is_not(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, BOUND + hosts("a", "b", text="bind: identity"))
    known = with_withdrawn(loaded, state("a", "b"))
    assert known.hosts["web"].withdrawn == ()
    assert units(known, "web") == ["b"]


@pytest.mark.parametrize("serial", ["7", "8", "9"])
def test_whatever_says_a_role_that_was_taken_is_revoked_at_once(tmp_path: Path, serial: str) -> None:
    """The present certificate, one in its overlap, and one that an interrupted apply may have delivered."""
    loaded = namespace(tmp_path, BOUND + hosts("a"))
    known = state("a", "b", earlier=(overlapping("8", "a", "b"),))
    issued = [Issued("default", 1, "web", serial, NOW - DAY, NOW + 90 * DAY, ("a", "b"))]
    (revoked,) = (
        with_revoked(with_withdrawn(loaded, known), known, issued, NOW).authorities["default"].revoked[1]
    )
    assert (revoked.serial, revoked.reason) == (serial, "privilege_withdrawn")
    entitled_to_all = namespace(tmp_path, BOUND + hosts("a", "b"))
    kept = with_revoked(with_withdrawn(entitled_to_all, known), known, issued, NOW)
    assert not kept.authorities["default"].revoked


# From names to certificates


def test_names_count_until_every_live_certificate_says_the_role(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, BOUND + hosts("a"))
    by_name = {"identities": ["web"]}
    # Not yet issued, then in its overlap, then over.
    for known, named in (
        (state(a=by_name), True),
        (state("a", earlier=(overlapping("6"),), a=by_name), True),
        (state("a", earlier=(overlapping("6", until=timedelta()),), a=by_name), False),
        (state("a", earlier=(overlapping("6", "a"),), a=by_name), False),
    ):
        found = with_named(loaded, known, NOW)
        assert units(found, "web") == ["a"]
        (each,) = trust(found, "a")
        assert ("identities" in each) is named
        assert ("unit" in each) is not named
        # The change of the policy is the day's doing, not an edit.
        assert [reason.cause for reason in found.roles["a"].because] == (
            [] if named else [Cause.OVERLAP_OVER]
        )


def test_a_host_that_never_took_the_role_by_name_holds_nobody_up(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, BOUND + hosts("a"))
    for known in (state(), state(a={"unit": "a"}), state(a={"identities": ["other"]})):
        (each,) = trust(with_named(loaded, known, NOW), "a")
        assert each["unit"] == "a"
