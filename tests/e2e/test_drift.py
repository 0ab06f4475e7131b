"""What somebody changes behind iam-ra's back: the next plan says so with its reason, and apply puts it right."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pyrage
import pytest
from tests.e2e.world import READ_ONLY, small, until

from iam_ra.sandbox import loopback
from iam_ra.sandbox.settings import Settings

if TYPE_CHECKING:
    from tests.e2e.wire import Request
    from tests.e2e.world import World

BOTH, SECRETS, SOPS = ["secretsmanager", "sops"], ["secretsmanager"], ["sops"]
STACK_CHANGED = "its stack was changed outside iam-ra"
DELETED = "was deleted outside iam-ra"
VALUE = "its secret's value was changed or deleted outside iam-ra"
KEY_LOST = "no copy of its private key can be read"


def fleet(**hosts: list[str]) -> dict[str, Any]:
    """Return a file with a host for each mishap, by how it is delivered."""
    return small(
        roles={"reader": {"policies": [READ_ONLY]}, "admin": {"policies": []}},
        hosts={
            name.replace("_", "-"): {"roles": ["reader"], "delivery": delivery}
            for name, delivery in hosts.items()
        },
    )


def certificates(world: World) -> dict[str, str]:
    return {
        address: part["outputs"]["serial"]
        for address, part in world.state["parts"].items()
        if address.startswith("host/") and address.endswith(":certificate")
    }


def change_by_hand(world: World, stack: str) -> None:
    """Begin to update a stack with another description of each resource that has one."""
    cloudformation = world.aws("cloudformation")
    template = cloudformation.get_template(StackName=stack)["TemplateBody"]
    changed = json.loads(template if isinstance(template, str) else json.dumps(template))
    for resource in changed["Resources"].values():
        if "Description" in resource["Properties"]:
            resource["Properties"]["Description"] = "by hand"
    cloudformation.update_stack(
        StackName=stack,
        TemplateBody=json.dumps(changed),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=world.stacks[stack]["Tags"],
    )


def test_stacks(world: World) -> None:
    world.write(fleet(deleted=BOTH, changed=BOTH, fine=BOTH))
    world.apply()
    before = certificates(world)
    cloudformation = world.aws("cloudformation")
    for name in ("host-changed", "role-reader"):
        change_by_hand(world, f"iam-ra-default-{name}")
    # So long as an anchor is in use by nobody's policy, AWS deletes it without a word.
    for name in ("host-deleted", "rootca"):
        cloudformation.delete_stack(StackName=f"iam-ra-default-{name}")
    until(lambda: all(not each["StackStatus"].endswith("_IN_PROGRESS") for each in world.stacks.values()))
    plan = world.plan()
    assert plan.reasons["host/changed:stack"] == (STACK_CHANGED,)
    assert plan.reasons["role/reader:stack"][-1] == STACK_CHANGED
    assert plan.reasons["host/deleted:stack"] == (DELETED,)
    assert plan.reasons["ca/default:stack"] == (DELETED,)
    assert plan.changes["host/deleted:stack"] == plan.changes["ca/default:stack"] == "create"
    # The files name the anchor.
    assert {address for address in plan.changes if address.startswith("host/fine")} == {
        "host/fine:aws-config",
        "host/fine:nix",
        "host/fine:sops",
    }
    # Hosts keep their certificates: the mirror still has the key of the one whose secret went.
    world.apply(SOPS_AGE_KEY=str(world.identity))
    world.settled()
    assert certificates(world) == before
    role = world.aws("iam").get_role(RoleName="iam-ra-default-reader")["Role"]
    assert role.get("Description") != "by hand"
    assert world.aws("rolesanywhere").list_trust_anchors()["trustAnchors"][0]["trustAnchorArn"] in json.dumps(
        role["AssumeRolePolicyDocument"]
    )


def test_secrets(world: World) -> None:
    world.write(
        fleet(
            changed=BOTH,
            scheduled=SECRETS,
            scheduled_with_file=BOTH,
            forced=SECRETS,
            forced_certificate=SECRETS,
            gone=BOTH,
        )
    )
    world.apply()
    before = certificates(world)
    keys = {host: world.secret(host, "private-key") for host in ("changed", "forced-certificate", "gone")}
    manager = world.aws("secretsmanager")

    def name(host: str, content: str) -> str:
        return f"/iam-ra/default/hosts/{host}/{content}"

    manager.put_secret_value(SecretId=name("changed", "private-key"), SecretString="mine")
    for host in ("scheduled", "scheduled-with-file"):
        manager.delete_secret(SecretId=name(host, "private-key"), RecoveryWindowInDays=7)
        manager.delete_secret(SecretId=name(host, "certificate"), RecoveryWindowInDays=7)
    for host, content in (
        ("forced", "private-key"),
        ("forced-certificate", "certificate"),
        ("gone", "certificate"),
        ("gone", "private-key"),
    ):
        manager.delete_secret(SecretId=name(host, content), ForceDeleteWithoutRecovery=True)

    plan = world.plan(SOPS_AGE_KEY=str(world.identity))
    assert plan.reasons["host/changed:secrets"] == (VALUE,)
    assert "host/changed:certificate" not in plan.changes
    assert plan.reasons["host/scheduled-with-file:secrets"] == (VALUE,)
    assert "host/scheduled-with-file:certificate" not in plan.changes
    assert plan.changes["host/forced:stack"] == "replace"
    assert plan.reasons["host/forced:stack"] == (f"secret {name('forced', 'private-key')} {DELETED}",)
    assert plan.reasons["host/forced:certificate"] == (KEY_LOST,)
    assert plan.changes["host/gone:stack"] == plan.changes["host/forced-certificate:stack"] == "replace"
    assert "host/forced-certificate:certificate" not in plan.changes
    assert "host/gone:certificate" not in plan.changes
    # Its key is in a secret that is about to go, and nobody can read it there.
    assert plan.reasons["host/scheduled:certificate"] == (KEY_LOST,)

    world.apply(SOPS_AGE_KEY=str(world.identity))
    world.settled()
    assert {host for host, serial in certificates(world).items() if before[host] != serial} == {
        "host/forced:certificate",
        "host/scheduled:certificate",
    }
    assert {host: world.secret(host, "private-key") for host in keys} == keys
    for host in ("forced", "scheduled"):
        assert (
            world.secret(host, "certificate")
            == world.ledger()[certificates(world)[f"host/{host}:certificate"]]["pem"]
        )
    assert len(world.ledger()) == 1 + 6 + 2


def test_files_and_objects(world: World) -> None:
    world.write(
        fleet(
            file_gone=BOTH,
            file_edited=BOTH,
            mirror_gone=BOTH,
            mirror_edited=BOTH,
            both_gone=BOTH,
            certificate_gone=BOTH,
            all_gone=SOPS,
            only_sops=SOPS,
            stray_mirror=SOPS,
        )
    )
    world.apply()
    before, sums = certificates(world), sha(world)
    authority = world.objects["default/ca/default/certificate.pem"]
    world.sops_file("file-gone").unlink()
    world.sops_file("file-edited").write_text("mine\n")
    world.sops_file("only-sops").unlink()
    for host in ("mirror-gone", "both-gone", "all-gone"):
        world.remove(world.key_of_mirror(host))
    world.put(world.key_of_mirror("mirror-edited"), b"mine\n")
    # What an apply leaves that is killed after it stored the mirror of a certificate that it did not record.
    stray = f"default/hosts/stray-mirror/sops-{7:040x}.yaml"
    world.put(stray, b"of another certificate\n")
    world.sops_file("both-gone").unlink()
    world.sops_file("all-gone").unlink()
    world.remove("default/ca/default/certificate.pem")
    world.remove("default/hosts/certificate-gone/certificate.pem")

    def path(host: str) -> str:
        return str(world.sops_file(host).relative_to(world.root))

    plan = world.plan()
    assert plan.reasons["host/file-gone:sops"] == (f"{path('file-gone')} was deleted",)
    assert plan.reasons["host/only-sops:sops"] == (f"{path('only-sops')} was deleted",)
    assert plan.reasons["host/file-edited:sops"] == (f"{path('file-edited')} was edited",)
    assert plan.reasons["host/mirror-gone:sops"] == ("its mirror in the bucket was deleted",)
    assert plan.reasons["host/mirror-edited:sops"] == ("its mirror in the bucket was changed",)
    assert plan.reasons["host/both-gone:sops"] == (
        f"{path('both-gone')} was deleted",
        "its mirror in the bucket was deleted",
    )
    assert plan.reasons["host/stray-mirror:sops"] == (
        "an interrupted apply left another mirror in the bucket",
    )
    assert plan.reasons["ca/default:certificate"] == ("its copy in the bucket was deleted",)
    assert plan.reasons["host/certificate-gone:certificate"] == ("its copy in the bucket was deleted",)
    assert plan.reasons["host/all-gone:certificate"] == (KEY_LOST,)
    assert {address for address in plan.changes if address.endswith("certificate")} == {
        "ca/default:certificate",
        "host/certificate-gone:certificate",
        "host/all-gone:certificate",
    }
    assert "SOPS_AGE_KEY" not in world.environ
    world.apply()
    world.settled()
    after = certificates(world)
    assert {host for host in before if before[host] != after[host]} == {"host/all-gone:certificate"}
    changed = {host for host, digest in sha(world).items() if sums[host] != digest}
    # What was lost on both sides is encrypted anew; all else came back byte for byte, with no key to open it.
    assert changed == {"both-gone", "all-gone"}
    assert world.objects["default/ca/default/certificate.pem"] == authority
    assert stray not in world.objects
    assert world.open(world.sops_file("both-gone"))["private_key"] == world.secret("both-gone", "private-key")


def sha(world: World) -> dict[str, str]:
    return {
        path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in world.root.glob("secrets/hosts/*/iam-ra.yaml")
    }


def test_recipients(world: World) -> None:
    world.write(fleet(web=BOTH))
    world.apply()
    before, other = certificates(world), pyrage.x25519.Identity.generate()
    world.recipients(world.identity, other)
    plan = world.plan()
    assert plan.changes == {"host/web:sops": "update"}
    (change,) = plan.fields("host/web:sops").items()
    assert change[0].startswith("recipients")
    assert "recipients" in world.run("plan").stdout
    with pytest.raises(Exception, match="returned non-zero"):
        world.open(world.sops_file("web"), other)
    world.apply()
    world.settled()
    assert world.open(world.sops_file("web"), other) == world.open(world.sops_file("web"))
    assert certificates(world) == before


def test_a_stack_that_was_rolled_back_is_replaced(world: World) -> None:
    world.write(fleet(web=SECRETS))
    world.cloudformation.fail_resource(
        "Role", "create", "You shall not pass", times=1, stack_name="iam-ra-default-role-reader"
    )
    result = world.run("apply", "--yes")
    assert result.code == 3
    assert "Role (AWS::IAM::Role): You shall not pass" in result.said
    assert world.stacks["iam-ra-default-role-reader"]["StackStatus"] == "ROLLBACK_COMPLETE"
    plan = world.plan()
    assert plan.changes["role/reader:stack"] == "replace"
    assert plan.reasons["role/reader:stack"] == ("its stack is in ROLLBACK_COMPLETE",)
    world.apply()
    world.settled()


def test_a_stack_that_somebody_is_changing_is_waited_for(world: World) -> None:
    now = fleet(web=SECRETS)
    world.write(now)
    world.apply()
    now["roles"]["reader"]["description"] = "Ours"
    world.write(now)
    met: list[Request] = []

    def meddle(request: Request) -> None:
        if request.operation == "UpdateStack" and not met:
            met.append(request)
            # Long enough for iam-ra's own request to come while this goes on.
            loopback.connect(world.server._app, Settings(operation_seconds=0.4))
            change_by_hand(world, "iam-ra-default-role-reader")

    world.wire.before = meddle
    try:
        said = world.apply("-v").stderr
    finally:
        loopback.connect(world.server._app, world.server.settings)
    assert met
    assert "waits for UPDATE_IN_PROGRESS" in said
    world.settled()
    assert world.aws("iam").get_role(RoleName="iam-ra-default-reader")["Role"]["Description"] == "Ours"
