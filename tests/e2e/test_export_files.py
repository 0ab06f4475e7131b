"""The files of `exports/aws` as parts of their hosts: made, renewed, restored, deleted, and never a stranger's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from tests.e2e.world import World


def exported(world: World, host: str = "web") -> Path:
    return world.root / f"exports/aws/{host}.config"


def test_the_life_of_a_file(world: World) -> None:
    now = small(
        roles={name: {"policies": [READ_ONLY]} for name in ("admin", "default", "reader")},
        hosts={
            "web": {"roles": ["admin", "default"], "default_role": "default", "delivery": ["secretsmanager"]},
            "db": {"roles": ["admin"], "delivery": ["secretsmanager"]},
        },
    )
    world.write(now)
    world.apply()
    first = exported(world).read_text()
    assert first.endswith(world.run("export", "web").expect().stdout)

    now["hosts"]["web"] |= {"roles": ["admin", "reader"], "default_role": "admin"}
    world.write(now)
    assert world.plan().changes["host/web:aws-config"] == "update"
    world.apply()
    after = exported(world).read_text()
    assert "[profile role-default]" in first
    assert "[profile role-default]" not in after
    assert after.index("iam-ra-default-admin") < after.index("[profile ")

    for spoil, was in ((lambda path: path.write_text("mine\n"), "edited"), (Path.unlink, "deleted")):
        spoil(exported(world))
        assert world.plan().reasons == {"host/web:aws-config": (f"exports/aws/web.config was {was}",)}
        world.apply()
        assert exported(world).read_text() == after
    world.settled()

    del now["hosts"]["db"]
    now["hosts"]["new"] = {"roles": ["admin"], "delivery": ["secretsmanager"]}
    world.write(now)
    exported(world, "new").write_text("somebody else's\n")
    refused = world.run("apply", "--yes").expect(1)
    assert "exports/aws/new.config exists and iam-ra did not write it" in refused.said
    assert exported(world, "new").read_text() == "somebody else's\n"
    assert exported(world, "db").exists()
    exported(world, "new").unlink()
    world.apply()
    assert sorted(path.name for path in exported(world).parent.iterdir()) == ["new.config", "web.config"]
    world.settled()
