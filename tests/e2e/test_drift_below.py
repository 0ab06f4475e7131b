"""What a stranger edits below the stacks by hand: plan names it apart from changes, apply puts it back, plan is empty."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from tests.e2e.world import World

ROLE = "iam-ra-default-reader"
BILLING = "arn:aws:iam::aws:policy/job-function/Billing"
ANYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
INLINE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def fleet(**changes: Any) -> dict[str, Any]:
    return small(
        roles={
            "reader": {
                "policies": [READ_ONLY],
                "inline_policies": {"look": INLINE},
                "permissions_boundary": READ_ONLY,
                "tags": {"team": "blue"},
            },
        },
        hosts={"web": {"roles": ["reader"], "delivery": ["secretsmanager"]}},
        **changes,
    )


def drift(world: World, *arguments: str) -> dict[str, tuple[Any, Any]]:
    """Return what plan says has drifted, and expect that it says nothing else."""
    found = world.run("plan", "--json", *arguments).json
    assert found["changes"] == []
    return {
        f"{each['address']} {each['field']}": (each["expected"], each["found"]) for each in found["drift"]
    }


def edit_role(world: World) -> None:
    iam = world.aws("iam")
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(ANYBODY))
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=READ_ONLY)
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=BILLING)
    iam.delete_role_policy(RoleName=ROLE, PolicyName="look")
    iam.put_role_policy(RoleName=ROLE, PolicyName="mine", PolicyDocument=json.dumps(INLINE))
    iam.delete_role_permissions_boundary(RoleName=ROLE)
    iam.tag_role(RoleName=ROLE, Tags=[{"Key": "team", "Value": "red"}, {"Key": "owner", "Value": "me"}])
    iam.update_role(RoleName=ROLE, Description="mine", MaxSessionDuration=43200)


def edit_rolesanywhere(world: World) -> None:
    client = world.aws("rolesanywhere")
    (profile,) = client.list_profiles()["profiles"]
    client.update_profile(
        profileId=profile["profileId"],
        durationSeconds=43200,
        sessionPolicy=json.dumps(INLINE),
        managedPolicyArns=[BILLING],
        acceptRoleSessionName=True,
        roleArns=[*profile["roleArns"], "arn:aws:iam::123456789012:role/other"],
    )
    client.disable_profile(profileId=profile["profileId"])
    client.delete_attribute_mapping(profileId=profile["profileId"], certificateField="x509Issuer")
    (anchor,) = client.list_trust_anchors()["trustAnchors"]
    client.update_trust_anchor(trustAnchorId=anchor["trustAnchorId"], name="mine")
    client.disable_trust_anchor(trustAnchorId=anchor["trustAnchorId"])
    client.put_notification_settings(
        trustAnchorId=anchor["trustAnchorId"],
        notificationSettings=[{"enabled": False, "event": "CA_CERTIFICATE_EXPIRY"}],
    )


def edit_base(world: World) -> None:
    s3, kms, bucket = world.aws("s3"), world.aws("kms"), world.bucket
    key = world.stack_outputs("iam-ra-default-init")["KMSKeyArn"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_public_access_block(Bucket=bucket)
    s3.delete_bucket_lifecycle(Bucket=bucket)
    s3.delete_bucket_encryption(Bucket=bucket)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "mine", "Value": "yes"}]})
    kms.disable_key_rotation(KeyId=key)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(kms_policy(world)))
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "mine", "TagValue": "yes"}])
    secret = {"SecretId": "/iam-ra/default/hosts/web/private-key"}
    world.aws("secretsmanager").update_secret(
        **secret, KmsKeyId="alias/aws/secretsmanager", Description="mine"
    )
    world.aws("secretsmanager").tag_resource(**secret, Tags=[{"Key": "mine", "Value": "yes"}])


def kms_policy(world: World) -> dict[str, Any]:
    key = world.stack_outputs("iam-ra-default-init")["KMSKeyArn"]
    policy = json.loads(world.aws("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"].append({**policy["Statement"][0], "Sid": "Mine"})
    return dict(policy)


def test_what_strangers_edit_is_named_and_put_back(world: World) -> None:
    world.write(fleet())
    world.apply()
    world.settled()
    world.run("plan", "--drift-only").expect(0)
    edit_role(world)
    edit_rolesanywhere(world)
    edit_base(world)

    found = drift(world)
    role = {name.split(" role.")[1]: value for name, value in found.items() if " role." in name}
    assert role.pop("trust_policy")[1]["Statement"][0]["Principal"] == {"AWS": ["*"]}
    assert role == {
        f"policies.{BILLING}": (None, "attached"),
        f"policies.{READ_ONLY}": ("attached", None),
        "inline_policies.look": (role["inline_policies.look"][0], None),
        "inline_policies.mine": (None, role["inline_policies.mine"][1]),
        "permissions_boundary": (READ_ONLY, None),
        "tags.team": ("blue", "red"),
        "tags.owner": (None, "me"),
        "description": ("", "mine"),
        "max_session_duration": (3600, 43200),
    }
    assert {name.split()[1] for name in found if " role." not in name} == {
        "profile.session_duration",
        "profile.session_policy",
        "profile.managed_policies",
        "profile.accept_role_session_name",
        "profile.role_arns",
        "profile.enabled",
        "profile.attribute_mappings.x509Issuer",
        "trust_anchor.name",
        "trust_anchor.enabled",
        "trust_anchor.notifications.CA_CERTIFICATE_EXPIRY",
        "bucket.versioning",
        "bucket.policy",
        "bucket.public_access_block",
        "bucket.lifecycle",
        "bucket.encryption",
        "bucket.ownership",
        "bucket.tags.mine",
        *(f"bucket.tags.iam-ra:{name}" for name in ("namespace", "region", "address")),
        "kms_key.rotation",
        "kms_key.policy",
        "kms_key.tags.mine",
        "private_key_secret.kms_key",
        "private_key_secret.description",
        "private_key_secret.tags.mine",
    }
    said = world.run("plan", "--detailed-exitcode").expect(2).stdout
    assert "Changed outside iam-ra" in said
    assert "role.tags.team  blue → red · apply sets it back" in said
    assert "apply attaches it again" in said
    assert "No changes." not in said
    world.run("plan", "--drift-only").expect(2)

    before = world.stacks
    world.wire.clear()
    assert "puts back" in world.apply("-v").stderr
    # CloudFormation has no part in it.
    assert not [each for each in world.wire.writes if each.service == "cloudformation"]
    assert {name: each.get("LastUpdatedTime") for name, each in world.stacks.items()} == {
        name: each.get("LastUpdatedTime") for name, each in before.items()
    }
    world.settled()
    history = max(name for name in world.objects if name.startswith("default/history/"))
    assert len(json.loads(world.objects[history])["plan"]["drift"]) == len(found)
    assert world.run("apply", "--yes").expect().stdout.count("No changes.") == 1


def test_a_resource_that_is_gone_below_its_stack_is_made_again(world: World) -> None:
    world.write(fleet())
    world.apply()
    client = world.aws("rolesanywhere")
    client.delete_profile(profileId=client.list_profiles()["profiles"][0]["profileId"])
    client.delete_trust_anchor(trustAnchorId=client.list_trust_anchors()["trustAnchors"][0]["trustAnchorId"])
    # A new anchor has another ARN: hosts are locked out until they have their new files.
    assert "--allow replace:ca/default" in world.run("plan").expect(4).said
    plan = world.plan("--allow", "replace:ca/default")
    assert plan.changes["ca/default:stack"] == plan.changes["role/reader:stack"] == "replace"
    gone = {each["field"]: each["remedy"] for each in plan.data["drift"]}
    assert gone == dict.fromkeys(("trust_anchor", "profile"), "apply replaces the stack")
    world.apply("--allow", "replace:ca/default")
    world.settled()
    iam = world.aws("iam")
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=READ_ONLY)
    iam.delete_role_policy(RoleName=ROLE, PolicyName="look")
    iam.delete_role(RoleName=ROLE)
    assert [each["field"] for each in world.plan().data["drift"]] == ["role"]
    world.apply()
    world.settled()


def test_rules_bind_plan_and_apply_alike(world: World) -> None:
    rules = [
        {"address": "role/*", "fields": ["role.tags.*", "role.description"]},
        {"address": "ca/default", "fields": ["trust_anchor.notifications.*"]},
        {"address": "init", "fields": ["bucket.lifecycle"]},
    ]
    world.write(fleet(ignore_drift=rules))
    world.apply()
    edit_role(world)
    edit_rolesanywhere(world)
    found = world.run("plan", "--json").json
    ignored = {each["field"] for each in found["drift"] if each["remedy"] == "ignored"}
    assert ignored == {
        "role.tags.team",
        "role.tags.owner",
        "role.description",
        "trust_anchor.notifications.CA_CERTIFICATE_EXPIRY",
    }
    assert any("ignore_drift[2]" in each["what"] for each in found["warnings"])
    assert "role.tags.owner" not in world.run("plan").stdout
    assert "left alone by ignore_drift[0]" in world.run("plan", "-v").said
    world.apply()
    world.run("plan", "--detailed-exitcode").expect(0)
    role = world.aws("iam").get_role(RoleName=ROLE)["Role"]
    assert {each["Key"]: each["Value"] for each in role["Tags"]}["owner"] == "me"
    assert role["Description"] == "mine"
    assert role["MaxSessionDuration"] == 3600


def test_a_look_alike_is_not_touched(world: World) -> None:
    world.write(fleet())
    world.apply()
    iam = world.aws("iam")
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=READ_ONLY)
    iam.delete_role_policy(RoleName=ROLE, PolicyName="look")
    iam.delete_role(RoleName=ROLE)
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(ANYBODY), Path="/mine/")
    result = world.run("plan").expect(4)
    assert f"role {ROLE} exists that this namespace did not make" in result.said
    world.wire.clear()
    world.run("apply", "--yes").expect(4)
    assert [each for each in world.wire.writes if each.service == "iam"] == []


def test_what_may_not_be_read_is_a_warning(world: World) -> None:
    world.write(fleet())
    world.apply()
    world.aws("iam").tag_role(RoleName=ROLE, Tags=[{"Key": "team", "Value": "red"}])
    world.aws("s3").put_bucket_versioning(
        Bucket=world.bucket, VersioningConfiguration={"Status": "Suspended"}
    )
    world.wire.denied = {
        ("iam", "GetAccountAuthorizationDetails"),
        ("s3", "GetBucketVersioning"),
        ("rolesanywhere", "ListProfiles"),
    }
    result = world.run("plan", "--detailed-exitcode").expect(0)
    assert "iam:GetAccountAuthorizationDetails is not allowed" in result.said
    assert "drift of bucket.versioning cannot be seen: s3:GetBucketVersioning is not allowed" in result.said
    assert "drift of profiles cannot be seen" in result.said
    world.wire.denied = set()
    assert set(drift(world)) == {"role/reader:stack role.tags.team", "init:stack bucket.versioning"}


def test_an_edit_of_the_file_and_drift_are_made_in_one_apply(world: World) -> None:
    world.write(fleet())
    world.apply()
    edit_role(world)
    content = fleet()
    content["roles"]["reader"]["description"] = "Ours"
    del content["roles"]["reader"]["inline_policies"]
    world.write(content)
    plan = world.plan()
    assert plan.changes == {"role/reader:stack": "update"}
    assert "role.description" in {each["field"] for each in plan.data["drift"]}
    world.apply()
    world.settled()
    iam = world.aws("iam")
    assert iam.get_role(RoleName=ROLE)["Role"]["Description"] == "Ours"
    assert iam.list_role_policies(RoleName=ROLE)["PolicyNames"] == []


def test_what_strangers_do_to_the_key_of_an_authority_is_put_back(world: World) -> None:
    world.write(small(roles={}, hosts={}, certificate_authorities={"default": {"key_store": "kms"}}))
    world.apply()
    world.settled()
    kms = world.aws("kms")
    key = world.stack_outputs("iam-ra-default-key-1-default")["KeyArn"]
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    # Whoever may sign with it may make certificates for every role.
    stranger = {
        **policy["Statement"][0],
        "Sid": "Mine",
        "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
    }
    policy["Statement"].append(stranger)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    kms.disable_key(KeyId=key)
    found = drift(world)
    assert set(found) == {"ca/default:key kms_key.policy", "ca/default:key kms_key.state"}
    assert found["ca/default:key kms_key.state"] == ("Enabled", "Disabled")
    world.apply()
    world.settled()
    assert "999999999999" not in kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]


def test_a_role_goes_with_what_strangers_gave_it(world: World) -> None:
    world.write(fleet())
    world.apply()
    iam = world.aws("iam")
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=BILLING)
    iam.put_role_policy(RoleName=ROLE, PolicyName="mine", PolicyDocument=json.dumps(INLINE))
    world.write(small(roles={}, hosts={}))
    # What it took away is said.
    assert "mine" in world.apply("-v").stderr
    assert ROLE not in {each["RoleName"] for each in iam.list_roles()["Roles"]}
    world.settled()


def test_a_plan_from_the_state_alone_reads_nothing_else(world: World) -> None:
    content = fleet(certificate_authorities={"default": {}, "vault": {"key_store": "kms"}})
    content["hosts"]["web"]["delivery"] = ["secretsmanager", "sops"]
    world.write(content)
    world.apply()
    edit_role(world)
    world.wire.clear()
    result = world.run("plan", "--refresh=false", "--detailed-exitcode").expect(0)
    assert "No changes." in result.stdout
    assert "made from the state alone" in result.said
    assert {service for service, _ in world.wire.counts} == {"sts", "s3", "cloudformation"}
    content["roles"]["reader"]["description"] = "Ours"
    world.write(content)
    assert world.plan("--refresh=false").changes == {"role/reader:stack": "update"}
    # What is made is made from what is there.
    assert "no such option" in world.run("apply", "--refresh=false", "--yes").expect(64).said.lower()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--drift-only", "--refresh=false"),
        ("--drift-only", "--only", "renewals"),
        ("--refresh=false", "-o", "plan.json"),
        ("--drift-only", "-o", "plan.json"),
    ],
)
def test_options_that_contradict_each_other(world: World, arguments: tuple[str, ...]) -> None:
    world.write(fleet())
    assert "contradict each other" in world.run("plan", *arguments).expect(64).said
