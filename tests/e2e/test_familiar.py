"""The commands of the 2.x series, in the order of its README: each works as it did, or says what to do instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML
from tests.e2e import envelopes
from tests.e2e.world import ACCOUNT, REGION, small
from tests.unit.cli.test_completing import complete

if TYPE_CHECKING:
    from tests.e2e.world import World

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
DEPLOY = f"arn:aws:iam::{ACCOUNT}:policy/DeployPolicy"
# Each command, the exit code that it ends with, and what it says among other things.
START = (
    ("init", 0, "Init complete: 3 created"),
    (f"role create admin --policy {ADMINISTRATOR}", 0, "Role create complete: 1 created"),
    (f"role create readonly --policy {READ_ONLY}", 0, "Role create complete: 1 created"),
    ("host onboard myhost --role admin", 0, "Next, for host/myhost:"),
)
HOSTS = (
    ("init", 0, "No changes."),
    # It was an alternative to the line before, and still is.
    ("init --ca-mode pca-new", 64, "--ca-mode contradicts iam-ra.yaml"),
    (f"role create admin --policy {ADMINISTRATOR}", 0, "No changes."),
    (f"role create deploy --policy {DEPLOY} --session-duration 7200", 0, "session_duration: 2h"),
    ("host onboard webserver --role admin", 0, "secrets/hosts/webserver/iam-ra.yaml"),
    ("host onboard ci-runner --role deploy --validity-days 90", 0, "validity: 90d"),
    ("status", 0, "host/ci-runner"),
    ("status --json", 0, '"schema_version"'),
    ("host list", 0, "ci-runner"),
    ("host offboard webserver", 0, "Host offboard complete"),
    # ci-runner has it.
    ("role delete deploy", 4, "role/deploy is in use by host/ci-runner"),
    ("host offboard ci-runner", 0, "Host offboard complete"),
    ("role delete deploy", 0, "Role delete complete: 1 deleted"),
    ("destroy --yes", 0, "Destroy complete"),
)
# `| kubectl apply -f -` stands behind the first three.
CLUSTERS = (
    ("k8s setup prod-cluster", 0, "K8s setup complete"),
    ("k8s onboard payment-service --role admin --cluster prod-cluster", 0, "K8s onboard complete"),
    ("k8s onboard api-gateway --role readonly --cluster prod-cluster -k gateway", 0, "K8s onboard complete"),
    ("k8s list", 0, "prod-cluster/gateway/api-gateway"),
    ("k8s list --cluster prod-cluster", 0, "prod-cluster/default/payment-service"),
    ("k8s offboard payment-service", 0, "K8s offboard complete"),
    # api-gateway runs there.
    ("k8s teardown prod-cluster", 4, "api-gateway"),
    ("k8s teardown prod-cluster --force", 0, "K8s teardown complete"),
)
TROUBLES = (
    ("init", 0, "Nothing to do."),
    ("role list", 0, "ReadOnlyAccess"),
    (f"role create myrole --policy {READ_ONLY}", 0, "Role create complete: 1 created"),
)
GROUPS = {
    "": ("init", "destroy", "status", "role", "host", "k8s"),
    "role": ("create", "delete", "list"),
    "host": ("onboard", "offboard", "list"),
    "k8s": ("setup", "teardown", "onboard", "offboard", "list"),
}


@pytest.fixture
def home(world: World) -> World:
    """Return a world as the README takes it: credentials, a region, SOPS, a policy of one's own, and no file."""
    world.more["AWS_REGION"] = REGION
    world.recipients(world.identity, regex=".")
    document = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
    )
    world.aws("iam").create_policy(PolicyName="DeployPolicy", PolicyDocument=document)
    return world


def run(world: World, *lists: tuple[tuple[str, int, str], ...]) -> None:
    for line, code, said in (each for one in lists for each in one):
        done = world.run(*line.split())
        assert done.code == code, f"$ iam-ra {line}\n{done.stdout}\n{done.stderr}"
        assert said in done.said, f"$ iam-ra {line}\n{done.stdout}\n{done.stderr}"
        if line.startswith(("k8s setup", "k8s onboard")):
            check_applicable(done.stdout)


def check_applicable(text: str) -> None:
    """Expect objects, and nothing else; tests/kubernetes looks at what is in them."""
    documents = list(YAML(typ="safe", pure=True).load_all(text))
    assert documents
    assert all({"apiVersion", "kind", "metadata"} <= each.keys() for each in documents)
    assert "PRIVATE KEY" not in text


def test_hosts_from_the_first_command_to_the_last(home: World) -> None:
    run(home, START, HOSTS, CLUSTERS, TROUBLES)
    # What the verbs wrote is in canonical form.
    home.run("fmt", "--check").expect()


def test_clusters_and_workloads_are_listed_from_file_and_state(home: World) -> None:
    file = small(clusters={"prod": {"workloads": {"payments/api": {"role": "reader"}}}, "lab": {}})
    home.write(file)
    home.apply()
    file["clusters"] = {"prod": {"workloads": {"payments/new": {"role": "reader", "disabled": True}}}}
    home.write(file)
    data = envelopes.data("k8s-list", home.run("k8s", "list", "--json").expect())
    assert {each["cluster"]: each["status"] for each in data["clusters"]} == {
        "prod": "to be changed",
        "lab": "to be deleted",
    }
    found = {each["workload"]: each for each in data["workloads"]}
    assert {name: each["status"] for name, each in found.items()} == {
        "prod/payments/new": "to be made",
        "prod/payments/api": "to be deleted",
    }
    assert found["prod/payments/new"]["disabled"]
    assert found["prod/payments/api"]["roles"] == ["reader"]
    lab = envelopes.data("k8s-list", home.run("k8s", "list", "--json", "--cluster", "cluster/lab").expect())
    assert (len(lab["clusters"]), lab["workloads"]) == (1, [])
    assert "name one of prod, lab" in home.run("k8s", "list", "--cluster", "nowhere").expect(64).said


def test_a_private_ca_from_the_beginning(home: World) -> None:
    run(home, (("init --ca-mode pca-new", 0, "Init complete"),))
    home.settled()


@pytest.mark.parametrize("group", GROUPS)
def test_every_command_is_there(group: str) -> None:
    assert set(GROUPS[group]) <= set(complete(f"{group} ".lstrip()))
