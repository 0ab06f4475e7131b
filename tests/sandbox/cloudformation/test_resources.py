"""Each resource type: every property reaches its service, on creation and on update, and goes with the stack."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"


def _stack(kind: str, properties: dict[str, Any], **outputs: Any) -> dict[str, Any]:
    template: dict[str, Any] = {"Resources": {"R": {"Type": kind, "Properties": properties}}}
    if outputs:
        template["Outputs"] = {key: {"Value": value} for key, value in outputs.items()}
    return template


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def _att(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": ["R", name]}


def _trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}


@pytest.mark.conforms(
    "CloudFormation: AWS::S3::Bucket is made, changed and described as its schema says.",
    source="CloudFormation resource schema: AWS::S3::Bucket",
)
def test_bucket(stacks: Any, aws: Any) -> None:
    s3 = aws("s3")
    properties = {
        "VersioningConfiguration": {"Status": "Enabled"},
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "BucketKeyEnabled": True,
                    "ServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms",
                        "KMSMasterKeyID": "alias/aws/s3",
                    },
                }
            ]
        },
        "PublicAccessBlockConfiguration": dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), "true"
        ),
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "LifecycleConfiguration": {
            "Rules": [
                {"Id": "old", "Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 365}},
                {
                    "Id": "lock",
                    "Status": "Enabled",
                    "Prefix": "lock",
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
                },
            ]
        },
        "Tags": [{"Key": "own", "Value": "1"}],
    }
    template = _stack(
        "AWS::S3::Bucket", properties, Ref={"Ref": "R"}, Arn=_att("Arn"), Domain=_att("DomainName")
    )
    done = stacks.create("My-Stack", template, Tags=[{"Key": "team", "Value": "a"}])
    assert done["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("My-Stack", "CREATE_FAILED")
    outputs = _outputs(done)
    name = outputs["Ref"]
    assert name.startswith("my-stack-r-")
    assert name == name.lower()
    assert outputs["Arn"] == f"arn:aws:s3:::{name}"
    assert outputs["Domain"] == f"{name}.s3.amazonaws.com"
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    owner = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert [(rule["ID"], rule["Filter"]["Prefix"]) for rule in rules] == [("old", ""), ("lock", "lock")]
    assert [rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in rules] == [365, 1]
    tags = {each["Key"]: each["Value"] for each in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags == {"own": "1", "team": "a"}

    done = stacks.update(
        "My-Stack", _stack("AWS::S3::Bucket", {"VersioningConfiguration": {"Status": "Suspended"}}), Tags=[]
    )
    assert done["StackStatus"] == "UPDATE_COMPLETE"
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    for call in (s3.get_bucket_lifecycle_configuration, s3.get_public_access_block, s3.get_bucket_tagging):
        with pytest.raises(ClientError):
            call(Bucket=name)


@pytest.mark.conforms(
    "CloudFormation: A bucket is made in the Region of its stack.",
    source="CloudFormation resource schema: AWS::S3::Bucket",
)
def test_bucket_in_another_region(stacks: Any, aws: Any) -> None:
    west = type(stacks)(aws("cloudformation", "eu-west-1"))
    done = west.create("s", _stack("AWS::S3::Bucket", {"BucketName": "in-the-west"}))
    assert done["StackStatus"] == "CREATE_COMPLETE"
    assert aws("s3").get_bucket_location(Bucket="in-the-west")["LocationConstraint"] == "eu-west-1"


@pytest.mark.conforms(
    "CloudFormation: A bucket that is there already fails the resource.",
    source="CloudFormation resource schema: AWS::S3::Bucket",
)
def test_a_bucket_that_is_there_is_not_taken(stacks: Any, aws: Any) -> None:
    aws("s3").create_bucket(Bucket="taken")
    assert (
        stacks.create("s", _stack("AWS::S3::Bucket", {"BucketName": "taken"}))["StackStatus"]
        == "ROLLBACK_COMPLETE"
    )
    assert "already exists" in stacks.reasons("s", "CREATE_FAILED")["R"]
    assert aws("s3").head_bucket(Bucket="taken")


@pytest.mark.conforms(
    "CloudFormation: AWS::S3::BucketPolicy is put and removed.",
    source="CloudFormation resource schema: AWS::S3::BucketPolicy",
)
def test_bucket_policy(stacks: Any, aws: Any) -> None:
    def template(action: str) -> dict[str, Any]:
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": action,
            "Resource": {"Fn::Sub": "${R.Arn}/*"},
            "Condition": {"Bool": {"aws:SecureTransport": False}},
        }
        body = _stack("AWS::S3::Bucket", {})
        document = {"Version": "2012-10-17", "Statement": [statement]}
        properties = {"Bucket": {"Ref": "R"}, "PolicyDocument": document}
        body["Resources"]["P"] = {"Type": "AWS::S3::BucketPolicy", "Properties": properties}
        return body

    stacks.create("s", template("s3:*"))
    bucket = stacks.physical_id("s", "R")
    assert stacks.physical_id("s", "P") == bucket
    policy = json.loads(aws("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Resource"] == f"arn:aws:s3:::{bucket}/*"
    assert stacks.update("s", template("s3:GetObject"))["StackStatus"] == "UPDATE_COMPLETE"
    policy = json.loads(aws("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Action"] == "s3:GetObject"
    aws("s3").delete_bucket_policy(Bucket=bucket)
    assert stacks.update("s", template("s3:*"))["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: AWS::KMS::Key and AWS::KMS::Alias are made, changed and scheduled for deletion.",
    source="CloudFormation resource schema: AWS::KMS::Key",
)
def test_key_and_alias(stacks: Any, aws: Any) -> None:
    kms = aws("kms")

    def template(**properties: Any) -> dict[str, Any]:
        principal = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
        statement = {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        body = _stack(
            "AWS::KMS::Key",
            {"KeyPolicy": policy, "PendingWindowInDays": 7, **properties},
            Arn=_att("Arn"),
            Id=_att("KeyId"),
        )
        alias = {"AliasName": "alias/mine", "TargetKeyId": {"Ref": "R"}}
        body["Resources"]["A"] = {"Type": "AWS::KMS::Alias", "Properties": alias}
        return body

    done = stacks.create(
        "s", template(Description="one", EnableKeyRotation=True), Tags=[{"Key": "team", "Value": "a"}]
    )
    assert done["StackStatus"] == "CREATE_COMPLETE"
    outputs = _outputs(done)
    key = outputs["Id"]
    assert outputs["Arn"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key}"
    assert kms.describe_key(KeyId="alias/mine")["KeyMetadata"]["KeyId"] == key
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    assert policy["Statement"][0]["Principal"]["AWS"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "team", "TagValue": "a"}]

    assert (
        stacks.update("s", template(Description="two", Enabled=False), Tags=[])["StackStatus"]
        == "UPDATE_COMPLETE"
    )
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (metadata["Description"], metadata["Enabled"]) == ("two", False)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    assert kms.list_resource_tags(KeyId=key)["Tags"] == []

    done = stacks.update("s", template(Description="two", KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY"))
    assert done["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "KeySpec" in stacks.reasons("s", "UPDATE_FAILED")["R"]
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert kms.list_aliases(KeyId=key)["Aliases"] == []


@pytest.mark.conforms(
    "CloudFormation: A key that waits for its deletion counts as gone.",
    source="CloudFormation resource schema: AWS::KMS::Key",
)
def test_a_key_that_waits_for_deletion_is_gone(stacks: Any, aws: Any) -> None:
    stacks.create("s", _stack("AWS::KMS::Key", {}))
    aws("kms").schedule_key_deletion(KeyId=stacks.physical_id("s", "R"), PendingWindowInDays=7)
    done = stacks.update("s", _stack("AWS::KMS::Key", {"Description": "x"}))
    assert done["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: AWS::SSM::Parameter carries the tags of its stack.",
    source="CloudFormation resource schema: AWS::SSM::Parameter",
)
def test_parameter_tags_and_system_tags(stacks: Any, aws: Any) -> None:
    ssm = aws("ssm")

    def tags() -> dict[str, str]:
        found = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/p")["TagList"]
        return {each["Key"]: each["Value"] for each in found}

    properties = {
        "Name": "/p",
        "Type": "String",
        "Value": "1",
        "Tier": "Advanced",
        "Description": "d",
        "Tags": {"a": "b"},
    }
    done = stacks.create("s", _stack("AWS::SSM::Parameter", properties))
    assert tags() == {
        "a": "b",
        "aws:cloudformation:stack-name": "s",
        "aws:cloudformation:stack-id": done["StackId"],
        "aws:cloudformation:logical-id": "R",
    }
    (parameter,) = ssm.describe_parameters()["Parameters"]
    assert (parameter["Tier"], parameter["Description"]) == ("Advanced", "d")
    stacks.update("s", _stack("AWS::SSM::Parameter", {**properties, "Value": "2", "Tags": {"c": "d"}}))
    assert {key for key in tags() if not key.startswith("aws:")} == {"c"}
    assert ssm.get_parameter(Name="/p")["Parameter"]["Version"] == 2


def _policies(iam: Any) -> tuple[list[str], list[str]]:
    attached = iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]
    return sorted(each["PolicyName"] for each in attached), sorted(
        iam.list_role_policies(RoleName="r")["PolicyNames"]
    )


@pytest.mark.conforms(
    "CloudFormation: AWS::IAM::Role is made, changed and described as its schema says.",
    source="CloudFormation resource schema: AWS::IAM::Role",
)
def test_role(stacks: Any, aws: Any) -> None:
    iam = aws("iam")
    arns = [
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
        for name in "abc"
    ]
    properties = {
        "RoleName": "r",
        "Path": "/iam-ra/x/",
        "Description": "one",
        "AssumeRolePolicyDocument": _trust("rolesanywhere.amazonaws.com"),
        "ManagedPolicyArns": arns[:2],
        "MaxSessionDuration": "7200",
        "PermissionsBoundary": arns[2],
        "Policies": [
            {"PolicyName": "p", "PolicyDocument": ALLOW},
            {"PolicyName": "q", "PolicyDocument": ALLOW},
        ],
        "Tags": [{"Key": "own", "Value": "1"}],
    }
    template = _stack("AWS::IAM::Role", properties, Arn=_att("Arn"), Id=_att("RoleId"), Ref={"Ref": "R"})
    done = stacks.create("s", template, Tags=[{"Key": "team", "Value": "a"}])
    assert done["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("s", "CREATE_FAILED")
    role = iam.get_role(RoleName="r")["Role"]
    assert _outputs(done) == {
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/iam-ra/x/r",
        "Id": role["RoleId"],
        "Ref": "r",
    }
    assert (role["MaxSessionDuration"], role["Description"]) == (7200, "one")
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == arns[2]
    assert role["AssumeRolePolicyDocument"] == properties["AssumeRolePolicyDocument"]
    assert _policies(iam) == (["a", "b"], ["p", "q"])
    assert {each["Key"]: each["Value"] for each in role["Tags"]} == {"own": "1", "team": "a"}

    after = {
        "RoleName": "r",
        "Path": "/iam-ra/x/",
        "AssumeRolePolicyDocument": _trust("ec2.amazonaws.com"),
        "ManagedPolicyArns": [arns[1], arns[2]],
        "Policies": [{"PolicyName": "q", "PolicyDocument": ALLOW}],
    }
    done = stacks.update("s", _stack("AWS::IAM::Role", after), Tags=[])
    assert done["StackStatus"] == "UPDATE_COMPLETE", stacks.reasons("s", "UPDATE_FAILED")
    role = iam.get_role(RoleName="r")["Role"]
    assert role["MaxSessionDuration"] == 3600
    assert role["AssumeRolePolicyDocument"] == after["AssumeRolePolicyDocument"]
    assert not role.get("PermissionsBoundary")
    assert _policies(iam) == (["b", "c"], ["q"])
    assert not role.get("Tags")
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert iam.list_roles(PathPrefix="/iam-ra/")["Roles"] == []


@pytest.mark.conforms(
    "CloudFormation: A role with a policy attached from outside is not deleted.",
    source="IAM API Reference: DeleteRole",
)
def test_a_role_with_a_foreign_policy_is_not_deleted(stacks: Any, aws: Any) -> None:
    iam = aws("iam")
    properties = {"RoleName": "r", "AssumeRolePolicyDocument": _trust("ec2.amazonaws.com")}
    stacks.create("s", _stack("AWS::IAM::Role", properties))
    arn = iam.create_policy(PolicyName="a", PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert stacks.delete("s")["StackStatus"] == "DELETE_FAILED"
    iam.detach_role_policy(RoleName="r", PolicyArn=arn)
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


def test_a_role_gone_behind_our_back(stacks: Any, aws: Any) -> None:
    properties = {"RoleName": "r", "AssumeRolePolicyDocument": _trust("ec2.amazonaws.com")}
    stacks.create("s", _stack("AWS::IAM::Role", properties))
    aws("iam").delete_role(RoleName="r")
    done = stacks.update("s", _stack("AWS::IAM::Role", {**properties, "Description": "x"}))
    assert done["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: AWS::IAM::ManagedPolicy is made, changed and attached.",
    source="CloudFormation resource schema: AWS::IAM::ManagedPolicy",
)
def test_managed_policy(stacks: Any, aws: Any) -> None:
    iam = aws("iam")

    def template(action: str, *roles: str) -> dict[str, Any]:
        document = {**ALLOW, "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
        return _stack(
            "AWS::IAM::ManagedPolicy",
            {"ManagedPolicyName": "m", "PolicyDocument": document, "Roles": list(roles)},
            Ref={"Ref": "R"},
        )

    for name in ("one", "two"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_trust("ec2.amazonaws.com")))
    arn = _outputs(stacks.create("s", template("s3:GetObject", "one")))["Ref"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/m"
    for number in range(7):
        assert stacks.update("s", template(f"s3:Get{number}", "two"))["StackStatus"] == "UPDATE_COMPLETE"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == "s3:Get6"
    assert [each["RoleName"] for each in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]] == [
        "two"
    ]
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert iam.list_policies(Scope="Local")["Policies"] == []


@pytest.mark.conforms(
    "CloudFormation: AWS::SecretsManager::Secret is made, changed and deleted.",
    source="CloudFormation resource schema: AWS::SecretsManager::Secret",
)
def test_secret(stacks: Any, aws: Any) -> None:
    manager = aws("secretsmanager")
    properties = {"Name": "a/b", "Description": "one", "Tags": [{"Key": "own", "Value": "1"}]}
    template = _stack("AWS::SecretsManager::Secret", properties, Ref={"Ref": "R"}, Id=_att("Id"))
    outputs = _outputs(stacks.create("s", template, Tags=[{"Key": "team", "Value": "a"}]))
    secret = manager.describe_secret(SecretId="a/b")
    assert outputs == {"Ref": secret["ARN"], "Id": secret["ARN"]}
    tags = {each["Key"]: each["Value"] for each in secret["Tags"]}
    assert tags["own"] == "1"
    assert tags["team"] == "a"
    assert tags["aws:cloudformation:logical-id"] == "R"
    manager.put_secret_value(SecretId="a/b", SecretString="by API")
    done = stacks.update(
        "s", _stack("AWS::SecretsManager::Secret", {"Name": "a/b", "Description": "two"}), Tags=[]
    )
    assert done["StackStatus"] == "UPDATE_COMPLETE"
    secret = manager.describe_secret(SecretId="a/b")
    assert secret["Description"] == "two"
    assert {each["Key"] for each in secret["Tags"] if not each["Key"].startswith("aws:")} == set()
    assert manager.get_secret_value(SecretId="a/b")["SecretString"] == "by API"
    stacks.delete("s")
    # No recovery window: the name is free at once.
    assert stacks.create("s", template)["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: A secret that was deleted by hand fails an update, and not a deletion.",
    source="CloudFormation resource schema: AWS::SecretsManager::Secret",
)
def test_a_secret_deleted_by_hand(stacks: Any, aws: Any) -> None:
    template = _stack("AWS::SecretsManager::Secret", {"Name": "a"})
    stacks.create("s", template)
    aws("secretsmanager").delete_secret(SecretId="a")
    changed = _stack("AWS::SecretsManager::Secret", {"Name": "a", "Description": "x"})
    assert stacks.update("s", changed)["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
