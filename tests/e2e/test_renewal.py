"""The renewal of hosts' certificates by the sandbox's clock: on time, ahead, at a wish, unwatched, and one host's overlap."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e import envelopes
from tests.e2e.holders import Holder
from tests.e2e.test_survives import Killer
from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from tests.e2e.world import World


def content() -> dict[str, Any]:
    return small(
        roles={"reader": {"policies": [READ_ONLY]}, "other": {"policies": []}},
        hosts={"web": {"roles": ["reader"]}, "db": {"roles": ["reader"], "delivery": ["sops"]}},
    )


def ledger(world: World, *arguments: str) -> dict[str, list[str]]:
    """Return the statuses of each entity's certificates, from old to new."""
    data = envelopes.data("ledger", world.run("ca", "ledger", "--json", *arguments).expect())
    found: dict[str, list[str]] = {}
    for each in data["certificates"]:
        found.setdefault(each["entity"], []).append(each["status"])
    return found


def revocations(world: World) -> list[dict[str, str]]:
    listed: dict[str, dict[str, str]] = world.state["parts"]["ca/default:revocations"]["inputs"]["revoked"]
    return [{"serial": serial, **each} for serial, each in listed.items()]


def causes(world: World, *arguments: str) -> dict[str, list[str]]:
    plan = world.plan(*arguments)
    return {each["address"]: [reason["cause"] for reason in each["reasons"]] for each in plan.data["changes"]}


def test_a_renewal_from_afar_to_the_end_of_its_overlap(world: World) -> None:
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.write(content())
    world.apply()
    first = world.state["parts"]["host/web:certificate"]["outputs"]["serial"]

    # Looked at from today, with the day in text and JSON.
    due = world.plan().data["next_due"]
    assert due["address"] == "host/db:certificate"
    ahead = world.plan("--now", "+310d")
    assert ahead.data["ahead"][:10] > ahead.data["timestamp"][:10]
    assert ahead.changes == {
        f"host/{host}:{part}": "update"
        for host, parts in (
            ("web", ("certificate", "nix", "secrets", "sops")),
            ("db", ("certificate", "nix", "sops")),
        )
        for part in parts
    }
    assert "A look ahead to" in world.run("plan", "--now", due["when"]).expect().stdout
    assert "is past" in world.run("plan", "--now", "2020-01-01").expect(64).stderr
    status = envelopes.data("status", world.run("status", "--json").expect())
    assert status["next_due"] == due
    world.settled()

    world.server.turn_clock("+310d")
    assert causes(world)["host/web:certificate"] == ["renewal"]
    world.apply("--only", "renewals")
    world.settled()
    world.run("verify", "--all").expect()
    assert ledger(world) == {
        "ca/default": ["valid"],
        "host/db": ["overlap", "valid"],
        "host/web": ["overlap", "valid"],
    }
    # Both hosts were seen with their new certificates: what they had before goes now, not in a month.
    assert causes(world) == {"ca/default:revocations": ["overlap_over"]}
    world.apply("--only", "renewals")
    world.settled()
    found = ledger(world)
    assert found["host/web"] == found["host/db"] == ["revoked", "valid"]
    (listed,) = {each["reason"] for each in revocations(world)}
    assert listed == "superseded"
    assert first in {each["serial"] for each in revocations(world)}
    world.run("verify", "--all").expect()


def test_a_renewal_at_a_wish(world: World) -> None:
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.write(content())
    world.apply()
    before = Holder.of(world, "web")

    for arguments, text in (
        (("--renew", "web"), "did you mean host/web?"),
        (("--renew", "host/wed"), "did you mean host/web"),
        (("--renew", "host/nothing-like-it"), "write host/NAME, ca/NAME or cluster/NAME"),
        (("--keep-old",), "says nothing without --renew"),
        (("--renew", "host/web", "--only", "renewals"), "contradict each other"),
    ):
        assert text in world.run("plan", *arguments).expect(64).said

    assert causes(world, "--renew", "host/web", "--keep-old")["host/web:certificate"] == ["requested"]
    world.apply("--renew", "host/web", "--keep-old")
    world.settled()
    assert ledger(world)["host/web"] == ["overlap", "valid"]
    between = Holder.of(world, "web")
    assert before.opens("reader")

    world.apply("--renew", "host/web")
    world.settled()
    # Whoever had the key that is lost may have had the one before it.
    assert ledger(world)["host/web"] == ["revoked", "revoked", "valid"]
    assert {each["reason"] for each in revocations(world)} == {"key_compromise"}
    assert "revoked" in before.refusal("reader")
    assert "revoked" in between.refusal("reader")
    assert Holder.of(world, "web").opens("reader")
    world.run("verify", "--all").expect()
    assert ledger(world, "--ca", "default")["host/db"] == ["valid"]
    assert "there is no ca/edge" in world.run("ca", "ledger", "--ca", "edge").expect(64).said
    text = world.run("ca", "ledger", "-v").expect().stdout
    assert "3 valid, 2 revoked" in text
    run = {each["run"] for each in world.ledger().values()}
    history = [key.rpartition("-")[2].removesuffix(".json") for key in world.objects if "/history/" in key]
    assert {each[:8] for each in run} == set(history)


def test_an_unwatched_run_leaves_edits_alone_and_says_what_it_could_not_do(world: World) -> None:
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.write(content())
    world.apply()
    now = content()
    now["roles"]["reader"]["description"] = "Edited"
    world.write(now)
    result = world.run("apply", "--yes", "--only", "renewals").expect()
    assert "Nothing to do." in result.stdout
    assert "Only a part of the plan: 1 change left out." in result.stdout

    world.server.turn_clock("+310d")
    now["hosts"]["db"]["certificate"] = {"validity": "180d"}
    world.write(now)
    plan = world.plan("--only", "renewals")
    assert set(plan.changes) == {f"host/web:{part}" for part in ("certificate", "nix", "secrets", "sops")}
    assert plan.data["partial"] is True
    assert set(plan.data["left_out"]) == {
        "role/reader:stack",
        *(f"host/db:{part}" for part in ("certificate", "nix", "sops")),
    }
    result = world.run("apply", "--yes", "--only", "renewals").expect(3)
    assert "host/db is due, but has other changes too (certificate)" in result.said
    assert set(world.plan().changes) == set(plan.data["left_out"])
    world.apply()
    world.run("verify", "--all").expect()


@pytest.mark.parametrize("seed", range(2))
def test_killed_in_a_renewal_nobody_is_locked_out(world: World, seed: int) -> None:
    """Laws 2 and 9: whoever holds the old certificate keeps its role; the new one comes; the old one goes in the end."""
    chance = random.Random(seed)  # noqa: S311 - a sample, no secret
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.write(content())
    world.apply()
    old = Holder.of(world, "web")
    world.server.turn_clock("+310d")
    killed = 0
    for _ in range(2):
        # Of some forty calls that the renewal takes.
        killer = Killer(world, chance.randint(14, 40), before=chance.random() < 0.5)
        killed += killer.run("apply", "--yes", "--only", "renewals").code == -signal.SIGKILL
        # The lease of the dead one's lock.
        world.server.turn_clock("+3m")
        assert old.opens("reader")
    assert killed
    world.apply("--only", "renewals")
    world.settled()
    assert old.opens("reader")
    # What a killed apply began counts until its overlap is over: it may have been delivered.
    assert ledger(world)["host/web"].count("valid") == 1
    world.run("verify", "--all").expect()

    # A killed revocation is made good, too; by now all that is not in use has to go.
    world.server.turn_clock("+31d")
    Killer(world, chance.randint(14, 24), before=True).run("apply", "--yes", "--only", "renewals")
    world.server.turn_clock("+3m")
    world.run("verify", "--all").expect()
    world.apply("--only", "renewals")
    world.settled()
    assert "revoked" in old.refusal("reader")
    found = ledger(world)
    assert set(found["host/web"] + found["host/db"]) <= {"revoked", "valid", "lost"}
    assert found["host/web"].count("valid") == found["host/db"].count("valid") == 1
    world.run("verify", "--all").expect()
