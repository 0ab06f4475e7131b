"""What a plan is held up by and what it warns of, for people and for programs; and that nothing is cut where nobody looks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.world import READ_ONLY, small

from iam_ra.anywhere.trust_policy import policy_size

if TYPE_CHECKING:
    from tests.e2e.world import Result, World

FILE = ["sops"]


def host(**changes: Any) -> dict[str, Any]:
    return {"roles": ["reader"], "delivery": FILE, **changes}


def refused(world: World, *command: str) -> Result:
    """Run a command that must be refused and write nothing but the lock."""
    world.wire.clear()
    result = world.run(*command).expect(4)
    assert not world.wire.writes
    return result


# As programs read it


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_a_refusal_is_the_plan_with_its_refusals(world: World, command: str) -> None:
    world.write(small(hosts={"web": host(protect=True)}))
    world.apply()
    world.write(small(hosts={}))
    result = refused(world, command, "--yes", "--json")
    plan = result.json
    assert plan["applicable"] is False
    assert [each["id"] for each in plan["refusals"]] == ["IRA4002"]
    assert "host/web is protected" in plan["refusals"][0]["what"]
    assert "host/web:certificate" in {each["address"] for each in plan["changes"]}
    assert not result.stderr


def test_all_problems_before_the_first_write_are_one_object(world: World) -> None:
    world.write(small(hosts={"web": host(), "db": host()}))
    world.sops_file("web").parent.mkdir(parents=True)
    world.sops_file("web").write_text("mine\n")
    (world.root / ".sops.yaml").write_text('{"creation_rules": [{"path_regex": "^secrets/"}]}')
    result = world.run("apply", "--yes", "--json").expect(1)
    assert not world.wire.writes
    assert not result.stdout
    error = json.loads(result.stderr)["error"]
    assert error["id"] == "IRA4007"
    assert {each["id"] for each in error["errors"]} == {"IRA4005", "IRA1200"}
    assert all(each["what"] and each["fix"] for each in error["errors"])
    text = world.run("apply", "--yes").expect(1).said
    assert all(" ".join(each["what"].split()) in text for each in error["errors"])


# Locks


def test_with_another_accounts_credentials_no_lock_is_written(world: World) -> None:
    world.write(small(hosts={}))
    world.apply()
    world.write(small(hosts={}, account_id="210987654321"))
    for command in ("apply", "destroy"):
        result = refused(world, command, "--yes")
        assert "IRA4004" in result.said
        assert {service for service, _ in world.wire.counts} == {"sts"}


# Identities


def test_names_that_another_hosts_live_certificate_says(world: World) -> None:
    hosts = {"web": host(identity="one"), "db": host(identity="two")}
    world.write(small(hosts=hosts))
    world.apply()
    world.write(small(hosts={"web": host(identity="two"), "db": host(identity="three")}))
    assert "the certificate of host/db says two too, until" in refused(world, "apply", "--yes").said
    world.write(small(hosts={"web": host(identity="two"), "db": host(identity="one")}))
    plan = refused(world, "plan", "--json").json
    assert {each["address"] for each in plan["conflicts"]} == {"host/web:certificate", "host/db:certificate"}
    # Whoever is gone from the file can be followed only when it is gone from the account too.
    world.write(small(hosts={"new": host(identity="one"), "db": hosts["db"]}))
    assert "the certificate of host/web says one too" in refused(world, "apply", "--yes").said


def test_an_authority_that_a_host_still_proves_itself_by(world: World) -> None:
    authorities: dict[str, Any] = {"default": {}, "factory": {}}
    moving = host(ca="factory", certificate={"validity": "90d", "renew_before": "30d", "overlap": "7d"})
    world.write(small(certificate_authorities=authorities, hosts={"web": moving}))
    world.apply()
    stays = {**moving, "ca": "default"}
    without = small(hosts={"web": stays})
    world.write(without)
    until = f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"
    assert (
        f"host/web still proves web by it, until its overlap is over or {until}"
        in refused(world, "plan").said
    )
    world.write(small(certificate_authorities=authorities, hosts={"web": stays}))
    world.apply()
    world.write(without)
    until = f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%d}"
    assert (
        f"host/web still proves web by it, until its overlap is over or {until}"
        in refused(world, "plan").said
    )
    world.wire.now = datetime.now(UTC) + timedelta(days=8)
    plan = world.plan()
    assert plan.changes["ca/factory:certificate"] == "delete"
    assert plan.changes["role/reader:stack"] == "update"
    assert any("overlap" in reason for reason in plan.reasons["role/reader:stack"])
    result = world.run("apply", "--yes").expect()
    assert "ca/factory" in result.said
    world.settled()


def test_a_trust_policy_that_names_in_their_overlap_make_too_long(world: World) -> None:
    def content(word: str, changed: int, limit: int) -> dict[str, Any]:
        names = {f"h{n}": f"{n}.{word if n < changed else 'before'}.example.com" for n in range(3)}
        hosts = {name: host(identity=identity) for name, identity in names.items()}
        return small(hosts=hosts, limits={"trust_policy_size": limit})

    world.write(content("before", 3, 2048))
    world.apply()
    role = world.aws("iam").get_role(RoleName="iam-ra-default-reader")["Role"]
    now = policy_size(role["AssumeRolePolicyDocument"])
    one = len('"0.before.example.com",')
    # By the file alone, all of them fit.
    limit = now + one
    world.write(content("behind", 3, limit))
    world.run("validate").expect()
    for command in (("plan",), ("apply", "--yes")):
        said = refused(world, *command).said
        assert f"would have {now + 3 * one:,} characters; the limit is {limit:,}" in said
        assert "names of certificates in their overlap count too" in said
    world.write(content("behind", 1, limit))
    world.apply()


# Output


def test_what_reads_a_pipe_gets_everything(world: World) -> None:
    name, role = "a-host-with-quite-a-long-name-in-a-rack", "a-role-whose-name-is-long-too"
    identity = f"{name}.some-site.example.com"[:64]
    content = small(
        roles={role: {"policies": [READ_ONLY]}}, hosts={name: {"roles": [role], "identity": identity}}
    )
    world.write(content)
    world.apply()
    for command in (("status",), ("verify", "--all")):
        lines = world.run(*command).expect().stdout.splitlines()
        (line,) = (line for line in lines if name in line and role in line and len(line) > 80)
        assert "…" not in line
    assert identity in world.run("status").stdout
