"""`iam-ra status`: who may take which role, for how many days more, when they last did, and what is pending."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.e2e import envelopes
from tests.e2e.world import ACCOUNT, READ_ONLY, REGION, small

from iam_ra.pki.certificate import load_certificate

if TYPE_CHECKING:
    from tests.e2e.world import World

SECRETS = ["secretsmanager"]


def content() -> dict[str, Any]:
    return small(
        certificate_authorities={"default": {}, "edge": {"validity": "2y"}},
        roles={name: {"policies": [READ_ONLY]} for name in ("admin", "idle", "reader")},
        hosts={
            # RFC 4514 escapes the plus sign in the subject by which Roles Anywhere knows this one.
            "web": {"roles": ["reader"], "identity": "web+1@example.com", "delivery": SECRETS},
            "db": {"roles": ["reader"], "delivery": SECRETS, "certificate": {"validity": "20d"}},
            "edge": {
                "roles": ["admin", "reader"],
                "default_role": "reader",
                "ca": "edge",
                "delivery": SECRETS,
            },
        },
    )


def status(world: World) -> dict[str, Any]:
    world.wire.clear()
    data: dict[str, Any] = envelopes.data("status", world.run("status", "--json").expect())
    assert not world.wire.writes
    return data


def listed(world: World, what: str, key: str) -> dict[str, dict[str, Any]]:
    """Return what `iam-ra ca|role|host list` says, by name."""
    world.wire.clear()
    data = envelopes.data(f"{what}-list", world.run(what, "list", "--json").expect())
    assert not world.wire.writes
    return {each[what]: each for each in data[key]}


def last_used(world: World) -> dict[str, str]:
    return {each["entity"]: each["last_used"] for each in status(world)["identities"]}


def test_status_from_before_the_first_apply_to_the_next(world: World) -> None:
    world.write(content())
    before = status(world)
    assert (before["lineage"], before["serial"], before["identities"], before["roles"]) == (None, 0, [], {})
    assert before["pending_changes"] == len(world.plan().changes) > 0
    text = world.run("status").expect().stdout
    assert text.startswith(f"iam-ra status · namespace default · {ACCOUNT}/{REGION}\n")
    assert "Nothing was applied yet" in text

    world.apply()
    data = status(world)
    assert (data["namespace"], data["account_id"], data["region"]) == ("default", ACCOUNT, REGION)
    assert (data["lineage"], data["serial"]) == (world.state["lineage"], world.state["serial"])
    assert data["pending_changes"] == 0
    found = {each["entity"]: each for each in data["identities"]}
    assert {name: each["identity"] for name, each in found.items()} == {
        "ca/default": "iam-ra default default G1",
        "ca/edge": "iam-ra default edge G1",
        "host/db": "db",
        "host/edge": "edge",
        "host/web": "web+1@example.com",
    }
    whole = {"ca/default": 3650, "ca/edge": 730, "host/db": 20, "host/edge": 365, "host/web": 365}
    assert found.keys() == whole.keys()
    # The last of them began a moment ago, and this may be the same second.
    assert all(whole[name] - 1 <= each["days_left"] <= whole[name] for name, each in found.items())
    assert {name: each["roles"] for name, each in found.items() if each["roles"]} == {
        "host/db": ["reader"],
        "host/edge": ["admin", "reader"],
        "host/web": ["reader"],
    }
    assert data["roles"] == {
        "admin": ["host/edge"],
        "idle": [],
        "reader": ["host/db", "host/edge", "host/web"],
    }
    certificate = load_certificate(world.secret("web", "certificate"))
    assert found["host/web"]["serial"] == str(certificate.serial_number)
    assert datetime.fromisoformat(found["host/web"]["not_after"]) == certificate.not_valid_after_utc
    assert set(last_used(world).values()) == {""}

    began = datetime.now(UTC).replace(microsecond=0)
    world.run("verify", "web").expect()
    used = last_used(world)
    assert {name for name, when in used.items() if when} == {"host/web"}
    assert began <= datetime.fromisoformat(used["host/web"]) <= began + timedelta(minutes=2)
    text = world.run("status", "--color", "always").expect().stdout
    assert f"{datetime.fromisoformat(used['host/web']):%Y-%m-%d %H:%M}" in text
    (db,) = (line for line in text.splitlines() if line.startswith("host/db "))
    (web,) = (line for line in text.splitlines() if line.startswith("host/web "))
    # What ends within a month is red.
    assert "\x1b[31m" in db
    assert "\x1b[31m" not in web
    assert "The world is as the file says.\n" in text
    assert data["next_due"]["address"] == "host/db:certificate"
    assert f"Next, from {data['next_due']['when'][:10]} on: host/db:certificate is to be renewed" in text

    now = content()
    now["roles"]["reader"]["description"] = "Reads"
    world.write(now)
    assert "\n1 change is pending: `iam-ra plan` shows them.\nNext, " in world.run("status").expect().stdout
    now["hosts"]["new"] = {"roles": ["reader"], "delivery": SECRETS}
    world.write(now)
    pending = status(world)
    assert pending["pending_changes"] == 1 + 5
    # What is not applied is not shown as if it were.
    assert pending["roles"] == data["roles"]
    expect_lists(world, now, used["host/web"])


def expect_lists(world: World, now: dict[str, Any], used: str) -> None:
    """Edit the file once more, and look at how `list` tells what is in it from what was applied."""
    del now["hosts"]["db"], now["roles"]["idle"], now["certificate_authorities"]["default"]
    now["certificate_authorities"]["extra"] = {"key_store": "kms"}
    now["hosts"]["web"]["ca"] = now["hosts"]["new"]["ca"] = "edge"
    now["hosts"]["edge"]["disabled"] = True
    world.write(now)
    hosts = listed(world, "host", "hosts")
    assert {name: each["status"] for name, each in hosts.items()} == {
        # What changes is the policies of its roles.
        "edge": "applied",
        "new": "to be made",
        "web": "to be changed",
        "db": "to be deleted",
    }
    assert (hosts["new"]["identity"], hosts["new"]["days_left"]) == ("new", None)
    assert (hosts["db"]["identity"], hosts["db"]["roles"], hosts["db"]["ca"]) == ("db", ["reader"], None)
    assert hosts["web"]["last_used"] == used
    assert [name for name, each in hosts.items() if each["disabled"]] == ["edge"]
    roles = listed(world, "role", "roles")
    assert {name: each["status"] for name, each in roles.items()} == {
        "admin": "to be changed",
        "reader": "to be changed",
        "idle": "to be deleted",
    }
    assert (roles["reader"]["policies"], roles["admin"]["taken_by"]) == ([READ_ONLY], [])
    authorities = listed(world, "ca", "authorities")
    assert {name: (each["status"], each["signs"]) for name, each in authorities.items()} == {
        "edge": ("applied", 3),
        "extra": ("to be made", 0),
        "default": ("to be deleted", 0),
    }
    assert authorities["extra"]["key_store"] == "kms"
    text = world.run("host", "list").expect().stdout
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"^db +db +reader +(19|20) +to be deleted$", text, flags=re.MULTILINE)
