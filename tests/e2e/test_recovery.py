"""What is left after a kill, a loss or an interrupt: found again, named, put right or cleared away, never passed over."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.wire import Lost
from tests.e2e.world import REGION, finish, rest, small

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.wire import Request
    from tests.e2e.world import Result, World
    from tests.forks import Running

INIT = "iam-ra-default-init"
VAULT, FILE = ["secretsmanager"], ["sops"]
ELSEWHERE = "secrets/elsewhere/edge.yaml"


def file(*hosts: str, **changes: Any) -> dict[str, Any]:
    """Return a file with some of three hosts: by default and elsewhere in a SOPS file, and in none."""
    known = {
        "web": {"roles": ["reader"], "delivery": FILE},
        "edge": {"roles": ["reader"], "delivery": FILE, "sops": ELSEWHERE},
        "db": {"roles": ["reader"], "delivery": VAULT},
    }
    return small(hosts={name: known[name] for name in hosts}, **changes)


def is_state(request: Request) -> bool:
    return request.service == "s3" and request.method == "PUT" and request.path.endswith("/state.json")


def signalled(
    world: World, sign: signal.Signals, when: Callable[[Request], bool], *command: str, again: float = 0
) -> Result:
    """Run a command, and send it a signal before the first request that `when` chooses; after `again` seconds once more."""
    processes: list[Running] = []
    sent: list[Request] = []
    ended = threading.Event()

    def watch(request: Request) -> None:
        while not processes:
            time.sleep(0.01)
        if not sent and when(request):
            sent.append(request)
            os.kill(processes[0].pid, sign)
            if sign is signal.SIGKILL:
                raise Lost
            time.sleep(again or 0.3)
            if again:
                os.kill(processes[0].pid, sign)
                ended.wait(10)

    world.wire.before = watch
    processes.append(world.start(*command))
    result = finish(processes[0])
    ended.set()
    rest(world.server)
    world.wire.clear()
    assert sent
    return result


def killed_before_it_records(world: World, *options: str) -> None:
    """Kill an apply that has made everything and recorded nothing of it but the base."""
    times: list[Request] = []

    def at_the_end(request: Request) -> bool:
        if is_state(request):
            times.append(request)
        return len(times) == 2

    result = signalled(world, signal.SIGKILL, at_the_end, "apply", "--yes", *options)
    assert result.code == -signal.SIGKILL


def unlocked(world: World, namespace: str = "default") -> None:
    world.aws("s3").delete_object(
        Bucket=world.stack_outputs(f"iam-ra-{namespace}-init")["BucketName"], Key=f"{namespace}/lock.json"
    )


def exports(world: World) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in world.root.glob("exports/aws/*.config")}


# Killed between writing and recording


@pytest.fixture
def orphaned(world: World) -> World:
    """Files and mirrors of two hosts that no state knows."""
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.write(file("web", "edge", "db"))
    killed_before_it_records(world)
    unlocked(world)
    assert set(world.state["parts"]) == {"init:stack"}
    assert world.sops_file("web").exists()
    assert (world.root / ELSEWHERE).exists()
    assert set(exports(world)) == {"web", "edge", "db"}
    return world


def test_destroy_leaves_no_files_that_nobody_recorded(orphaned: World) -> None:
    orphaned.run("destroy", "--yes").expect()
    assert not orphaned.leftovers()


def test_hosts_that_left_the_file_leave_no_files_that_nobody_recorded(orphaned: World) -> None:
    world = orphaned
    world.write(file())
    plan = world.plan()
    for host, secret in (("web", "sops"), ("edge", "sops"), ("db", "stack")):
        for part in (secret, "aws-config", "certificate", "nix"):
            assert plan.changes[f"host/{host}:{part}"] == "delete"
    world.apply()
    world.settled()
    assert not [path for name in ("secrets", "exports") for path in world.root.glob(f"{name}/**/*")]
    assert not [key for key in world.objects if key.startswith("default/hosts/")]


def test_hosts_that_stay_in_the_file_get_their_own_files_again(orphaned: World) -> None:
    orphaned.apply()
    orphaned.settled()
    assert set(exports(orphaned)) == {"web", "edge", "db"}


def test_exports_that_are_not_ours_are_neither_replaced_nor_removed(orphaned: World) -> None:
    world = orphaned
    lineage = world.stacks[INIT]["StackId"].rpartition("/")[2]
    texts = {host: data.decode() for host, data in exports(world).items()}
    spoilt = {
        "web": texts["web"].replace("region = ", "region =  "),
        "edge": texts["edge"].replace(lineage, lineage[::-1]),
        "db": "[default]\n",
    }
    for host, text in spoilt.items():
        assert text != texts[host]
        (world.root / f"exports/aws/{host}.config").write_text(text)
    refused = world.run("apply", "--yes", "--json").expect(1)
    assert {each["what"].partition(" ")[0] for each in json.loads(refused.stderr)["error"]["errors"]} == {
        f"exports/aws/{host}.config" for host in spoilt
    }
    assert "exists and iam-ra did not write it" in refused.said
    world.run("destroy", "--yes").expect()
    assert {host: data.decode() for host, data in exports(world).items()} == spoilt


def test_two_namespaces_in_one_folder_leave_each_others_exports_alone(world: World) -> None:
    world.write(file("db"))
    world.apply()
    own = exports(world)
    other = {**file("db"), "namespace": "other"}
    path = world.root / "other.yaml"
    path.write_text(json.dumps(other))
    refused = world.run("-f", "other.yaml", "apply", "--yes").expect(1)
    assert "exports/aws/db.config exists and iam-ra did not write it" in refused.said
    assert exports(world) == own
    other["hosts"] = {"far": other["hosts"]["db"]}
    path.write_text(json.dumps(other))
    killed_before_it_records(world, "-f", "other.yaml")
    unlocked(world, "other")
    assert set(exports(world)) == {"db", "far"}
    # Here each finds what is its own, recorded or not, and nothing else.
    world.settled()
    world.run("destroy", "--yes", "-f", "other.yaml").expect()
    assert exports(world) == own
    world.settled()


# Lists that lag


def test_lists_that_lag_behind_make_nothing_new(world: World) -> None:
    lists = {("secretsmanager", "ListSecrets"), ("iam", "ListRoles")}
    world.wire.lagging = lists
    world.write(small())
    world.run("plan").expect()
    world.apply()
    # The lists know of no secret and no role.
    world.settled()
    serials = world.ledger().keys()
    # From now on they know those of the former certificate.
    world.wire.clear()
    world.wire.lagging = lists
    world.settled()
    content = small()
    content["hosts"]["web"]["certificate"] = {"validity": "180d"}
    world.write(content)
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.apply()
    world.settled()
    assert len(world.ledger()) == len(serials) + 1


def test_a_role_that_is_still_listed_is_nobody_elses(world: World) -> None:
    world.write(file())
    world.apply()
    world.wire.lagging = {("iam", "ListRoles")}
    world.run("destroy", "--yes").expect()
    world.apply()
    world.settled()


def test_what_is_really_gone_is_found_where_the_list_shows_it(world: World) -> None:
    world.write(small())
    world.apply()
    name = "/iam-ra/default/hosts/web/certificate"
    world.aws("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert world.plan().changes["host/web:stack"] == "replace"


# What was deleted by hand


def empty(world: World) -> str:
    """Empty the bucket, all versions, and return its name."""
    s3, bucket = world.aws("s3"), world.bucket
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
    return bucket


def delete_stack(world: World, name: str, ending: str = "DELETE_COMPLETE") -> None:
    cloudformation = world.aws("cloudformation")
    stack_id = world.stacks[name]["StackId"]
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=name)
    end = time.monotonic() + 10
    while cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] != ending:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_bucket_that_is_gone(world: World) -> None:
    world.write(file("db", "web"))
    world.apply()
    bucket = empty(world)
    world.aws("s3").delete_bucket(Bucket=bucket)
    for command in (("plan",), ("apply", "--yes")):
        result = world.run(*command).expect(1)
        assert f"the namespace's bucket {bucket} is gone, and with it the state" in result.said
        assert "iam-ra destroy" in result.said
    world.run("destroy", "--yes").expect()
    # Whose a SOPS file is, only the bucket could have told.
    assert world.leftovers().keys() == {"files"}
    refused = world.run("apply", "--yes").expect(1)
    assert "secrets/hosts/web/iam-ra.yaml exists and iam-ra did not write it" in refused.said
    world.sops_file("web").unlink()
    world.apply()
    world.settled()


def test_a_base_whose_deletion_failed_is_not_replaced_under_its_state(world: World) -> None:
    world.write(file("db"))
    world.apply()
    world.cloudformation.fail_resource("Bucket", "delete", "Not empty", stack_name=INIT)
    delete_stack(world, INIT, "DELETE_FAILED")
    state = world.state
    for command in (("plan",), ("apply", "--yes")):
        result = world.run(*command).expect(4)
        assert "the base infrastructure cannot be replaced" in result.said
        assert "iam-ra destroy" in result.said
    assert world.state == state
    world.run("destroy", "--yes").expect()
    assert not world.leftovers()


def test_what_an_earlier_life_left_is_never_passed_over(world: World) -> None:
    world.write(file("db"))
    world.apply()
    empty(world)
    delete_stack(world, INIT)
    left = set(world.stacks)
    assert left == {f"iam-ra-default-{name}" for name in ("rootca", "role-reader", "host-db")}
    refused = [world.run(*command).expect(4) for command in (("destroy", "--yes"), ("apply", "--yes"))]
    for stack in left:
        command = f"aws cloudformation delete-stack --stack-name {stack} --region {REGION}"
        for each in refused:
            assert command in each.said
    plan = json.loads(world.run("destroy", "--yes", "--json").expect(4).stdout)
    assert {each["address"] for each in plan["conflicts"]} == {
        "ca/default:stack",
        "role/reader:stack",
        "host/db:stack",
    }
    assert set(world.stacks) == left
    for stack in ("iam-ra-default-role-reader", "iam-ra-default-rootca", "iam-ra-default-host-db"):
        delete_stack(world, stack)
    world.run("destroy", "--yes").expect()
    for exported in ("aws/db.config", "nix/db.json"):
        (world.root / "exports" / exported).unlink()
    world.apply()
    world.settled()


# Interrupts


def makes_the_role(request: Request) -> bool:
    return request.operation == "CreateStack" and b"role-reader" in request.body


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_one_interrupt_ends_it_in_order(world: World, sign: signal.Signals) -> None:
    world.write(small())
    result = signalled(world, sign, makes_the_role, "apply", "--yes").expect(3)
    assert "the run was stopped" in result.said
    assert "Go on with: iam-ra apply" in result.said
    # What was in flight is done, and recorded.
    assert "role/reader:stack" in world.state["parts"]
    assert "host/web:aws-config" not in world.state["parts"]
    assert "default/lock.json" not in world.objects
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    serials = world.ledger().keys()
    world.apply()
    world.settled()
    # A certificate whose key was not delivered before the end is issued again.
    assert serials <= world.ledger().keys()


def test_two_interrupts_end_it_at_once_and_the_lock_stays(world: World) -> None:
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.write(small())
    since = time.monotonic()
    result = signalled(world, signal.SIGINT, makes_the_role, "apply", "--yes", again=0.3).expect(130)
    assert time.monotonic() - since < 10
    lock = json.loads(world.objects["default/lock.json"])
    assert f"the lock {lock['id']} stays" in result.said
    assert "Traceback" not in result.said
    # What was done by then is recorded; the rest is found.
    assert "ca/default:certificate" in world.state["parts"]
    assert lock["id"] in world.run("apply", "--yes").expect(4).said
    unlocked(world)
    world.apply()
    world.settled()


def test_an_interrupt_before_the_first_change_changes_nothing(world: World) -> None:
    world.write(file())
    world.apply()
    world.write(file("db"))
    before = world.objects.keys()
    result = signalled(world, signal.SIGTERM, lambda each: each.operation == "ListRoles", "apply", "--yes")
    assert result.expect(130).stderr.split() == ["interrupted"]
    assert world.objects.keys() == before


# A state that somebody else writes


def overtaken(world: World, seconds: float) -> Result:
    """Apply with somebody else writing each time the state is about to be; the first stack takes some seconds."""
    world.write(file(roles={}))
    world.apply()
    world.write(file("db"))
    theirs = {**world.state, "serial": 77}
    waited: list[float] = []

    def interfere(request: Request) -> None:
        if request.operation == "CreateStack" and not waited:
            waited.append(seconds)
            time.sleep(seconds)
        if is_state(request):
            world.put("default/state.json", json.dumps(theirs).encode())

    world.wire.before = interfere
    result = world.run("apply", "--yes", "--parallelism", "1").expect(3)
    world.wire.clear()
    assert "Apply incomplete:" in result.said
    assert "somebody else wrote the state meanwhile; nothing of theirs was overwritten" in result.said
    assert world.state == theirs
    assert "default/lock.json" not in world.objects
    world.apply()
    world.settled()
    return result


def test_a_state_that_somebody_else_wrote_is_not_overwritten(world: World) -> None:
    assert "the run was stopped" not in overtaken(world, 0).said


def test_a_run_whose_state_somebody_else_wrote_stops(world: World) -> None:
    # The state is written every five seconds.
    assert "the run was stopped" in overtaken(world, 5.1).said


# Failures


def test_an_update_that_was_rolled_back_is_called_so(world: World) -> None:
    world.write(file())
    world.apply()
    world.cloudformation.fail_resource("Role", "update", "No", stack_name="iam-ra-default-role-reader")
    world.write(file(roles={"reader": {"policies": []}}))
    world.run("apply", "--yes").expect(3)
    texts = world.plan().reasons["role/reader:stack"]
    assert texts == ("changed in the file", "an update of its stack failed and was rolled back")
    world.write(file())
    assert world.plan().reasons["role/reader:stack"] == ("an update of its stack failed and was rolled back",)
    world.apply()
    world.settled()


def test_a_base_that_waits_for_what_failed_says_so(world: World) -> None:
    world.write(file())
    world.apply()
    world.cloudformation.fail_resource("Role", "delete", "In use", stack_name="iam-ra-default-role-reader")
    result = world.run("destroy", "--yes", "--json").expect(3)
    skipped = {each["address"]: each["because"] for each in result.json["skipped"]}
    assert skipped["init:stack"] == ["role/reader:stack"]
    world.run("destroy", "--yes").expect()
    assert not world.leftovers()
