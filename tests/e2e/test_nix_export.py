"""The files of `exports/nix` as parts of their hosts: made, renewed, restored, deleted, and never a stranger's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from tests.e2e.test_recovery import killed_before_it_records, unlocked
from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from tests.e2e.world import World

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schema/host-outputs.schema.json").read_text())
VAULT = ["secretsmanager"]
ROLES = {name: {"policies": [READ_ONLY]} for name in ("admin", "default", "reader")}


def exported(world: World, host: str = "web") -> Path:
    return world.root / f"exports/nix/{host}.json"


def outputs(world: World, host: str = "web") -> dict[str, Any]:
    text = exported(world, host).read_text()
    assert "PRIVATE KEY" not in text
    found: dict[str, Any] = json.loads(text)
    jsonschema.validate(found, SCHEMA, format_checker=jsonschema.FormatChecker())
    return found


def test_it_says_what_was_made(world: World) -> None:
    hosts = {
        "web": {"roles": ["admin", "default"], "default_role": "default"},
        "db": {"roles": ["reader"], "delivery": VAULT},
    }
    world.write(small(roles={**ROLES, "reader": {"session_duration": "30m"}}, hosts=hosts))
    world.apply()
    web, db = outputs(world), outputs(world, "db")
    assert web["certificate"]["pem"] == world.objects["default/hosts/web/certificate.pem"].decode()
    assert web["certificate"]["serial"] in world.ledger()
    assert web["privateKey"]["sops"] == {"file": "secrets/hosts/web/iam-ra.yaml", "key": "private_key"}
    assert "private_key" in world.open(world.root / web["privateKey"]["sops"]["file"])
    assert (web["fleet"], web["host"], web["defaultProfile"]) == ("default", "web", "default")
    assert web["trustAnchorArn"] == world.stack_outputs("iam-ra-default-rootca")["TrustAnchorArn"]
    role = world.stack_outputs("iam-ra-default-role-admin")
    assert web["profiles"]["admin"] == {
        "awsProfileName": "admin",
        "roleArn": role["RoleArn"],
        "profileArn": role["ProfileArn"],
        "sessionDuration": 3600,
    }
    assert web["profiles"]["default"]["awsProfileName"] == "role-default"
    assert db["privateKey"] == {"path": "/run/secrets/iam-ra/key"}
    assert db["profiles"]["reader"]["sessionDuration"] == 1800


def test_the_life_of_a_file(world: World) -> None:
    now = small(roles=ROLES, hosts={name: {"roles": ["admin"], "delivery": VAULT} for name in ("web", "db")})
    world.write(now)
    world.apply()
    first = outputs(world)

    now["hosts"]["web"]["certificate"] = {"validity": "180d"}
    world.write(now)
    assert world.plan().changes["host/web:nix"] == "update"
    world.apply()
    after, text = outputs(world), exported(world).read_text()
    assert after["certificate"]["serial"] != first["certificate"]["serial"]
    assert after["certificate"]["pem"] == world.secret("web", "certificate")
    assert after["stamp"]["lineage"] == first["stamp"]["lineage"]

    for spoil, was in ((lambda path: path.write_text("mine\n"), "edited"), (Path.unlink, "deleted")):
        spoil(exported(world))
        assert world.plan().reasons == {"host/web:nix": (f"exports/nix/web.json was {was}",)}
        world.apply()
        assert exported(world).read_text() == text
    world.settled()

    del now["hosts"]["db"]
    now["hosts"]["new"] = {"roles": ["admin"], "delivery": VAULT}
    world.write(now)
    exported(world, "new").write_text("somebody else's\n")
    refused = world.run("apply", "--yes").expect(1)
    assert "exports/nix/new.json exists and iam-ra did not write it" in refused.said
    assert exported(world, "new").read_text() == "somebody else's\n"
    assert exported(world, "db").exists()
    exported(world, "new").unlink()
    world.apply()
    assert sorted(path.name for path in exported(world).parent.iterdir()) == ["new.json", "web.json"]
    world.settled()


def test_a_certificate_that_somebody_put_into_the_bucket_is_not_exported(world: World) -> None:
    world.write(small(hosts={name: {"roles": ["reader"], "delivery": VAULT} for name in ("web", "db")}))
    world.apply()
    before = exported(world).read_text()
    world.put("default/hosts/web/certificate.pem", world.objects["default/hosts/db/certificate.pem"])
    exported(world).unlink()
    world.apply()
    assert exported(world).read_text() == before


def test_files_that_nobody_recorded_are_found_by_their_mark(world: World) -> None:
    now = small(hosts={name: {"roles": ["reader"], "delivery": VAULT} for name in ("web", "db")})
    world.write(now)
    killed_before_it_records(world)
    unlocked(world)
    assert "host/web:nix" not in world.state["parts"]
    assert exported(world, "db").exists()
    del now["hosts"]["db"]
    world.write(now)
    assert world.plan().changes["host/db:nix"] == "delete"
    world.apply()
    world.settled()
    assert [path.name for path in exported(world).parent.iterdir()] == ["web.json"]
    world.run("destroy", "--yes").expect()
    assert not world.leftovers()


def test_files_that_git_does_not_know_are_named_once(world: World) -> None:
    hosts: dict[str, Any] = {"web": {"roles": ["reader"], "delivery": ["sops"]}}
    world.write(small(hosts=hosts))
    said = world.apply().said
    named = "Nix flakes do not see 2 new files until git does: git add -N exports/nix/web.json secrets/hosts/web/iam-ra.yaml"
    assert named in said
    world.git("add", "-N", "exports", "secrets")
    exported(world).write_text("spoilt")
    assert "flakes" not in world.apply().said
    hosts["db"] = {"roles": ["reader"], "delivery": VAULT}
    world.write(small(hosts=hosts))
    assert "flakes do not see 1 new file until git does: git add -N exports/nix/db.json" in world.apply().said
    hosts |= dict.fromkeys(("n1", "n2", "n3", "n4"), hosts["db"])
    world.write(small(hosts=hosts))
    said = world.apply().said
    assert "flakes do not see 4 new files until git does: git add -N exports" in said
    assert "exports/nix" not in said


@pytest.mark.parametrize("hide", ["repository", "git"])
def test_without_git_nothing_is_said_of_it(world: World, hide: str) -> None:
    world.write(small(hosts={"web": {"roles": ["reader"], "delivery": VAULT}}))
    if hide == "repository":
        (world.root / ".git").rename(world.folder / "not-git")
    else:
        world.more["PATH"] = "/nowhere"
    assert "flakes" not in world.apply().said
