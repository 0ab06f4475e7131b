"""`iam-ra state rebuild`: what a lost state held is found again in AWS and in the repository; nothing is issued anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyrage
from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from tests.e2e.world import World

STATE = "default/state.json"


def file() -> dict[str, Any]:
    """Return a file with something of every kind that needs no private CA."""
    return small(
        certificate_authorities={
            "default": {},
            "sealed": {"key_store": "kms"},
            "shared": {"key_store": "sops", "validity": "5y", "key": "ec-p384"},
        },
        roles={"reader": {"policies": [READ_ONLY]}, "writer": {"policies": [], "session_duration": "2h"}},
        clusters={"prod": {"workloads": {"shop/api": {"role": "reader"}}}},
        hosts={
            "both": {"roles": ["reader", "writer"], "default_role": "reader", "protect": True},
            "vault": {"roles": ["reader"], "delivery": ["secretsmanager"], "ca": "sealed"},
            "file": {"roles": ["writer"], "delivery": ["sops"], "ca": "shared"},
            "gone": {"roles": ["reader"]},
            "old": {
                "roles": ["writer"],
                "delivery": ["age"],
                "age_recipients": [str(pyrage.x25519.Identity.generate().to_public())],
            },
        },
    )


def lose_state(world: World) -> None:
    s3, bucket = world.aws("s3"), world.bucket
    answer = s3.list_object_versions(Bucket=bucket, Prefix=STATE)
    for each in (*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())):
        s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
    assert STATE not in world.objects


def test_a_lost_state_is_made_again_and_nothing_is_issued(world: World) -> None:
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.recipients(world.identity, regex="^(secrets|manifests)/")
    content = file()
    world.write(content)
    world.apply()
    # One certificate is revoked, one in its overlap under a former name.
    del content["hosts"]["gone"]
    content["hosts"]["both"] |= {"identity": "both.example.com", "certificate": {"validity": "180d"}}
    world.write(content)
    world.apply()
    world.settled()
    before, ledger = world.state, world.ledger()
    assert "ca/default:revocations" in before["parts"]
    assert before["parts"]["host/both:certificate"]["outputs"]["earlier"]
    files = {path: path.read_bytes() for path in world.root.rglob("*") if path.is_file()}

    refused = world.run("state", "rebuild", "--yes").expect(4)
    assert "the state is not lost" in refused.said
    lose_state(world)
    for command in (("plan",), ("apply", "--yes")):
        assert "`iam-ra state rebuild`" in world.run(*command).expect(1).said
    world.wire.clear()
    assert "Found" in world.run("state", "rebuild").expect(4).said
    assert not world.wire.writes
    done = world.run("state", "rebuild", "--yes", "--json").expect().json["data"]
    assert done["missing"] == []
    assert {each.service for each in world.wire.writes} == {"s3"}

    after = world.state
    assert after["parts"] == before["parts"]
    assert after["lineage"] == before["lineage"]
    assert after["serial"] > before["serial"]
    assert world.ledger() == ledger
    assert {path: path.read_bytes() for path in world.root.rglob("*") if path.is_file()} == files
    assert "default/lock.json" not in world.objects
    world.settled()
    world.run("destroy", "--yes").expect(4)


def test_what_is_not_as_the_file_says_is_a_change_of_the_next_plan(world: World) -> None:
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.recipients(world.identity, regex="^(secrets|manifests)/")
    content = file()
    world.write(content)
    world.apply()
    serials = {each["serial"] for each in world.ledger().values()}
    lose_state(world)
    content["roles"]["reader"]["policies"] = []
    content["hosts"]["file"]["sops"] = "secrets/elsewhere.yaml"
    content["hosts"]["vault"]["certificate"] = {"validity": "90d"}
    content["hosts"]["new"] = {"roles": ["writer"]}
    world.write(content)
    done = world.run("state", "rebuild", "--yes", "--json").expect().json["data"]
    # What is exported for Nix names the SOPS file, so by the file here it is not what is there.
    assert {each for each in done["missing"] if not each.startswith("host/new:")} == {"host/file:nix"}
    plan = world.plan()
    assert plan.changes["role/reader:stack"] == "update"
    assert plan.changes["host/file:sops"] == "update"
    assert plan.changes["host/vault:certificate"] == "update"
    assert plan.changes["host/new:certificate"] == "create"
    assert (
        not {"host/both:certificate", "host/file:certificate", "ca/default:certificate"} & plan.changes.keys()
    )
    assert "delete" not in plan.changes.values()
    world.apply()
    world.settled()
    assert len(world.ledger()) == len(serials) + 2
    assert not world.sops_file("file").exists()


def test_a_state_that_can_be_read_is_made_anew_only_by_force(world: World) -> None:
    world.write(small(hosts={"web": {"roles": ["reader"], "delivery": ["secretsmanager"]}}))
    assert "its bucket is not there" in world.run("state", "rebuild", "--yes").expect(1).said
    world.apply()
    before = world.state
    world.put(STATE, b"{")
    said = world.run("state", "rebuild", "--yes").expect(4).said
    assert f"iam-ra state restore {before['serial']}" in said
    world.run("state", "rebuild", "--yes", "--force").expect()
    assert world.state["parts"] == before["parts"]
    world.settled()
