"""`--target`, `--exclude`, `--replace`, `--allow`: a part of a plan, and what must be asked for by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from tests.e2e.world import World

SECRETS = ["secretsmanager"]


def content(*hosts: str) -> dict[str, Any]:
    return small(
        roles={"reader": {"policies": [READ_ONLY]}, "other": {"policies": [READ_ONLY]}},
        hosts={name: {"roles": ["reader"], "delivery": SECRETS} for name in hosts},
    )


def test_a_part_of_a_plan_is_made_and_the_rest_later(world: World) -> None:
    world.write(content("web", "db"))
    plan = world.plan("--target", "role/other")
    assert plan.data["partial"]
    assert set(plan.changes) == {"init:stack", "role/other:stack"}
    world.apply("--target", "role/other")
    assert "iam-ra-default-role-other" in world.stacks
    assert "iam-ra-default-role-reader" not in world.stacks
    assert "Only a part of the plan" in world.run("plan", "--exclude", "host/db").expect().stdout
    world.apply("--exclude", "host/db")
    assert "iam-ra-default-host-web" in world.stacks
    assert "iam-ra-default-host-db" not in world.stacks
    assert "neither in the file nor in the state" in world.run("plan", "--target", "host/x").expect(64).said
    path = world.folder / "plan.json"
    world.run("plan", "--target", "host/db", "-o", str(path)).expect()
    world.run("apply", str(path)).expect()
    world.settled()


def test_a_stack_is_made_anew_as_asked_and_a_trust_anchor_only_if_allowed(world: World) -> None:
    world.write(content("web"))
    world.apply()
    before = {name: stack["StackId"] for name, stack in world.stacks.items()}
    serials = world.ledger().keys()
    plan = world.plan("--replace", "host/web")
    assert plan.changes["host/web:stack"] == "replace"
    assert plan.reasons["host/web:stack"] == ("replaced as you asked",)
    world.apply("--replace", "host/web")
    after = {name: stack["StackId"] for name, stack in world.stacks.items()}
    assert {name for name in before if before[name] != after[name]} == {"iam-ra-default-host-web"}
    # The key moved through memory: nothing was issued again.
    assert world.ledger().keys() == serials
    world.settled()

    refused = world.run("apply", "--yes", "--replace", "ca/default").expect(4)
    assert "--allow replace:ca/default" in " ".join(f"{refused.stdout} {refused.said}".split())
    assert "IRA4010" in f"{refused.stdout}{refused.said}"
    assert "is not understood" in world.run("plan", "--allow", "everything").expect(64).said
    world.apply("--replace", "ca/default", "--allow", "replace:ca/default")
    world.settled()
    assert "cannot be replaced" in world.run("plan", "--replace", "init").expect(4).stdout
