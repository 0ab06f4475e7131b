"""The whole life of a namespace, from an empty folder to an empty account."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from tests.e2e.world import ACCOUNT, EXAMPLE, READ_ONLY, small

if TYPE_CHECKING:
    from tests.e2e.world import World


def content() -> dict[str, Any]:
    return small(
        roles={"admin": {"policies": []}, "reader": {"policies": [READ_ONLY]}},
        hosts={
            "web": {"roles": ["reader"], "identity": "web.example.com"},
            "db": {"roles": ["reader"], "delivery": ["secretsmanager"]},
            "edge": {"roles": ["admin", "reader"], "default_role": "reader", "delivery": ["sops"]},
        },
    )


def edit(world: World, now: dict[str, Any], expected: dict[str, str]) -> None:
    """Write the file and apply exactly these changes. What one edit left undone, the next would do too, and be red."""
    world.write(now)
    done = world.apply("--json").json["done"]
    assert {each["address"]: each["action"] for each in done} == expected


def test_from_an_empty_folder_to_an_empty_account(world: World) -> None:
    world.fresh = True
    world.write(content())
    world.run("validate").expect()
    first = world.plan()
    assert set(first.changes.values()) == {"create"}
    assert len(first.changes) == 1 + 2 + 2 + 6 + 5 + 4
    assert (
        world.run("plan")
        .expect()
        .stdout.rstrip()
        .endswith("Plan: 20 to create, 0 to update, 0 to delete, 0 unchanged.")
    )
    assert not world.wire.writes
    assert world.stacks == {}
    world.apply()
    world.settled()
    world.clone().settled()
    world.write({**content(), "roles": {**content()["roles"], "more": {"policies": []}}})
    world.run("plan", "--detailed-exitcode").expect(2)
    world.write(content())
    status = world.run("status", "--json").expect().json["data"]
    assert status["pending_changes"] == 0
    assert status["account_id"] == ACCOUNT
    assert status["roles"] == {"admin": ["host/edge"], "reader": ["host/db", "host/edge", "host/web"]}
    web = next(each for each in status["identities"] if each["entity"] == "host/web")
    assert (web["identity"], web["roles"]) == ("web.example.com", ["reader"])
    assert web["days_left"] in {364, 365}
    shown = world.run("status").expect().stdout
    assert "The world is as the file says." in shown
    assert "web.example.com" in shown

    assert set(world.leftovers()) >= {
        "stacks",
        "roles",
        "secrets",
        "buckets",
        "anchors",
        "profiles",
        "files",
        "keys",
    }
    world.run("destroy", "--yes").expect()
    assert not world.leftovers()
    assert world.plan().data["changes"] == first.data["changes"]


def test_edits_change_exactly_what_they_say(world: World) -> None:
    now = content()
    world.write(now)
    world.apply()
    ciphertexts = {path: path.read_bytes() for path in world.root.rglob("secrets/**/*.yaml")}

    now["hosts"]["db"] |= {"roles": ["admin", "reader"], "default_role": "reader"}
    edit(world, now, {"role/admin:stack": "update", "host/db:aws-config": "update", "host/db:nix": "update"})
    now["roles"]["reader"]["policies"] = ["arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"]
    edit(world, now, {"role/reader:stack": "update"})
    now["hosts"]["web"]["tags"] = {"site": "melbourne"}
    edit(world, now, {"host/web:stack": "update"})
    # Nothing of that is in a SOPS file.
    assert all(path.read_bytes() == before for path, before in ciphertexts.items())

    now["hosts"]["web"] |= {"roles": ["admin"]}
    edit(
        world,
        now,
        {
            "role/admin:stack": "update",
            "role/reader:stack": "update",
            "host/web:sops": "update",
            "host/web:aws-config": "update",
            "host/web:nix": "update",
        },
    )
    assert world.open(world.sops_file("web"))["role_arn"].endswith("/iam-ra-default-admin")
    now["hosts"]["edge"]["default_role"] = "admin"
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    edit(world, now, {f"host/edge:{part}": "update" for part in ("aws-config", "nix", "sops")})
    now["hosts"]["edge"]["sops"] = "secrets/elsewhere/edge.yaml"
    edit(world, now, {"host/edge:nix": "update", "host/edge:sops": "update"})
    assert not world.sops_file("edge").parent.exists()
    assert world.open(world.root / "secrets/elsewhere/edge.yaml")["role_arn"].endswith(
        "/iam-ra-default-admin"
    )
    world.settled()


def test_hosts_and_authorities_come_and_go(world: World) -> None:
    now = content()
    world.write(now)
    world.apply()

    now["hosts"]["new"] = {"roles": ["admin"]}
    made = {
        f"host/new:{part}": "create"
        for part in ("aws-config", "certificate", "nix", "secrets", "sops", "stack")
    }
    edit(world, now, {"role/admin:stack": "update", **made})
    of_new = world.sops_file("new")
    assert of_new.exists()
    first = world.open(of_new)["certificate"]

    del now["hosts"]["new"]
    gone = {"role/admin:stack": "update", "ca/default:revocations": "create"}
    edit(world, now, {**gone, **dict.fromkeys(made, "delete")})
    assert not of_new.parent.exists()
    assert not any("hosts/new/" in key for key in world.objects)
    # The same day, under the same name: another certificate; the ledger knows both.
    now["hosts"]["new"] = {"roles": ["admin"]}
    edit(world, now, {"role/admin:stack": "update", **made})
    assert world.open(of_new)["certificate"] != first
    assert sum(entry["identity"] == "new" for entry in world.ledger().values()) == 2

    now["certificate_authorities"] = {"default": {}, "factory": {"key": "ec-p384"}}
    edit(world, now, {"ca/factory:certificate": "create", "ca/factory:stack": "create"})
    del now["certificate_authorities"]["factory"]
    edit(world, now, {"ca/factory:certificate": "delete", "ca/factory:stack": "delete"})
    assert len(list(world.data.rglob("*.pem"))) == 1
    now["certificate_authorities"]["factory"] = {"key": "ec-p384"}
    edit(world, now, {"ca/factory:certificate": "create", "ca/factory:stack": "create"})
    now["hosts"]["new"]["ca"] = "factory"
    edit(
        world,
        now,
        {
            "role/admin:stack": "update",
            "host/new:certificate": "update",
            "host/new:secrets": "update",
            "host/new:sops": "update",
            "host/new:aws-config": "update",
            "host/new:nix": "update",
        },
    )
    assert len(list(world.data.rglob("*.pem"))) == 2
    world.settled()


def test_the_example_as_it_is(world: World) -> None:
    shutil.copy(EXAMPLE, world.file)
    world.more["AWS_DEFAULT_REGION"] = "us-west-2"  # the file's region beats it
    plan = world.plan()
    assert len(plan.changes) == 36
    assert set(plan.changes.values()) == {"create"}
    assert plan.data["summary"]["unchanged"] == 0
    applied = json.loads(world.apply("--json").stdout)
    assert applied["complete"] is True
    assert applied["summary"] == {"done": 36, "failed": 0, "skipped": 0, "unchanged": 0}
    world.clone().settled()
    assert (world.root / "secrets/factory/robot.yaml").exists()
    assert world.stacks == {}  # of the region that only the environment names
    destroyed = json.loads(world.run("destroy", "--yes", "--json").expect().stdout)
    assert destroyed["summary"]["done"] == 36
    assert not world.leftovers()
    assert world.plan().changes == plan.changes
