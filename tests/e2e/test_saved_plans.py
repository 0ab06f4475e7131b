"""`plan -o`, `show`, `apply FILE`, `apply --checksum`: what was agreed to is made, or nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.world import World

SECRETS = ["secretsmanager"]
STALE, DAMAGED = "IRA4009", "IRA1700"


def content(*hosts: str, **more: Any) -> dict[str, Any]:
    return small(
        roles={"reader": {"policies": [READ_ONLY]}, **more},
        hosts={name: {"roles": ["reader"], "delivery": SECRETS} for name in hosts},
    )


def saved(world: World, *options: str) -> Path:
    path = world.folder / "plan.json"
    world.wire.clear()
    world.run("plan", "-o", str(path), *options).expect()
    assert not world.wire.writes
    return path


def refused(world: World, path: Path, error: str, *words: str, code: int = 4) -> None:
    """Check that a plan file is refused for a reason, and that nothing is changed."""
    world.wire.clear()
    said = world.run("apply", str(path)).expect(code).said
    assert error in said
    assert all(word in " ".join(said.split()) for word in words), said
    assert not [each for each in world.wire.writes if not each.is_lock]


def test_a_saved_plan_is_shown_and_made_without_a_question(world: World) -> None:
    world.write(content("web"))
    path = saved(world)
    shown = world.run("show", str(path)).expect().stdout
    planned = world.run("plan").expect().stdout
    assert shown.split("\n\n")[1:-1] == planned.split("\n\n")[1:-1]
    assert "iam-ra apply" in shown
    as_json = world.run("show", str(path), "--json").expect().json
    again = world.run("plan", "--json").expect().json
    assert as_json["checksum"] == again["checksum"]
    assert [each["address"] for each in as_json["changes"]] == [each["address"] for each in again["changes"]]
    assert [each["fields"] for each in as_json["changes"]] == [each["fields"] for each in again["changes"]]
    assert "PRIVATE KEY" not in path.read_text()

    world.run("apply", str(path)).expect()
    world.settled()
    # The first plan is good for the first apply alone.
    refused(world, path, STALE, "something was applied since")

    world.write(content("web", "db"))
    world.run("apply", str(saved(world, "--renew", "host/web"))).expect()
    serials = {each["entity"] for each in world.ledger().values()}
    assert {"host/web", "host/db"} <= serials
    assert len([1 for each in world.ledger().values() if each["entity"] == "host/web"]) == 2
    world.settled()


def test_what_changed_meanwhile_is_named(world: World) -> None:
    world.write(content("web"))
    world.apply()
    world.write(content("web", "db"))
    path = saved(world)
    world.write(content("web", "db", other={"policies": [READ_ONLY]}))
    refused(world, path, STALE, "iam-ra.yaml is not as it was")
    world.write(content("web", "db"))
    # What the plan does not touch may change; what it touches may not.
    name = "/iam-ra/default/hosts/web/private-key"
    world.aws("secretsmanager").put_secret_value(SecretId=name, SecretString="x")
    world.aws("cloudformation").update_stack(
        StackName="iam-ra-default-role-reader",
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[*world.stacks["iam-ra-default-role-reader"]["Tags"], {"Key": "by", "Value": "hand"}],
    )
    refused(world, path, STALE, "role/reader:stack was changed meanwhile")
    path = saved(world)
    world.run("apply", str(path)).expect()
    world.settled()


def edited(document: dict[str, Any]) -> bytes:
    document["changes"][0]["action"] = "delete"
    return json.dumps(document).encode()


def newer(document: dict[str, Any]) -> bytes:
    return json.dumps({**document, "format_version": "2.0"}).encode()


def cut(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()[:-100]


def foreign(document: dict[str, Any]) -> bytes:
    del document["digest"]
    return json.dumps(document).encode()


@pytest.mark.parametrize("spoil", [edited, newer, cut, foreign])
def test_a_plan_file_that_is_none_is_refused(world: World, spoil: Callable[[dict[str, Any]], bytes]) -> None:
    world.write(content("web"))
    path = saved(world)
    path.write_bytes(spoil(json.loads(path.read_bytes())))
    refused(world, path, DAMAGED, code=1)
    assert DAMAGED in world.run("show", str(path)).expect(1).said


def test_a_plan_of_another_namespace_and_options_beside_a_plan_are_refused(world: World) -> None:
    world.write(content("web"))
    path = saved(world)
    world.write({**content("web"), "namespace": "other"})
    refused(world, path, STALE, "namespace default, not other")
    assert "is in it" in world.run("apply", str(path), "--renew", "host/web").expect(64).said
    assert "none.json" in world.run("apply", "none.json").expect(1).said


def test_a_checksum_stands_for_consent_to_one_plan(world: World) -> None:
    world.write(content("web"))
    checksum = world.run("plan", "--json").expect().json["checksum"]
    assert checksum in world.run("plan", "-v").expect().stdout
    world.run("apply", "--checksum", checksum).expect()
    world.settled()
    world.write(content("web", "db"))
    said = " ".join(world.run("apply", "--checksum", checksum).expect(4).said.split())
    assert STALE in said
    assert "host/db" in said
    again = world.run("plan", "--json").expect().json["checksum"]
    assert again in said
    world.run("apply", "--checksum", again).expect()
    world.settled()
