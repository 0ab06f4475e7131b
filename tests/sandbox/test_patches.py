"""moto's services where iam-ra leans on them, against what AWS documents."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from iam_ra.sandbox import patches

if TYPE_CHECKING:
    from collections.abc import Callable

AWS_POLICY = "arn:aws:iam::aws:policy/"
BOUNDARY = AWS_POLICY + "ReadOnlyAccess"


def trust(*names: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "rolesanywhere.amazonaws.com"},
                    "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                    "Condition": {"StringEquals": {"aws:PrincipalTag/x509Subject/CN": list(names)}},
                }
            ],
        }
    )


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


@pytest.fixture
def secrets(aws: Any) -> Any:
    return aws("secretsmanager")


@pytest.fixture
def iam(aws: Any) -> Any:
    return aws("iam")


@pytest.fixture
def bucket(aws: Any) -> str:
    aws("s3").create_bucket(Bucket="state")
    aws("s3").put_bucket_versioning(Bucket="state", VersioningConfiguration={"Status": "Enabled"})
    return "state"


def test_mending_twice_is_mending_once(secrets: Any) -> None:
    secrets.create_secret(Name="s")
    before = sys.modules["moto.secretsmanager.responses"].SecretsManagerResponse.create_secret
    patches.apply("secretsmanager")
    assert sys.modules["moto.secretsmanager.responses"].SecretsManagerResponse.create_secret is before


@pytest.mark.conforms(
    "Secrets Manager: A name in its deletion window cannot be taken.",
    source="AWS Secrets Manager API Reference: CreateSecret",
)
def test_a_name_in_its_deletion_window_cannot_be_created(secrets: Any) -> None:
    arn = secrets.create_secret(Name="s", SecretString="1")["ARN"]
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    with pytest.raises(secrets.exceptions.InvalidRequestException, match="already scheduled for deletion"):
        secrets.create_secret(Name="s", SecretString="2")
    secrets.restore_secret(SecretId="s")
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "1"


@pytest.mark.conforms(
    "Secrets Manager: A secret marked for deletion takes and gives no value.",
    source="AWS Secrets Manager API Reference: DeleteSecret",
)
def test_a_secret_marked_for_deletion_takes_and_gives_nothing(secrets: Any) -> None:
    secrets.create_secret(Name="s", SecretString="1")
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    calls: list[Callable[[], Any]] = [
        lambda: secrets.put_secret_value(SecretId="s", SecretString="2"),
        lambda: secrets.update_secret(SecretId="s", Description="d"),
        lambda: secrets.get_secret_value(SecretId="s"),
        lambda: secrets.tag_resource(SecretId="s", Tags=[{"Key": "k", "Value": "v"}]),
        lambda: secrets.delete_secret(SecretId="s"),
    ]
    for call in calls:
        with pytest.raises(secrets.exceptions.InvalidRequestException, match="marked for deletion"):
            call()
    assert "DeletedDate" in secrets.describe_secret(SecretId="s")
    assert secrets.list_secrets()["SecretList"] == []
    assert len(secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]) == 1
    secrets.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    secrets.create_secret(Name="s", SecretString="3")


@pytest.mark.conforms(
    "Secrets Manager: A client request token makes a write happen once.",
    source="AWS Secrets Manager API Reference: PutSecretValue",
)
def test_a_client_token_makes_a_write_happen_once(secrets: Any) -> None:
    secrets.create_secret(Name="s")
    token = "0123456789abcdef0123456789abcdef01234567"
    first = secrets.put_secret_value(SecretId="s", SecretString="v", ClientRequestToken=token)
    again = secrets.put_secret_value(SecretId="s", SecretString="v", ClientRequestToken=token)
    assert first["VersionId"] == again["VersionId"] == token
    with pytest.raises(secrets.exceptions.ResourceExistsException):
        secrets.put_secret_value(SecretId="s", SecretString="w", ClientRequestToken=token)
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "v"


@pytest.mark.conforms(
    "Secrets Manager: A secret may be without a value.",
    source="AWS Secrets Manager API Reference: CreateSecret",
)
def test_a_secret_may_be_without_a_value(secrets: Any) -> None:
    secrets.create_secret(Name="s")
    assert "VersionIdsToStages" not in secrets.describe_secret(SecretId="s")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException, match="AWSCURRENT"):
        secrets.get_secret_value(SecretId="s")


@pytest.mark.conforms(
    "Secrets Manager: A value has at most 65,536 bytes.",
    source="AWS Secrets Manager API Reference: PutSecretValue",
)
def test_a_value_has_at_most_65536_bytes(secrets: Any) -> None:
    secrets.create_secret(Name="s", SecretString="x" * 65_536)
    for value in ({"SecretString": "é" * 32_769}, {"SecretBinary": b"x" * 65_537}):
        with pytest.raises(ClientError) as raised:
            secrets.put_secret_value(SecretId="s", **value)
        assert code(raised) == "ValidationException"


@pytest.mark.conforms(
    "Secrets Manager: Versions without labels are deprecated.",
    source="AWS Secrets Manager API Reference: ListSecretVersionIds",
)
def test_versions_without_labels_are_deprecated(secrets: Any) -> None:
    secrets.create_secret(Name="s", SecretString="1")
    for value in ("2", "3"):
        secrets.put_secret_value(SecretId="s", SecretString=value)
    stages = sorted(secrets.describe_secret(SecretId="s")["VersionIdsToStages"].values())
    assert stages == [["AWSCURRENT"], ["AWSPREVIOUS"]]
    listed = secrets.list_secret_version_ids(SecretId="s")
    assert (len(listed["Versions"]), listed["Name"]) == (2, "s")
    assert len(secrets.list_secret_version_ids(SecretId="s", IncludeDeprecated=True)["Versions"]) == 3
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.list_secret_version_ids(SecretId="none")


@pytest.mark.conforms(
    "Secrets Manager: AWSCURRENT moves between versions and never goes.",
    source="AWS Secrets Manager API Reference: UpdateSecretVersionStage",
)
def test_the_current_label_moves_but_never_goes(secrets: Any) -> None:
    first = secrets.create_secret(Name="s", SecretString="1")["VersionId"]
    second = secrets.put_secret_value(SecretId="s", SecretString="2", VersionStages=["NEXT"])["VersionId"]
    current = {"SecretId": "s", "VersionStage": "AWSCURRENT"}
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "1"
    assert secrets.get_secret_value(SecretId="s", VersionStage="NEXT")["SecretString"] == "2"
    with pytest.raises(secrets.exceptions.InvalidParameterException, match="can't be completely removed"):
        secrets.update_secret_version_stage(**current, RemoveFromVersionId=first)
    with pytest.raises(secrets.exceptions.InvalidParameterException):
        secrets.update_secret_version_stage(**current, MoveToVersionId=second)
    secrets.update_secret_version_stage(**current, MoveToVersionId=second, RemoveFromVersionId=first)
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "2"
    stages = secrets.describe_secret(SecretId="s")["VersionIdsToStages"]
    assert (stages[first], sorted(stages[second])) == (["AWSPREVIOUS"], ["AWSCURRENT", "NEXT"])
    with pytest.raises(ClientError) as raised:
        secrets.put_secret_value(SecretId="s", SecretString="3", VersionStages=[f"s{n}" for n in range(21)])
    assert code(raised) == "ValidationException"
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    with pytest.raises(secrets.exceptions.InvalidRequestException, match="marked for deletion"):
        secrets.update_secret_version_stage(**current, MoveToVersionId=first, RemoveFromVersionId=second)


@pytest.mark.conforms(
    "Secrets Manager: A deletion window has 7 to 30 days.",
    source="AWS Secrets Manager API Reference: DeleteSecret",
)
@pytest.mark.parametrize("days", [6, 31])
def test_a_deletion_window_is_7_to_30_days(secrets: Any, days: int) -> None:
    secrets.create_secret(Name="s", SecretString="1")
    with pytest.raises(secrets.exceptions.InvalidParameterException):
        secrets.delete_secret(SecretId="s", RecoveryWindowInDays=days)
    with pytest.raises(secrets.exceptions.InvalidParameterException):
        secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True)


@pytest.mark.conforms(
    "Secrets Manager: Secrets are listed by prefix and in pages.",
    source="AWS Secrets Manager API Reference: ListSecrets",
)
def test_secrets_are_listed_by_prefix_and_page(secrets: Any) -> None:
    for number in range(5):
        secrets.create_secret(Name=f"/iam-ra/default/hosts/h{number}/certificate", SecretString="x")
    secrets.create_secret(Name="other", SecretString="x")
    named = {
        "Filters": [{"Key": "name", "Values": ["/iam-ra/default/"]}],
        "PaginationConfig": {"PageSize": 2},
    }
    pages = [page["SecretList"] for page in secrets.get_paginator("list_secrets").paginate(**named)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert list(pages[0][0]["SecretVersionsToStages"].values()) == [["AWSCURRENT"]]


@pytest.mark.conforms(
    "Secrets Manager: Secrets are found by name, ARN and partial ARN.",
    source="AWS Secrets Manager API Reference: DescribeSecret",
)
def test_secrets_are_found_by_name_arn_and_partial_arn(secrets: Any) -> None:
    arn = secrets.create_secret(Name="a/name-abcdef", SecretString="x")["ARN"]
    for identifier in ("a/name-abcdef", arn, arn[:-7]):
        assert secrets.describe_secret(SecretId=identifier)["ARN"] == arn
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.describe_secret(SecretId=arn[:-6] + "zzzzzz")


@pytest.mark.conforms(
    "Secrets Manager: Names keep to their alphabet.", source="AWS Secrets Manager API Reference: CreateSecret"
)
def test_a_secret_has_a_proper_name(secrets: Any) -> None:
    with pytest.raises(ClientError) as raised:
        secrets.create_secret(Name="a b")
    assert code(raised) == "ValidationException"


@pytest.mark.conforms(
    "IAM: Managed policies of AWS exist, and others do not.", source="IAM API Reference: AttachRolePolicy"
)
def test_managed_policies_of_aws_exist_and_others_do_not(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust("a"))
    for name in ("AdministratorAccess", "ReadOnlyAccess", "job-function/ViewOnlyAccess"):
        iam.attach_role_policy(RoleName="r", PolicyArn=AWS_POLICY + name)
    attached = iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == [
        "AdministratorAccess",
        "ReadOnlyAccess",
        "ViewOnlyAccess",
    ]
    for arn in (
        AWS_POLICY + "Nonsense",
        AWS_POLICY + "ViewOnlyAccess",
        "arn:aws:iam::123456789012:policy/mine",
    ):
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=BOUNDARY)["Policy"]["AttachmentCount"] == 1


@pytest.mark.conforms(
    "IAM: A role has at most ten managed policies.", source="IAM User Guide: IAM and AWS STS quotas"
)
def test_a_role_has_at_most_ten_managed_policies(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust("a"))
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    )
    arns = [
        iam.create_policy(PolicyName=f"p{n}", PolicyDocument=document)["Policy"]["Arn"] for n in range(11)
    ]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    iam.attach_role_policy(RoleName="r", PolicyArn=arns[0])
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.attach_role_policy(RoleName="r", PolicyArn=arns[10])


@pytest.mark.conforms("IAM: A malformed trust policy is refused.", source="IAM API Reference: CreateRole")
@pytest.mark.parametrize(
    "document",
    [
        "{",
        "{}",
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Principal":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Principal":"*"}]}',
    ],
)
def test_a_malformed_trust_policy_is_refused(iam: Any, document: str) -> None:
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust("a"))
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.update_assume_role_policy(RoleName="r", PolicyDocument=document)


@pytest.mark.conforms(
    "IAM: A trust policy has at most 2,048 characters, white space not counted.",
    source="IAM User Guide: IAM and AWS STS quotas",
)
def test_a_trust_policy_has_at_most_2048_characters_but_white_space(iam: Any) -> None:
    empty = len("".join(trust("").split()))
    fits, long = trust("x" * (2048 - empty)), trust("x" * (2049 - empty))
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(json.loads(fits), indent=4))
    calls: list[Callable[[], Any]] = [
        lambda: iam.create_role(RoleName="s", AssumeRolePolicyDocument=long),
        lambda: iam.update_assume_role_policy(RoleName="r", PolicyDocument=long),
    ]
    for call in calls:
        with pytest.raises(iam.exceptions.LimitExceededException, match="ACLSizePerRole: 2048"):
            call()


@pytest.mark.conforms(
    "IAM: A permissions boundary has to exist.", source="IAM API Reference: PutRolePermissionsBoundary"
)
def test_a_boundary_has_to_exist(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust("a"), PermissionsBoundary=BOUNDARY)
    calls: list[Callable[[], Any]] = [
        lambda: iam.create_role(
            RoleName="s", AssumeRolePolicyDocument=trust("a"), PermissionsBoundary=BOUNDARY + "x"
        ),
        lambda: iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=BOUNDARY + "x"),
    ]
    for call in calls:
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            call()


@pytest.mark.conforms(
    "IAM: Roles are listed by path, with trust policies and without tags.",
    source="IAM API Reference: ListRoles",
)
def test_roles_are_listed_by_path_with_trust_policies_and_without_tags(iam: Any) -> None:
    for number in range(5):
        iam.create_role(
            RoleName=f"r{number}",
            Path="/iam-ra/default/",
            AssumeRolePolicyDocument=trust("a"),
            Tags=[{"Key": "k", "Value": "v"}],
            PermissionsBoundary=BOUNDARY,
        )
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=trust("a"))
    paginator = iam.get_paginator("list_roles")
    pages = [
        page["Roles"] for page in paginator.paginate(PathPrefix="/iam-ra/", PaginationConfig={"PageSize": 2})
    ]
    assert [len(page) for page in pages] == [2, 2, 1]
    listed = pages[0][0]
    assert listed["AssumeRolePolicyDocument"] == json.loads(trust("a"))
    assert not {"Tags", "PermissionsBoundary", "RoleLastUsed"} & set(listed)
    shown = iam.get_role(RoleName=listed["RoleName"])["Role"]
    assert shown["Tags"] == [{"Key": "k", "Value": "v"}]
    assert shown["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY


@pytest.mark.conforms(
    "S3: A bucket whose policy wants TLS can be used.", source="Amazon S3 API Reference: PutBucketPolicy"
)
def test_a_bucket_that_wants_tls_can_be_used(aws: Any, bucket: str) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3 = aws("s3")
    s3.put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
    del statement["Condition"]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.conforms(
    "S3: If-None-Match and If-Match guard a write.", source="Amazon S3 API Reference: PutObject"
)
def test_conditional_writes(aws: Any, bucket: str) -> None:
    s3 = aws("s3")
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"0"'}):
        with pytest.raises(ClientError) as raised:
            s3.put_object(Bucket=bucket, Key="k", Body=b"2", **condition)
        assert code(raised) == "PreconditionFailed"
    newer = s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)["ETag"]
    with pytest.raises(ClientError) as raised:
        s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    assert code(raised) == "PreconditionFailed"
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=newer)
    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=newer)
    assert code(raised) == "NoSuchKey"
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfNoneMatch="*")


@pytest.mark.conforms(
    "S3: Versions are listed in pages and deleted in bulk.",
    source="Amazon S3 API Reference: ListObjectVersions",
)
def test_versions_are_paged_and_deleted_in_bulk(aws: Any, bucket: str) -> None:
    s3 = aws("s3")
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{number % 2}", Body=b"x", ServerSideEncryption="aws:kms")
    s3.delete_object(Bucket=bucket, Key="k0")
    assert s3.head_object(Bucket=bucket, Key="k1")["ServerSideEncryption"] == "aws:kms"
    found = []
    for page in s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 4}
    ):
        found += page.get("Versions", []) + page.get("DeleteMarkers", [])
    assert len(found) == 6
    with pytest.raises(ClientError) as raised:
        s3.delete_bucket(Bucket=bucket)
    assert code(raised) == "BucketNotEmpty"
    objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
    assert "Errors" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.conforms("S3: Objects are listed in pages.", source="Amazon S3 API Reference: ListObjectsV2")
def test_objects_are_listed_in_pages(aws: Any, bucket: str) -> None:
    s3 = aws("s3")
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"d/{number}", Body=b"x")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="d/", PaginationConfig={"PageSize": 2}
    )
    assert [len(page["Contents"]) for page in pages] == [2, 2, 1]


@pytest.mark.conforms(
    "SSM: Parameters have tags and a largest size.", source="AWS Systems Manager API Reference: PutParameter"
)
def test_parameters_have_tags_and_a_size(aws: Any) -> None:
    ssm = aws("ssm")
    ssm.put_parameter(Name="/iam-ra/default/x", Value="v", Type="String", Tags=[{"Key": "k", "Value": "v"}])
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/iam-ra/default/x")["TagList"]
    assert tags == [{"Key": "k", "Value": "v"}]
    with pytest.raises(ssm.exceptions.ParameterAlreadyExists):
        ssm.put_parameter(Name="/iam-ra/default/x", Value="w", Type="String")
    with pytest.raises(ClientError) as raised:
        ssm.put_parameter(Name="/big", Value="v" * 4097, Type="String")
    assert code(raised) == "ValidationException"
    ssm.put_parameter(Name="/big", Value="v" * 4097, Type="String", Tier="Advanced")


def test_ssm_does_not_load_ec2_and_ec2_is_refused(aws: Any) -> None:
    aws("ssm").get_parameters(Names=["/x"])
    assert "moto.ec2.models" not in sys.modules
    with pytest.raises(ClientError) as raised:
        aws("ec2").describe_instances()
    assert code(raised) == "NotImplemented"


@pytest.mark.conforms(
    "KMS: Keys have tags, rotation and an alias.", source="AWS KMS API Reference: EnableKeyRotation"
)
def test_keys_have_tags_rotation_and_an_alias(aws: Any) -> None:
    kms = aws("kms")
    key = kms.create_key(Tags=[{"TagKey": "k", "TagValue": "v"}])["KeyMetadata"]
    kms.create_alias(AliasName="alias/iam-ra-default", TargetKeyId=key["KeyId"])
    kms.enable_key_rotation(KeyId=key["KeyId"])
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"] is True
    assert kms.list_resource_tags(KeyId=key["KeyId"])["Tags"] == [{"TagKey": "k", "TagValue": "v"}]
    assert kms.describe_key(KeyId="alias/iam-ra-default")["KeyMetadata"]["Arn"] == key["Arn"]


@pytest.mark.conforms(
    "KMS: A key that is disabled or waits for deletion does nothing.",
    source="AWS KMS Developer Guide: Key states of AWS KMS keys",
)
def test_a_key_that_is_disabled_or_pending_deletion_does_nothing(aws: Any) -> None:
    kms = aws("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/a", TargetKeyId=key)
    secret = kms.encrypt(KeyId="alias/a", Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    with pytest.raises(kms.exceptions.DisabledException):
        kms.encrypt(KeyId="alias/a", Plaintext=b"x")
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=secret)["Plaintext"] == b"x"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    calls: list[Callable[[], Any]] = [
        lambda: kms.decrypt(CiphertextBlob=secret),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        lambda: kms.enable_key_rotation(KeyId=key),
        lambda: kms.schedule_key_deletion(KeyId=key),
    ]
    for call in calls:
        with pytest.raises(kms.exceptions.KMSInvalidStateException, match="is pending deletion"):
            call()
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=secret)["Plaintext"] == b"x"


@pytest.mark.conforms("KMS: A key policy is JSON.", source="AWS KMS API Reference: PutKeyPolicy")
def test_a_key_policy_is_json(aws: Any) -> None:
    kms = aws("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException):
        kms.create_key(Policy="{")
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException):
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy="{")
