"""What iam-ra declines to do, and what stops it: exit codes, words, and that nothing was touched."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.world import READ_ONLY, REGION, small

if TYPE_CHECKING:
    from tests.e2e.world import Result, World

SOPS = ["sops"]


def refused(world: World, *command: str, code: int, says: tuple[str, ...], **environ: str | None) -> Result:
    """Run a command that must end with a code and words, and change nothing."""
    world.wire.clear()
    files = snapshot(world)
    result = world.run(*command, **environ)
    assert result.code == code, result.said
    for words in says:
        assert words in result.said
    assert "Traceback" not in result.said
    assert not world.wire.writes
    assert snapshot(world) == files
    return result


def snapshot(world: World) -> dict[str, bytes]:
    folders = (world.root, world.home, world.data)
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def test_what_bears_our_name_and_is_not_ours(world: World) -> None:
    world.write(small())
    template = {
        "Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}}
    }
    cloudformation, iam = world.aws("cloudformation"), world.aws("iam")
    cloudformation.create_stack(StackName="iam-ra-default-host-web", TemplateBody=json.dumps(template))
    nobody = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}],
    }
    iam.create_role(RoleName="iam-ra-default-reader", AssumeRolePolicyDocument=json.dumps(nobody))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="iam-ra-default-host-web", WaiterConfig={"Delay": 1}
    )
    says = ("a stack named iam-ra-default-host-web exists", "an IAM role named iam-ra-default-reader exists")
    refused(world, "plan", code=4, says=says)
    refused(world, "apply", "--yes", code=4, says=says)
    plan = json.loads(refused(world, "plan", "--json", code=4, says=()).stdout)
    assert plan["applicable"] is False
    assert {each["address"] for each in plan["conflicts"]} == {"host/web:stack", "role/reader:stack"}
    # Put out of the way, they hinder no more.
    cloudformation.delete_stack(StackName="iam-ra-default-host-web")
    iam.delete_role(RoleName="iam-ra-default-reader")
    world.apply()


def test_a_strangers_file_is_left_alone(world: World) -> None:
    world.write(small())
    world.sops_file("web").parent.mkdir(parents=True)
    world.sops_file("web").write_text("mine\n")
    refused(
        world,
        "apply",
        "--yes",
        code=1,
        says=(
            "IRA4005",
            "secrets/hosts/web/iam-ra.yaml exists and iam-ra did not write it",
            "nothing was changed",
        ),
    )


def test_another_account(world: World) -> None:
    world.write(small(account_id="210987654321"))
    for command in (("plan",), ("apply", "--yes"), ("destroy", "--yes"), ("status",)):
        refused(world, *command, code=4, says=("IRA4004", "123456789012", "210987654321"))


def test_what_is_protected(world: World) -> None:
    hosts: dict[str, Any] = {"web": {"roles": ["reader"], "delivery": SOPS, "protect": True}}
    world.write(small(hosts=hosts))
    world.apply()
    refused(world, "destroy", "--yes", code=4, says=("IRA4002", "host/web is protected"))
    world.write(small(hosts={}))
    refused(world, "apply", "--yes", code=4, says=("host/web is protected",))
    hosts["web"]["protect"] = False
    world.write(small(hosts=hosts))
    # The recorded flag counts, not the one in the file.
    refused(world, "destroy", "--yes", code=4, says=("host/web is protected",))
    plan = world.plan()
    assert plan.reasons == {"host/web:certificate": ("no longer protected",)}
    world.apply()
    world.write(small(hosts={}))
    world.apply()
    world.settled()


def test_too_many_deletions_and_no_consent(world: World) -> None:
    hosts = {f"h{number}": {"roles": ["reader"], "delivery": SOPS} for number in range(12)}
    world.write(small(hosts=hosts))
    refused(world, "apply", code=4, says=("IRA4006", "--yes"))
    world.apply()
    refused(world, "destroy", code=4, says=("IRA4006", "--yes"))
    world.write(small(hosts=dict(list(hosts.items())[:6])))
    says = ("IRA4003", "6 of 15 entities", "--allow deletes:6")
    refused(world, "plan", code=4, says=says)
    refused(world, "apply", "--yes", code=4, says=says)
    refused(world, "apply", "--yes", "--allow", "deletes:5", code=4, says=says)
    refused(world, "apply", "--yes", "--allow", "six", code=64, says=("deletes:",))
    world.apply("--allow", "deletes:6")
    world.settled()
    assert len(list(world.root.glob("secrets/hosts/*"))) == 6


def test_a_lock_that_somebody_holds(world: World) -> None:
    world.write(small(hosts={}))
    world.apply()
    held = {
        "id": "7",
        "holder": "alice",
        "host": "laptop",
        "operation": "apply",
        "since": "2026-01-01T00:00:00+00:00",
        "lease_until": f"{datetime.now(UTC) + timedelta(minutes=10):%Y-%m-%dT%H:%M:%S+00:00}",
    }
    world.put("default/lock.json", json.dumps(held).encode())
    world.write(small(hosts={}, roles={}))
    for command in ("apply", "destroy"):
        says = ("IRA4001", "alice@laptop", "apply", "2026-01-01T00:00:00+00:00")
        refused(world, command, "--yes", code=4, says=says)
    world.run("plan", "--detailed-exitcode").expect(2)
    assert json.loads(world.objects["default/lock.json"]) == held
    world.remove("default/lock.json")
    world.apply()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("aply",), "did you mean 'apply'?"),
        (("apply", "--nonsense"), "--nonsense"),
        (("apply", "--parallelism", "0"), "--parallelism"),
        (("plan", "host/web"), "unexpected extra argument"),
    ],
)
def test_wrong_usage(world: World, command: tuple[str, ...], says: str) -> None:
    world.write(small())
    refused(world, *command, code=64, says=(says,))


def test_the_way_to_aws(world: World) -> None:
    world.write(small())
    refused(
        world,
        "plan",
        code=1,
        says=("IRA2001", "no AWS credentials"),
        AWS_ACCESS_KEY_ID=None,
        AWS_SECRET_ACCESS_KEY=None,
    )
    refused(world, "plan", "--profile", "nobody", code=1, says=("IRA2001", "nobody"))
    unreachable = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    answer = refused(world, "plan", "--json", code=1, says=("127.0.0.1:1",), **unreachable)
    assert json.loads(answer.stderr)["error"]["id"] == "IRA2003"
    for service, operation in (("cloudformation", "DescribeStacks"), ("secretsmanager", "ListSecrets")):
        world.wire.denied = {(service, operation)}
        result = world.run("plan")
        assert result.code == 1
        assert f"{service}:{operation} is not allowed" in result.said


def test_a_denial_in_the_middle(world: World) -> None:
    world.write(small())
    world.wire.denied = {("secretsmanager", "PutSecretValue")}
    result = world.run("apply", "--yes", "--json")
    assert result.code == 3
    (failed,) = result.json["failed"]
    assert failed["address"] == "host/web:secrets"
    assert failed["error"]["id"] == "IRA2002"
    assert "secretsmanager:PutSecretValue" in failed["error"]["what"]
    world.wire.clear()
    world.apply(SOPS_AGE_KEY=str(world.identity))
    world.settled()
    assert len(world.ledger()) == 2


def test_what_sops_needs(world: World) -> None:
    world.write(small())
    refused(
        world,
        "apply",
        "--yes",
        code=1,
        says=("IRA1200", "sops is not installed", "pip install"),
        PATH="/usr/bin:/bin",
    )
    (world.root / ".sops.yaml").write_text('{"creation_rules": [{"path_regex": "^secrets/"}]}')
    refused(world, "apply", "--yes", code=1, says=("IRA1200", "recipient", "nothing was changed"))
    world.recipients(world.identity, regex="^elsewhere/")
    refused(world, "apply", "--yes", code=1, says=("IRA1200", "No creation rule"))
    (world.root / ".sops.yaml").unlink()
    refused(world, "apply", "--yes", code=1, says=("IRA1200", ".sops.yaml", "nothing was changed"))
    assert world.stacks == {}
    # Who does without SOPS files needs none of that.
    world.write(small(hosts={"web": {"roles": ["reader"], "delivery": ["secretsmanager"]}}))
    world.apply(PATH="/usr/bin:/bin")


def test_an_authoritys_key_that_is_elsewhere(world: World) -> None:
    now = small()
    world.write(now)
    world.apply()
    other = world.clone()
    now["hosts"]["db"] = {"roles": ["reader"]}
    other.write(now)
    store = str(other.data / "iam-ra/default")
    refused(other, "apply", "--yes", code=1, says=("IRA1400", "nothing was changed"))
    assert store in other.run("apply", "--yes").stderr.replace("\n", "").replace(" ", "")
    del now["hosts"]["db"]
    now["roles"]["reader"]["description"] = "Reads"
    other.write(now)
    done = other.apply("--json").json["done"]
    assert [each["address"] for each in done] == ["role/reader:stack"]


def wrapper(world: World, script: str) -> None:
    """Put a sops of our own before the real one, which it can call as $real."""
    folder = world.folder / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / "sops"
    program.write_text(f'#!/bin/sh\nreal={world.path[-3]}/sops\n{script}\nexec $real "$@"\n')
    program.chmod(stat.S_IRWXU)
    world.path = [str(folder), *world.path[-3:]]


def test_a_sops_that_fails_for_one_host(world: World) -> None:
    hosts = {name: {"roles": ["reader"], "delivery": SOPS} for name in ("good", "poor")}
    world.write(small(hosts=hosts))
    wrapper(world, 'case "$*" in *hosts/poor/*) echo "no luck" >&2; exit 9;; esac')
    result = world.run("apply", "--yes", "--json")
    assert result.code == 3
    assert [each["address"] for each in result.json["failed"]] == ["host/poor:sops"]
    assert result.json["skipped"] == []
    assert "no luck" in json.dumps(result.json["failed"])
    assert world.sops_file("good").exists()
    assert not world.sops_file("poor").parent.exists()
    assert not any("poor/sops" in key for key in world.objects)
    assert not list(world.root.rglob("*.tmp"))
    assert world.plan().changes["host/poor:sops"] == "create"
    world.path = world.path[-3:]
    world.apply()
    world.settled()
    assert world.open(world.sops_file("poor"))["region"] == REGION


def test_a_stack_that_fails_says_why_and_skips_what_needs_it(world: World) -> None:
    world.write(small(roles={"reader": {"policies": [READ_ONLY]}, "other": {"policies": []}}))
    world.cloudformation.fail_resource(
        "TrustAnchor", "create", "No room for anchors", stack_name="iam-ra-default-rootca"
    )
    result = world.run("apply", "--yes", "--json")
    assert result.code == 3
    (failed,) = result.json["failed"]
    assert failed["address"] == "ca/default:stack"
    assert failed["error"]["id"] == "IRA2100"
    assert "TrustAnchor (AWS::RolesAnywhere::TrustAnchor): No room for anchors" in failed["error"]["why"]
    skipped = {each["address"]: each["because"] for each in result.json["skipped"]}
    assert skipped["role/reader:stack"] == ["ca/default:stack"]
    assert "role/other:stack" not in skipped
    done = {each["address"] for each in result.json["done"]}
    # Nothing is issued that no trust anchor vouches for.
    assert skipped["host/web:certificate"] == ["ca/default:stack"]
    assert {"role/other:stack", "host/web:stack"} <= done
    text = world.run("plan").expect().stdout
    assert "ROLLBACK_COMPLETE" in text
    world.apply()
    world.settled()
