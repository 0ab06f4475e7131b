"""What apply makes, read back through AWS's own interfaces."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.e2e.world import READ_ONLY, REGION, World, small

if TYPE_CHECKING:
    from collections.abc import Mapping

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"


def content() -> dict[str, Any]:
    return small(
        certificate_authorities={
            "default": {"validity": "365d", "tags": {"team": "platform"}},
            "factory": {
                "key": "rsa-2048",
                "notifications": {
                    "ca_certificate_expiry": {"enabled": True, "threshold": 90},
                    "end_entity_certificate_expiry": {"enabled": False},
                },
            },
        },
        roles={
            "reader": {
                "policies": [READ_ONLY],
                "inline_policies": {"own": POLICY},
                "permissions_boundary": BOUNDARY,
                "session_policy": POLICY,
                "session_duration": "4h",
                "accept_role_session_name": True,
                "description": "Reads",
                "tags": {"team": "web"},
            },
            "short": {"policies": [], "session_duration": "15m"},
        },
        hosts={
            "web": {"roles": ["reader"], "identity": "web.example.com", "tags": {"site": "melbourne"}},
            "robot": {
                "roles": ["reader"],
                "ca": "factory",
                "certificate": {"key": "rsa-2048", "validity": "90d"},
            },
        },
    )


def tags(given: list[dict[str, str]]) -> dict[str, str]:
    return {each.get("Key", each.get("key", "")): each.get("Value", each.get("value", "")) for each in given}


def test_everything_apply_makes(world: World) -> None:
    """One test of many looks, since each look needs the same world."""
    world.write(content())
    world.apply()
    bucket_and_key(world)
    authorities(world)
    roles(world)
    hosts(world)


def bucket_and_key(world: World) -> None:
    outputs = world.stack_outputs("iam-ra-default-init")
    s3, bucket, key = world.aws("s3"), outputs["BucketName"], outputs["KMSKeyArn"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    state = s3.head_object(Bucket=bucket, Key="default/state.json")
    assert (state["ServerSideEncryption"], state["SSEKMSKeyId"]) == ("aws:kms", key)
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4
    assert all(blocked.values())
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert sorted(statement["Resource"]) == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    days = {
        each.get("Prefix", each.get("Filter", {}).get("Prefix", "")): each["NoncurrentVersionExpiration"][
            "NoncurrentDays"
        ]
        for each in rules
    }
    assert days == {"": 365, "default/lock.json": 1}

    kms = world.aws("kms")
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    aliases = {each["AliasName"]: each.get("TargetKeyId") for each in kms.list_aliases()["Aliases"]}
    assert key.endswith(f"/{aliases['alias/iam-ra-default']}")
    ssm = world.aws("ssm")
    place = ssm.get_parameter(Name="/iam-ra/default/state-location")["Parameter"]["Value"]
    assert place == f"s3://{bucket}/default/state.json"
    assert ssm.get_parameter(Name="/iam-ra/default/kms-key")["Parameter"]["Value"] == key
    protected = {name for name, stack in world.stacks.items() if stack["EnableTerminationProtection"]}
    assert protected == {"iam-ra-default-init"}
    types = {
        each["ResourceType"]
        for name in world.stacks
        for each in world.aws("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    }
    assert not any("Lambda" in each or "Custom" in each for each in types)
    assert "default/lock.json" not in world.objects


def anchors_of(world: World) -> dict[str, Mapping[str, Any]]:
    found = world.aws("rolesanywhere").list_trust_anchors()["trustAnchors"]
    return {each["name"]: each for each in found}


def authorities(world: World) -> None:
    anchors, objects = anchors_of(world), world.objects
    assert set(anchors) == {"iam-ra-default-default", "iam-ra-default-factory"}
    for scope, anchor in ((name.rpartition("-")[2], anchor) for name, anchor in anchors.items()):
        pem = anchor["source"]["sourceData"]["x509CertificateData"].strip()
        assert pem.encode() == objects[f"default/ca/{scope}/certificate.pem"].strip()
        certificate = x509.load_pem_x509_certificate(pem.encode())
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (basic.value.ca, basic.value.path_length, basic.critical) == (True, 0, True)
        assert certificate.issuer == certificate.subject
        certificate.verify_directly_issued_by(certificate)
        assert anchor["enabled"] is True
        ledger = world.ledger()[str(certificate.serial_number)]
        assert (ledger["entity"], ledger["pem"].strip()) == (f"ca/{scope}", pem)
        own = serialization.load_pem_private_key(key_file(world, scope), password=None)
        assert public(own.public_key()) == public(certificate.public_key())
    subjects = {anchor["source"]["sourceData"]["x509CertificateData"] for anchor in anchors.values()}
    assert len(subjects) == 2
    settings = {each["event"]: each for each in anchors["iam-ra-default-factory"]["notificationSettings"]}
    assert settings["CA_CERTIFICATE_EXPIRY"]["threshold"] == 90
    assert settings["CA_CERTIFICATE_EXPIRY"]["enabled"] is True
    assert settings["END_ENTITY_CERTIFICATE_EXPIRY"]["enabled"] is False
    assert {each["configuredBy"] for each in settings.values()} != {"rolesanywhere.amazonaws.com"}
    arn = anchors["iam-ra-default-default"]["trustAnchorArn"]
    assert (
        tags(world.aws("rolesanywhere").list_tags_for_resource(resourceArn=arn)["tags"])["team"] == "platform"
    )
    for path in world.data.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def key_file(world: World, scope: str) -> bytes:
    name = "ca-private-key.pem" if scope == "default" else f"ca-private-key-{scope}.pem"
    (path,) = world.data.rglob(name)
    return path.read_bytes()


def public(key: Any) -> bytes:
    return bytes(
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def roles(world: World) -> None:
    iam, anywhere, anchors = world.aws("iam"), world.aws("rolesanywhere"), anchors_of(world)
    profiles = {each["name"]: each for each in anywhere.list_profiles()["profiles"]}
    reader, short = (iam.get_role(RoleName=f"iam-ra-default-{name}")["Role"] for name in ("reader", "short"))
    assert (reader["MaxSessionDuration"], short["MaxSessionDuration"]) == (4 * 3600, 3600)
    assert profiles["iam-ra-default-reader"]["durationSeconds"] == 4 * 3600
    assert profiles["iam-ra-default-short"]["durationSeconds"] == 15 * 60
    assert reader["Path"] == "/iam-ra/default/"
    assert reader["Description"] == "Reads"
    assert reader["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    attached = iam.list_attached_role_policies(RoleName=reader["RoleName"])["AttachedPolicies"]
    assert [each["PolicyArn"] for each in attached] == [READ_ONLY]
    own = iam.get_role_policy(RoleName=reader["RoleName"], PolicyName="own")
    assert own["PolicyDocument"] == POLICY
    of_role = tags(iam.list_role_tags(RoleName=reader["RoleName"])["Tags"])
    assert of_role["team"] == "web"
    assert (of_role["iam-ra:namespace"], of_role["iam-ra:region"]) == ("default", REGION)
    profile = profiles["iam-ra-default-reader"]
    assert profile["roleArns"] == [reader["Arn"]]
    assert profile["acceptRoleSessionName"] is True
    assert profile["enabled"] is True
    assert json.loads(profile["sessionPolicy"]) == POLICY
    assert tags(anywhere.list_tags_for_resource(resourceArn=profile["profileArn"])["tags"])["team"] == "web"

    statements = reader["AssumeRolePolicyDocument"]["Statement"]
    given = {}
    for each in statements:
        assert each["Effect"] == "Allow"
        assert each["Principal"] == {"Service": "rolesanywhere.amazonaws.com"}
        assert sorted(each["Action"]) == ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
        assert set(each["Condition"]) == {"ArnEquals", "StringEquals"}
        anchor, names = each["Condition"]["ArnEquals"], each["Condition"]["StringEquals"]
        assert (set(anchor), set(names)) == ({"aws:SourceArn"}, {"aws:PrincipalTag/x509Subject/CN"})
        given[anchor["aws:SourceArn"]] = names["aws:PrincipalTag/x509Subject/CN"]
    assert given == {
        anchors["iam-ra-default-default"]["trustAnchorArn"]: ["web.example.com"],
        anchors["iam-ra-default-factory"]["trustAnchorArn"]: ["robot"],
    }
    (nobody,) = short["AssumeRolePolicyDocument"]["Statement"]
    assert nobody["Effect"] == "Deny"


def hosts(world: World) -> None:
    manager, objects, ledger = world.aws("secretsmanager"), world.objects, world.ledger()
    key_arn = world.stack_outputs("iam-ra-default-init")["KMSKeyArn"]
    assert len(ledger) == 4
    identities = {"web": "web.example.com", "robot": "robot"}
    for host, identity in identities.items():
        pem, private = world.secret(host, "certificate"), world.secret(host, "private-key")
        leaf = x509.load_pem_x509_certificate(pem.encode())
        scope = "default" if host == "web" else "factory"
        root = x509.load_pem_x509_certificate(objects[f"default/ca/{scope}/certificate.pem"])
        leaf.verify_directly_issued_by(root)
        key = serialization.load_pem_private_key(private.encode(), password=None)
        assert public(key.public_key()) == public(leaf.public_key())
        assert [each.value for each in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [identity]
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        assert usage.digital_signature
        assert not usage.key_cert_sign
        assert not usage.crl_sign
        extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(extended) == [ExtendedKeyUsageOID.CLIENT_AUTH]
        assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert 100 < leaf.serial_number.bit_length() <= 159
        assert leaf.not_valid_after_utc <= root.not_valid_after_utc
        days = 365 if host == "web" else 90
        assert abs(leaf.not_valid_after_utc - datetime.now(UTC) - timedelta(days=days)) < timedelta(hours=1)
        serial = str(leaf.serial_number)
        assert (ledger[serial]["identity"], ledger[serial]["entity"]) == (identity, f"host/{host}")
        assert ledger[serial]["pem"].strip() == pem.strip()
        assert (
            datetime.fromisoformat(ledger[serial]["not_after"]).replace(microsecond=0)
            == leaf.not_valid_after_utc
        )
        assert objects[f"default/hosts/{host}/certificate.pem"].decode().strip() == pem.strip()
        for content_of in ("certificate", "private-key"):
            secret = manager.describe_secret(SecretId=f"/iam-ra/default/hosts/{host}/{content_of}")
            assert secret["KmsKeyId"] == key_arn
            assert secret["VersionIdsToStages"] == {f"{leaf.serial_number:040x}": ["AWSCURRENT"]}
            assert host != "web" or tags(secret["Tags"])["site"] == "melbourne"
        sops(world, host, pem, private)


def sops(world: World, host: str, pem: str, private: str) -> None:
    path, state = world.sops_file(host), world.state["parts"]
    mirror = world.objects[world.key_of_mirror(host)]
    assert path.read_bytes() == mirror
    assert hashlib.sha256(mirror).hexdigest() == state[f"host/{host}:sops"]["outputs"]["file"]
    scope = "default" if host == "web" else "factory"
    anchor = anchors_of(world)[f"iam-ra-default-{scope}"]["trustAnchorArn"]
    assert world.open(path) == {
        "certificate": pem,
        "private_key": private,
        "trust_anchor_arn": anchor,
        "profile_arn": world.stack_outputs("iam-ra-default-role-reader")["ProfileArn"],
        "role_arn": world.stack_outputs("iam-ra-default-role-reader")["RoleArn"],
        "region": REGION,
    }
    assert b"PRIVATE KEY" not in mirror
