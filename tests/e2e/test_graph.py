"""`iam-ra graph` with a real plan: who may become whom, and what apply would change in that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e import envelopes
from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from tests.e2e.world import Result, World

SECRETS = ["secretsmanager"]


def content(**hosts: Any) -> dict[str, Any]:
    return small(
        roles={"admin": {"policies": [READ_ONLY]}, "reader": {"policies": [READ_ONLY], "ca": "default"}},
        hosts={name: {"delivery": SECRETS, **host} for name, host in hosts.items()},
    )


def changed(result: Result) -> dict[str, str]:
    data = envelopes.data("graph", result.expect())
    return {
        **{each["address"]: each["change"] for each in data["nodes"] if each["change"]},
        **{
            f"{each['from']} {each['means']} {each['to']}": each["change"]
            for each in data["edges"]
            if each["change"]
        },
    }


def test_what_a_saved_plan_changes_is_marked(world: World) -> None:
    world.write(
        content(web={"roles": ["admin", "reader"], "default_role": "reader"}, old={"roles": ["reader"]})
    )
    assert changed(world.run("graph", "--json")) == {}
    world.apply()
    world.write(content(web={"roles": ["reader"]}, new={"roles": ["admin"]}))
    world.run("plan", "-o", "a.plan").expect()
    world.fresh = True
    assert changed(world.run("graph", "--plan", "a.plan", "--json")) == {
        "host/new": "added",
        "host/old": "deleted",
        "host/web": "changed",
        "role/admin": "changed",
        "role/reader": "changed",
        # What old had goes into its revocation list.
        "ca/default": "changed",
        "ca/default signs host/new": "added",
        "host/new may take role/admin": "added",
        "ca/default signs host/old": "deleted",
        "host/old may take role/reader": "deleted",
        "host/web may take role/admin": "deleted",
    }
    result = world.run("graph", "--plan", "a.plan", "--format", "svg", "-o", "pictures/a.svg").expect()
    assert result.stderr == "wrote pictures/a.svg\n"
    picture = (world.root / "pictures/a.svg").read_text(encoding="utf-8")
    assert "host/web may take role/admin, deleted" in picture
    assert world.run("graph", "--plan", "a.plan", "--format", "dot").expect().stdout.startswith("digraph")

    world.write(content(web={"roles": ["admin"]}))
    stale = world.run("graph", "--plan", "a.plan").expect(4)
    assert "is not as it was when the plan was made" in stale.said


def test_a_large_fleet_is_drawn_in_crowds_and_that_is_said(world: World) -> None:
    fleet = {f"web-{number}": {"roles": ["reader"]} for number in range(201)}
    world.write({**content(**fleet), "limits": {"trust_policy_size": 4096}})
    result = world.run("graph").expect()
    assert '["201 hosts<br/>' in result.stdout
    assert "warning: 402 arrows are more than the 400 that are drawn singly" in result.said
    assert "note0>" in result.stdout
    assert len(world.run("graph", "--json").expect().json["data"]["nodes"]) == 1 + 201 + 2
