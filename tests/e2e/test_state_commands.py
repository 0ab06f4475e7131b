"""`iam-ra state` and `iam-ra unlock`: what is remembered, looked at, compared and put back; who is at work."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.e2e.world import READ_ONLY, finish, small

if TYPE_CHECKING:
    from tests.e2e.world import World

SECRETS = ["secretsmanager"]
LOCK = "default/lock.json"


def content(*hosts: str) -> dict[str, Any]:
    return small(
        roles={"reader": {"policies": [READ_ONLY]}},
        hosts={name: {"roles": ["reader"], "delivery": SECRETS} for name in hosts},
    )


def data(world: World, *command: str) -> Any:
    found = world.run(*command, "--json").expect().json
    assert found["schema_version"]
    assert found["command"] == " ".join(command[: 2 if command[0] == "state" else 1])
    return found["data"]


def held(world: World, lease_until: datetime) -> dict[str, str]:
    """Leave a lock as an apply on another machine has it."""
    lock = {
        "id": "7b5f2f2c",
        "holder": "eve",
        "host": "laptop",
        "operation": "apply",
        "since": "2026-01-01T00:00:00+00:00",
        "lease_until": lease_until.isoformat(),
    }
    world.put(LOCK, json.dumps(lock).encode())
    return lock


def test_the_state_is_looked_at_compared_and_put_back(world: World) -> None:
    world.write(content("web"))
    assert "nothing was applied yet" in world.run("state", "list").expect(1).said
    assert data(world, "state", "lock") == {"lock": None}
    world.apply()
    first = world.state
    world.write(content("web", "db"))
    world.apply()

    listed = data(world, "state", "list")
    assert (listed["serial"], listed["lineage"]) == (world.state["serial"], world.state["lineage"])
    assert {each["address"]: each["kind"] for each in listed["parts"]} == {
        address: part["kind"] for address, part in world.state["parts"].items()
    }
    shown = data(world, "state", "show", "host/db")["parts"]
    assert shown.keys() == {address for address in world.state["parts"] if address.startswith("host/db:")}
    assert shown["host/db:certificate"]["outputs"] == world.state["parts"]["host/db:certificate"]["outputs"]
    assert "`iam-ra state list`" in world.run("state", "show", "host/nobody").expect(1).said
    assert json.loads(world.run("state", "pull").expect().stdout) == world.state
    on_disk = sorted(str(path.relative_to(world.root)) for path in world.root.glob("exports/*/*"))
    assert data(world, "state", "files") == {"files": on_disk}
    assert world.run("state", "files").expect().stdout.splitlines() == on_disk

    history = data(world, "state", "history")
    assert [run["operation"] for run in history["runs"]] == ["apply", "apply"]
    assert all(run["counts"]["failed"] == 0 and "plan" not in run for run in history["runs"])
    assert [each["serial"] for each in history["versions"]] == list(range(world.state["serial"], 0, -1))

    changed = {
        each["address"]: each["change"]
        for each in data(world, "state", "diff", str(first["serial"]))["parts"]
    }
    assert changed["host/db:certificate"] == "+"
    assert changed["role/reader:stack"] == "~"
    assert "host/web:certificate" not in changed
    text = world.run("state", "diff", str(first["serial"])).expect().stdout
    assert "~ role/reader:stack  inputs.trust" in text
    assert "there is no state with serial 999" in world.run("state", "restore", "999", "--yes").expect(1).said

    serial = world.state["serial"]
    world.run("state", "restore", str(first["serial"])).expect(4)
    assert data(world, "state", "restore", str(first["serial"]), "--yes") == {
        "restored": first["serial"],
        "serial": serial + 1,
    }
    assert world.state["parts"] == first["parts"]
    assert LOCK not in world.objects
    # What the older state does not know is found by looking.
    world.apply()
    world.settled()


def test_a_damaged_state_is_put_back_from_its_versions(world: World) -> None:
    world.write(content("web"))
    world.apply()
    good = world.state
    world.put("default/state.json", b"{")
    assert "the state cannot be read" in world.run("plan").expect(1).said
    assert data(world, "state", "history")["versions"][0]["serial"] is None
    world.run("state", "restore", str(good["serial"]), "--yes").expect()
    assert world.state["parts"] == good["parts"]
    world.settled()
    world.remove("default/state.json")
    assert "`iam-ra state restore SERIAL`" in world.run("state", "list").expect(1).said
    world.run("state", "restore", str(good["serial"]), "--yes").expect()
    world.settled()


def test_a_lock_is_shown_unlocked_waited_for_and_taken_over(world: World) -> None:
    world.write(content("web"))
    world.apply()
    lock = held(world, datetime.now(UTC) + timedelta(minutes=2))
    assert data(world, "state", "lock") == {"lock": lock}
    assert "eve@laptop holds it for apply" in world.run("state", "lock").expect().stdout
    refused = world.run("apply", "--yes").expect(4).said
    assert "eve@laptop" in refused
    assert "`iam-ra unlock 7b5f2f2c`" in refused
    assert "not the lock" in world.run("unlock", "another").expect(4).said
    assert "state lock" in world.run("unlock").expect(64).said
    assert "eve@laptop" in world.run("unlock", "7b5f2f2c").expect().stdout
    assert LOCK not in world.objects
    assert "nobody holds the lock" in world.run("unlock", "7b5f2f2c").expect(4).said

    # Past its lease by S3's clock, a lock is nobody's.
    held(world, datetime.now(UTC) - timedelta(seconds=5))
    world.apply()
    assert LOCK not in world.objects

    held(world, datetime.now(UTC) + timedelta(seconds=4))
    waiting = world.start("apply", "--yes", "--lock-timeout", "1m")
    finish(waiting).expect()
    assert LOCK not in world.objects
    assert "--lock-timeout" in world.run("apply", "--yes", "--lock-timeout", "soon").expect(64).said
