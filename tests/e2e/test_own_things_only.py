"""Law 6: what is another's is neither changed nor deleted, however much it looks like ours; law 7: a plan writes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.world import World

NEIGHBOUR = "default-2"


def file(namespace: str, **changes: Any) -> dict[str, Any]:
    return small(namespace=namespace, roles={"reader": {"policies": [READ_ONLY]}}, **changes)


def look_alikes(world: World) -> None:
    """Make by hand what bears names like ours and no mark of ours."""
    body = json.dumps(
        {
            "Resources": {
                "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}
            }
        }
    )
    tags = [{"Key": "iam-ra:namespace", "Value": "default"}]
    world.aws("cloudformation").create_stack(StackName="iam-ra-default-mine", TemplateBody=body, Tags=tags)
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    world.aws("iam").create_role(
        RoleName="iam-ra-default-mine", Path="/iam-ra/default/", AssumeRolePolicyDocument=json.dumps(trust)
    )
    for name in ("/iam-ra/default/hosts/mine/private-key", "/iam-ra/default/other"):
        world.aws("secretsmanager").create_secret(Name=name, SecretString="theirs")
    world.aws("ssm").put_parameter(Name="/iam-ra/default/mine", Value="x", Type="String")
    (world.root / "exports/aws").mkdir(parents=True, exist_ok=True)
    (world.root / "exports/aws/mine.config").write_text("[default]\n")
    (world.root / "secrets/hosts/mine").mkdir(parents=True, exist_ok=True)
    (world.root / "secrets/hosts/mine/iam-ra.yaml").write_text("private_key: theirs\n")


def others(world: World, stacks: str) -> dict[str, Any]:
    """Return all that is not of the namespace `default`: of the neighbour by its stacks' names, and the look-alikes."""
    anywhere = world.aws("rolesanywhere")
    secrets = world.aws("secretsmanager")
    versions = {
        name: secrets.describe_secret(SecretId=name)["VersionIdsToStages"]
        for name in world.secrets
        if name.startswith(f"/iam-ra/{NEIGHBOUR}/") or "/mine/" in name or name.endswith("/other")
    }
    bucket = world.stack_outputs(f"{stacks}init")["BucketName"]
    listed = world.aws("s3").list_object_versions(Bucket=bucket)
    return {
        "stacks": {
            name: (each["StackId"], each["StackStatus"], each.get("LastUpdatedTime"))
            for name, each in world.stacks.items()
            if name.startswith(stacks) or name.endswith("-mine")
        },
        "roles": [
            each
            for each in world.aws("iam").list_roles()["Roles"]
            if NEIGHBOUR in each["Path"] or each["RoleName"].endswith("-mine")
        ],
        "anchors": [
            each for each in anywhere.list_trust_anchors()["trustAnchors"] if NEIGHBOUR in each["name"]
        ],
        "profiles": [each for each in anywhere.list_profiles()["profiles"] if NEIGHBOUR in each["name"]],
        "secrets": versions,
        "objects": sorted((each["Key"], each["VersionId"]) for each in listed["Versions"]),
        "parameters": [
            each["Name"]
            for each in world.aws("ssm").describe_parameters()["Parameters"]
            if NEIGHBOUR in each["Name"] or each["Name"].endswith("mine")
        ],
        "files": files(world, "mine", "far"),
    }


def files(world: World, *names: str) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in world.root.rglob("*")
        if path.is_file() and any(name in str(path.relative_to(world.root)) for name in names)
    }


def test_a_neighbour_and_look_alikes_stay_as_they_are(world: World) -> None:
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    neighbour = world.root / "far.yaml"
    neighbour.write_text(json.dumps(file(NEIGHBOUR, hosts={"far": {"roles": ["reader"]}})))
    world.apply("-f", "far.yaml")
    look_alikes(world)
    stacks = f"iam-ra-{NEIGHBOUR}-"
    before = others(world, stacks)
    assert len(before["stacks"]) == 5
    assert all(before.values())

    content = file("default", hosts={"web": {"roles": ["reader"]}, "db": {"roles": ["reader"]}})
    world.write(content)
    world.wire.clear()
    everything = files(world, "")
    world.run("plan").expect()
    assert not world.wire.writes
    assert not [each for each in world.wire.requests if each.is_lock]
    assert files(world, "") == everything

    world.apply()
    assert others(world, stacks) == before
    del content["hosts"]["db"]
    content["roles"]["reader"]["policies"] = []
    world.write(content)
    world.wire.clear()
    everything = files(world, "")
    world.run("plan").expect()
    assert not world.wire.writes
    assert files(world, "") == everything
    world.apply()
    assert others(world, stacks) == before
    world.run("destroy", "--yes").expect()
    assert others(world, stacks) == before
    assert "No changes." in world.run("-f", "far.yaml", "plan").expect().stdout
