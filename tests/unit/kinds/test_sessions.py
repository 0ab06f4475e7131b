"""Who loses a role, until when open sessions last, and how they are ended."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.kinds.samples import NOW, blueprint, namespace, parts

from iam_ra.engine.action import Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.part import Recorded, resolve
from iam_ra.kinds.role import RoleStack, role_stack
from iam_ra.kinds.sessions import losses, open_until, with_sessions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iam_ra.config.model import Namespace

HOUR = timedelta(hours=1)
FILE = """
roles: {admin: {}, reader: {session_duration: 4h}}
hosts:
  db: {roles: [reader]}
  web: {roles: [admin, reader], default_role: admin}
"""
STAMP = "2026-01-01T00:00:00Z"


@pytest.fixture
def file(tmp_path: Path) -> Namespace:
    return namespace(tmp_path, FILE)


def recorded(file: Namespace, **sessions_before: str) -> dict[Address, Recorded]:
    """Return the state after an apply of the file; by role, since when sessions must have been opened."""
    found = {}
    for part in parts(file).values():
        inputs = resolve(part.inputs, str)
        role = part.address.entity.removeprefix("role/")
        if role in sessions_before and part.kind == "role-stack":
            inputs["sessions_before"] = sessions_before[role]
        found[part.address] = Recorded(part.address, part.kind, inputs, {})
    return found


def without(file: Namespace, *hosts: str) -> Namespace:
    return replace(file, hosts={name: each for name, each in file.hosts.items() if name not in hosts})


def changed(file: Namespace, host: str, **changes: Any) -> Namespace:
    return replace(file, hosts={**file.hosts, host: replace(file.hosts[host], **changes)})


def lost(file: Namespace, state: Mapping[Address, Recorded]) -> set[tuple[str, str]]:
    return {(each.entity.removeprefix("host/"), each.role) for each in losses(file, state)}


def test_who_loses_what(file: Namespace) -> None:
    state = recorded(file)
    both = {("web", "admin"), ("web", "reader")}
    assert lost(file, state) == set()
    assert lost(without(file, "web"), state) == both
    assert lost(changed(file, "web", roles=("admin",)), state) == {("web", "reader")}
    assert lost(changed(file, "web", disabled=True), state) == both
    assert lost(changed(file, "web", revoked="key_compromise"), state) == both
    off = {name: replace(each, disabled=name == "admin") for name, each in file.roles.items()}
    assert lost(replace(file, roles=off), state) == {("web", "admin")}
    shut = {name: replace(each, disabled=True) for name, each in file.authorities.items()}
    assert lost(replace(file, authorities=shut), state) == {*both, ("db", "reader")}
    # A role that goes takes its sessions with it.
    assert lost(replace(without(file, "web"), roles={"reader": file.roles["reader"]}), state) == {
        ("web", "reader")
    }


def test_the_last_session_ends_with_the_longest_role_that_was_lost(file: Namespace) -> None:
    state, gone = recorded(file), without(file, "web")
    done = {role_stack("admin"), role_stack("reader")}
    assert open_until(losses(gone, state), done, NOW) == {"host/web": NOW + 4 * HOUR}
    assert open_until(losses(gone, state), {role_stack("admin")}, NOW) == {"host/web": NOW + HOUR}
    assert open_until(losses(gone, state), {Address("init", "stack")}, NOW) == {}
    ended = with_sessions(gone, state, NOW, end=True)
    assert open_until(losses(ended, state), done, NOW) == {}


def test_sessions_are_ended_of_the_roles_that_somebody_loses(file: Namespace) -> None:
    state = recorded(file)
    wished = with_sessions(changed(file, "web", roles=("reader",)), state, NOW, end=True)
    assert {name: each.sessions_before for name, each in wished.roles.items()} == {
        "admin": STAMP,
        "reader": None,
    }
    part = parts(wished)[role_stack("admin")]
    assert part.inputs["sessions_before"] == STAMP
    assert part.because == (
        Reason(Cause.SESSIONS_ENDED, "open sessions are ended: host/web may not take it"),
    )
    assert part.undated == {"sessions_before": None}
    unwished = with_sessions(without(file, "web"), state, NOW, end=False)
    assert "sessions_before" not in parts(unwished)[role_stack("admin")].inputs


def test_what_ends_sessions_stays_until_the_longest_is_over(file: Namespace) -> None:
    state = recorded(file, reader=STAMP)
    for hours in (0, 3.9):
        kept = parts(with_sessions(file, state, NOW + hours * HOUR, end=False))[role_stack("reader")]
        assert kept.inputs["sessions_before"] == STAMP
        assert not kept.because
    over = parts(with_sessions(file, state, NOW + 4 * HOUR, end=False))[role_stack("reader")]
    assert "sessions_before" not in over.inputs
    assert [each.cause for each in over.because] == [Cause.SESSIONS_OVER]
    assert "2026-01-01 04:00 UTC" in over.because[0].text
    # The stack says the very moment.
    known = state[role_stack("reader")]
    late = {known.address: replace(known, outputs={"SessionsBefore": "2026-01-01T00:20:00Z"})}
    still = with_sessions(file, {**state, **late}, NOW + 4 * HOUR, end=False)
    assert still.roles["reader"].sessions_before == STAMP


def test_the_role_denies_what_was_opened_before_the_stack_is_made(file: Namespace) -> None:
    """The plan may be older, and its reader may have taken his time to agree."""
    planned, done = "2025-12-31T23:50:00Z", "2025-12-31T23:59:00Z"
    inputs = {**parts(file)[role_stack("admin")].inputs, "sessions_before": planned}

    def denied(known: Recorded | None = None) -> tuple[str, str]:
        body = json.loads(blueprint("role-stack", "role/admin", inputs, recorded=known).template)
        (policy,) = body["Resources"]["Role"]["Properties"]["Policies"]
        assert policy["PolicyName"] == "iam-ra-end-sessions"
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
        condition = statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
        return condition, body["Outputs"]["SessionsBefore"]["Value"]

    assert denied() == (STAMP, STAMP)
    # Once done, an update for another reason keeps the moment.
    known = Recorded(role_stack("admin"), RoleStack.name, inputs, {"SessionsBefore": done})
    assert denied(known) == (done, done)
    assert denied(replace(known, inputs={**inputs, "sessions_before": "2025-01-01T00:00:00Z"})) == (
        STAMP,
        STAMP,
    )


def test_it_stands_beside_the_users_policies(file: Namespace) -> None:
    own = {**parts(file)[role_stack("admin")].inputs, "inline_policies": {"a": {}, "b": {}}}
    for extra in ({}, {"sessions_before": STAMP}):
        body = json.loads(blueprint("role-stack", "role/admin", {**own, **extra}).template)
        found = [each["PolicyName"] for each in body["Resources"]["Role"]["Properties"]["Policies"]]
        assert found == ["a", "b", *(["iam-ra-end-sessions"] if extra else [])]


def test_a_disabled_role_has_a_disabled_profile(file: Namespace) -> None:
    for disabled in (False, True):
        off = replace(file, roles={"admin": replace(file.roles["admin"], disabled=disabled)}, hosts={})
        inputs = parts(off)[role_stack("admin")].inputs
        body = json.loads(blueprint("role-stack", "role/admin", inputs).template)
        assert body["Resources"]["Profile"]["Properties"]["Enabled"] is not disabled


def test_a_disabled_host_is_in_no_trust_policy(file: Namespace) -> None:
    trust = parts(changed(file, "web", disabled=True))[role_stack("reader")].inputs["trust"]
    assert [each["identities"] for each in trust] == [["db"]]


def test_a_disabled_authority_has_a_disabled_anchor(file: Namespace) -> None:
    off = {"default": replace(file.authorities["default"], disabled=True)}
    inputs = parts(replace(file, authorities=off))[Address("ca/default", "stack")].inputs
    body = json.loads(blueprint("trust-anchor-stack", "ca/default", inputs).template)
    assert body["Resources"]["TrustAnchor"]["Properties"]["Enabled"] is False
