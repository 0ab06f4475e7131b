"""The imperative verbs: each edits the file, comments kept, and applies just what the edit is about."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML
from tests.e2e.envelopes import data
from tests.e2e.world import ACCOUNT, READ_ONLY, REGION

if TYPE_CHECKING:
    from tests.e2e.world import World

FILE = f"""\
# The fleet of the shop.
version: 1
namespace: default
region: {REGION}      # Frankfurt

roles:
  reader:
    policies: [{READ_ONLY}]   # looks, does not touch

hosts:
  # The web server.
  web: {{roles: [reader], delivery: [secretsmanager]}}  # rack 7
  # the others are in another file
"""


def diff(world: World) -> list[str]:
    """Return the lines that git finds changed in the file."""
    done = subprocess.run(
        ["git", "diff", "-U0", "iam-ra.yaml"],  # noqa: S607
        cwd=world.root,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines()[4:] if not line.startswith("@@")]


def commit(world: World) -> None:
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "all")


def test_a_namespace_in_verbs_alone(world: World) -> None:
    begun = data("verb", world.run("init", "--json", AWS_REGION=REGION).expect())
    assert begun["edit"]["diff"][0] == "--- /dev/null"
    assert [each["address"] for each in begun["apply"]["done"]] == [
        "init:stack",
        "ca/default:certificate",
        "ca/default:stack",
    ]
    assert f'account_id: "{ACCOUNT}"' in world.file.read_text()
    world.settled()
    commit(world)
    world.run("role", "create", "reader", "--policy", READ_ONLY).expect()
    assert diff(world)[0] == "-roles: {}"
    commit(world)
    onboarded = data("verb", world.run("host", "onboard", "web", "--json").expect())
    assert onboarded["entities"] == ["host/web"]
    assert onboarded["apply"]["complete"]
    assert onboarded["go_on"] is None
    world.settled()
    commit(world)
    world.run("role", "create", "reader", "--session-duration", "7200").expect()
    assert diff(world) == ["+    session_duration: 2h"]
    # What follows from it on hosts that are there came along.
    world.settled()
    serials = set(world.ledger())
    renewed = data("verb", world.run("host", "renew", "web", "--json").expect())
    assert renewed["edit"] is None
    assert "ca/default:revocations" in {each["address"] for each in renewed["apply"]["done"]}
    assert len(set(world.ledger()) - serials) == 1
    world.settled()
    world.run("init", AWS_REGION=REGION).expect()
    contradicted = world.run("init", "--namespace", "other", "--region", REGION).expect(64)
    assert "--namespace contradicts iam-ra.yaml, which says default" in contradicted.said

    refused = world.run("role", "delete", "reader", "--json").expect(4)
    error = json.loads(refused.stderr)["error"]
    assert (error["id"], error["what"]) == ("IRA4000", "role/reader is in use by host/web")
    assert refused.stdout == ""
    world.run("host", "offboard", "web").expect()
    world.run("role", "delete", "reader").expect()
    world.run("ca", "setup", "factory", "--validity-years", "5").expect()
    world.run("ca", "delete", "factory").expect()
    world.settled()
    assert sorted(world.stacks) == ["iam-ra-default-init", "iam-ra-default-rootca"]
    assert world.file.read_text().endswith("hosts: {}\n")


def test_an_edit_keeps_the_file_and_applies_only_what_it_is_about(world: World) -> None:
    world.write(FILE)
    world.apply()
    commit(world)
    world.write(FILE.replace("touch\n", "touch\n  writer: {policies: [" + READ_ONLY + "]}\n"))
    commit(world)
    done = world.run("host", "onboard", "db", "--role", "reader", "--no-sops", "--scope", "default").expect()
    assert diff(world) == ["+  db: {ca: default, roles: [reader], delivery: [secretsmanager]}"]
    assert "+  db: {ca: default" in done.stdout
    assert "role/writer" not in done.said
    assert "Only a part of the plan: 1 change left out." in done.stdout
    assert set(world.plan().changes) == {"role/writer:stack"}
    again = world.run("host", "onboard", "db", "--role", "reader").expect()
    assert "iam-ra.yaml says so already." in again.stderr

    edited = data("verb", world.run("role", "delete", "writer", "--no-apply", "--json").expect())
    assert edited["apply"] is None
    assert edited["go_on"] == "iam-ra apply --target role/writer"
    world.run("role", "create", "writer", "--policy", READ_ONLY, "--ca", "nobody").expect(1)
    wrong = world.run("host", "onboard", "new", "--role", "writer").expect(1)
    assert "iam-ra.yaml is left as it is. With the edit it would have problems:" in wrong.stderr
    assert "IRA1160" in wrong.stderr
    assert "new" not in world.file.read_text()
    world.settled()

    world.run("role", "create", "writer", "--policy", READ_ONLY).expect()
    world.run("host", "onboard", "db", "--role", "writer", "--overwrite").expect()
    # The role that it had before names it no more.
    world.settled()


def test_a_failed_apply_leaves_the_edit_and_says_how_to_go_on(world: World) -> None:
    world.write(FILE)
    world.apply()
    rules = world.root / ".sops.yaml"
    kept = rules.read_text()
    rules.unlink()
    failed = world.run("host", "onboard", "db", "--json").expect(1)
    error: dict[str, Any] = json.loads(failed.stderr.splitlines()[-1])["error"]
    assert error["id"] == "IRA4007"
    assert "`iam-ra apply --target host/db` goes on with it" in error["fix"]
    assert "  db:" in world.file.read_text()
    rules.write_text(kept)
    world.run("apply", "--yes", "--target", "host/db").expect()
    world.settled()


def test_a_verb_is_the_consent_for_what_it_names_and_for_nothing_else(world: World) -> None:
    world.write(FILE)
    world.cloudformation.fail_resource(
        "Role", "create", "You shall not pass", times=1, stack_name="iam-ra-default-role-reader"
    )
    assert world.run("apply", "--yes").code == 3
    # The role's stack is to be deleted and made anew.
    refused = world.run("host", "onboard", "db").expect(4)
    assert "IRA4006" in refused.stderr
    assert "the edit of iam-ra.yaml stays: `iam-ra apply --target host/db` goes on with it" in refused.said
    world.run("host", "onboard", "db", "--yes").expect()
    # What it deletes is its own.
    world.run("host", "offboard", "db").expect()
    assert "iam-ra-default-host-db" not in world.stacks


def kinds(stdout: str) -> list[str]:
    return [each["kind"] for each in YAML(typ="safe").load_all(stdout)]


def test_a_cluster_and_its_workloads(world: World) -> None:
    world.write(FILE)
    world.recipients(world.identity, regex="")
    world.apply()
    commit(world)
    made = world.run("k8s", "setup", "prod").expect()
    assert set(kinds(made.stdout)) >= {"ClusterIssuer", "ValidatingAdmissionPolicy"}
    assert "Secret" not in kinds(made.stdout)
    assert "sops decrypt manifests/prod/ca-secret.sops.yaml |" in made.stderr
    assert diff(world) == ["+", "+clusters:", "+  prod: {}"]
    world.settled()
    commit(world)
    onboarded = world.run("k8s", "onboard", "api", "-k", "payments", "--duration-hours", "12").expect()
    assert kinds(onboarded.stdout)[-3:] == ["Certificate", "ConfigMap", "Pod"]
    # The policy that lets it ask for its name comes first.
    assert "prod.payments.api" in onboarded.stdout.partition("kind: Certificate")[0]
    assert "--cluster prod: the only cluster of the file" in onboarded.stderr
    world.settled()
    assert world.run("k8s", "teardown", "prod").expect(4).stdout == ""
    assert data("verb", world.run("k8s", "offboard", "api", "--json").expect())["entities"] == [
        "workload/prod/payments/api",
        "cluster/prod:manifests",
    ]
    world.settled()
    world.run("k8s", "onboard", "payments/api", "--no-sample-pod").expect()
    offboarded = world.run("k8s", "offboard", "prod/payments/api").expect()
    assert "kubectl delete -n payments certificate,configmap,secret api-iam-ra" in offboarded.stderr
    world.run("k8s", "teardown", "prod").expect()
    assert not (world.root / "manifests").exists()
    world.settled()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("role", "create", "new"), 64, "the role new is new, and --policy is missing"),
        (("role", "create", "reader", "--session-duration", "61"), 64, "minutes"),
        (("role", "delete", "none"), 64, "role/none is neither in the file nor in the state"),
        (("host", "onboard", "web", "--validity-days", "9"), 4, "--overwrite"),
        (("host", "onboard", "new", "--csr", "no.pem"), 1, "IRA1154"),
        (("ca", "setup", "a", "--mode", "pca-existing"), 64, "--pca-arn is missing"),
        (("ca", "delete", "default"), 4, "in use by host/web"),
        (("host", "onboard", "a b"), 1, "IRA1134"),
        (("k8s", "onboard", "api"), 64, "the file has no cluster yet"),
        (("k8s", "setup", "Prod"), 1, "IRA1134"),
        (("k8s", "offboard", "api"), 64, "no cluster of the file has a workload api"),
    ],
)
def test_refusals(standing: World, words: tuple[str, ...], code: int, said: str) -> None:
    if not standing.file.exists():
        standing.write(FILE)
    result = standing.run(*words).expect(code)
    assert said in result.said
    assert standing.file.read_text() == FILE
