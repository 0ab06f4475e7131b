"""Authorities in AWS Private CA, made or found: their hosts come, renew and go, and AWS revokes by itself and later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from tests.e2e.world import World

OWN = "ca/default:revocations"


def content(**authority: Any) -> dict[str, Any]:
    return small(
        certificate_authorities={"default": {"mode": "pca-new", **authority}},
        roles={"reader": {"policies": [READ_ONLY]}, "robot": {"bind": "certificate"}},
        hosts={
            "web": {"roles": ["reader"], "delivery": ["secretsmanager"]},
            "bot": {"roles": ["reader", "robot"], "default_role": "reader", "delivery": ["secretsmanager"]},
        },
    )


def test_made_and_taken_down(world: World) -> None:
    world.write(content())
    plan = world.run("plan").expect()

    world.apply()
    world.settled()
    world.run("verify", "--all").expect()
    world.run("ca", "ledger").expect()
    now = content()
    del now["hosts"]["web"]
    world.write(now)
    world.run("plan").expect()
    world.apply()
    world.settled()
    world.run("ca", "ledger").expect()
    world.run("destroy", "--yes").expect()
    assert not world.leftovers()
