"""Laws 2 and 5: killed at any call, the next apply converges and nothing is orphaned; of two at once, one goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.wire import Lost
from tests.e2e.world import READ_ONLY, finish, rest, small

if TYPE_CHECKING:
    from tests.e2e.wire import Request
    from tests.e2e.world import Result, World


def first() -> dict[str, Any]:
    return small(
        roles={"reader": {"policies": [READ_ONLY]}},
        hosts={
            "both": {"roles": ["reader"]},
            "vault": {"roles": ["reader"], "delivery": ["secretsmanager"]},
            "file": {"roles": ["reader"], "delivery": ["sops"]},
        },
    )


def second() -> dict[str, Any]:
    """Change a bit of everything: a new certificate, a new host, one that goes, one that is delivered elsewhere."""
    now = first()
    now["roles"]["reader"]["policies"] = []
    now["hosts"]["both"]["certificate"] = {"validity": "180d"}
    now["hosts"]["vault"]["delivery"] = ["sops"]
    del now["hosts"]["file"]
    now["hosts"]["new"] = {"roles": ["reader"]}
    return now


class Killer:
    """Kills a process at its n-th call: before the sandbox hears of it, or after it did and before it answers."""

    def __init__(self, world: World, calls: int, *, before: bool) -> None:
        self.world, self.left, self.pid, self.before = world, calls, 0, before
        self.ready, self.guard = threading.Event(), threading.Lock()
        if before:
            world.wire.before = self.count
        else:
            world.wire.after = self.count

    def count(self, _: Request) -> None:
        self.ready.wait(10)
        with self.guard:
            self.left -= 1
            if self.left == 0:
                os.kill(self.pid, signal.SIGKILL)
                if self.before:
                    raise Lost

    def run(self, *command: str, **environ: str) -> Result:
        process = self.world.start(*command, **environ)
        self.pid = process.pid
        self.ready.set()
        result = finish(process)
        rest(self.world.server)
        self.world.wire.clear()
        return result


def unlock(world: World) -> None:
    """Do what the refusal says about the lock of somebody who is dead."""
    init = world.stacks.get("iam-ra-default-init", {})
    if init.get("Outputs") and "default/lock.json" in world.objects:
        lock = json.loads(world.objects["default/lock.json"])["id"]
        assert f"`iam-ra unlock {lock}`" in world.run("apply", "--yes").expect(4).said
        world.run("unlock", lock).expect()


def converged(world: World, content: dict[str, Any]) -> None:
    """Expect that all is as the file says, that the ledger names every certificate, and that nothing else is there."""
    world.settled()
    hosts = content["hosts"]
    vaults = {
        name for name, host in hosts.items() if "secretsmanager" in host.get("delivery", ["secretsmanager"])
    }
    files = {name for name, host in hosts.items() if "sops" in host.get("delivery", ["sops"])}
    objects = world.objects
    ledger = world.ledger()
    known = {entry["pem"] for entry in ledger.values()} - {""}
    assert objects["default/ca/default/certificate.pem"].decode() in known
    for host in hosts:
        assert objects[f"default/hosts/{host}/certificate.pem"].decode() in known
    for host in vaults:
        assert world.secret(host, "certificate").encode() == objects[f"default/hosts/{host}/certificate.pem"]
    for host in files:
        opened = world.open(world.sops_file(host))
        assert opened["certificate"].encode() == objects[f"default/hosts/{host}/certificate.pem"]
        assert objects[world.key_of_mirror(host)] == world.sops_file(host).read_bytes()
        assert host not in vaults or opened["private_key"] == world.secret(host, "private-key")
    assert world.secrets == sorted(
        f"/iam-ra/default/hosts/{host}/{part}" for host in vaults for part in ("certificate", "private-key")
    )
    expected = {
        "init",
        "rootca",
        *(f"host-{host}" for host in vaults),
        *(f"role-{role}" for role in content["roles"]),
    }
    assert set(world.stacks) == {f"iam-ra-default-{suffix}" for suffix in expected}
    # A certificate and, where there is a file, its mirror; nothing of hosts that are gone.
    assert sum(key.startswith("default/hosts/") for key in objects) == len(hosts) + len(files)
    assert {path.parent.name for path in world.root.glob("secrets/hosts/*/*")} == files
    assert {path.stem for path in world.root.glob("exports/aws/*")} == set(hosts)
    assert not [path for path in world.root.rglob("*") if path.name.endswith(".tmp")]
    assert "default/lock.json" not in objects


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_call(world: World, seed: int) -> None:
    """A life of three commands, each killed once somewhere: 12 kills in all."""
    chance = random.Random(seed)  # noqa: S311 - a sample, no secret
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    # With the number of calls that each command makes when nobody kills it.
    lives = (
        (("apply", "--yes"), first(), 54),
        (("apply", "--yes"), second(), 45),
        (("destroy", "--yes"), second(), 43),
    )
    killed = 0
    for command, content, most in lives:
        world.write(content)
        before = chance.random() < 0.5
        calls = chance.randint(most // 8, most)
        killed += Killer(world, calls, before=before).run(*command).code == -signal.SIGKILL
        unlock(world)
        world.run(*command).expect(0)
        if command[0] == "apply":
            converged(world, content)
    assert killed >= 2
    assert not world.leftovers()


def race(world: World) -> list[Result]:
    processes = [world.start("apply", "--yes") for _ in range(2)]
    return [finish(process) for process in processes]


def test_two_applies_at_once_on_an_empty_account(world: World) -> None:
    world.write(first())
    results = race(world)
    assert sorted(result.code for result in results) == [0, 4], "\n".join(
        result.stdout[-300:] + result.stderr for result in results
    )
    converged(world, first())
    assert world.stacks["iam-ra-default-init"]["StackStatus"] == "CREATE_COMPLETE"
    assert len(world.ledger()) == 4


def test_two_applies_at_once(world: World) -> None:
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.write(first())
    world.apply()
    world.write(second())
    others: list[Result] = []

    def hold(request: Request) -> None:
        # The first one has the lock and is about to change its first stack.
        if request.service == "cloudformation" and request.is_write and not others:
            world.wire.before = lambda _: None
            others.append(world.run("apply", "--yes"))

    world.wire.before = hold
    world.apply()
    (refused,) = others
    refused.expect(4)
    assert "another apply holds the lock; nothing was changed" in refused.said
    assert "holds it for apply since" in refused.said
    converged(world, second())
