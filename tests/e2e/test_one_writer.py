"""Law 5: of applies at once one proceeds, the others are refused and say who is at work; nobody's work is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.world import READ_ONLY, finish, small

if TYPE_CHECKING:
    from tests.e2e.world import Result, World

AT_ONCE = 8


def content(*hosts: str) -> dict[str, Any]:
    return small(
        roles={"reader": {"policies": [READ_ONLY]}},
        hosts={name: {"roles": ["reader"], "delivery": ["secretsmanager"]} for name in hosts},
    )


def at_once(world: World, *options: str) -> list[Result]:
    processes = [world.start("apply", "--yes", *options) for _ in range(AT_ONCE)]
    return [finish(process) for process in processes]


def test_eight_first_applies_make_one_namespace(world: World) -> None:
    world.write(content("web", "db"))
    results = at_once(world)
    assert {result.code for result in results} <= {0, 4}, [result.said for result in results]
    assert any(result.code == 0 for result in results)
    for result in results:
        assert result.code == 0 or "another apply" in result.said, result.said
    assert "default/lock.json" not in world.objects
    # Nothing was made twice.
    owners = [entry["entity"] for entry in world.ledger().values()]
    assert sorted(owners) == ["ca/default", "host/db", "host/web"]
    world.settled()


def test_eight_applies_that_wait_are_made_one_after_the_other(world: World) -> None:
    world.write(content("web"))
    world.apply()
    world.write(content("web", "db"))
    results = at_once(world, "--lock-timeout", "5m")
    assert [result.code for result in results] == [0] * AT_ONCE, [result.said for result in results]
    owners = [entry["entity"] for entry in world.ledger().values()]
    assert sorted(owners) == ["ca/default", "host/db", "host/web"]
    world.settled()
