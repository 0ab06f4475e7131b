"""AWS::S3::Bucket and AWS::S3::BucketPolicy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from iam_ra.sandbox.cloudformation.resources.base import (
    Handler,
    Made,
    Request,
    already_exists,
    document_text,
    not_found,
    pairs,
)
from iam_ra.sandbox.cloudformation.schema import array, boolean, document, integer, string, structure, tags

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_REGION = "us-east-1"
LONGEST_NAME = 63

ENCRYPTION = structure(
    {
        "BucketKeyEnabled": boolean(),
        "ServerSideEncryptionByDefault": structure(
            {
                "KMSMasterKeyID": string(),
                "SSEAlgorithm": string(enum=["aws:kms", "AES256", "aws:kms:dsse"]),
            },
            "SSEAlgorithm",
        ),
    },
    not_offered=["BlockedEncryptionTypes"],
)
LIFECYCLE_RULE = structure(
    {
        "Id": string(maxLength=255),
        "Prefix": string(),
        "Status": string(enum=["Enabled", "Disabled"]),
        "ExpirationInDays": integer(),
        "ExpiredObjectDeleteMarker": boolean(),
        "NoncurrentVersionExpiration": structure(
            {"NoncurrentDays": integer(), "NewerNoncurrentVersions": integer()}, "NoncurrentDays"
        ),
        "NoncurrentVersionExpirationInDays": integer(),
        "AbortIncompleteMultipartUpload": structure(
            {"DaysAfterInitiation": integer(0)}, "DaysAfterInitiation"
        ),
    },
    "Status",
    not_offered=[
        "ExpirationDate",
        "NoncurrentVersionTransition",
        "NoncurrentVersionTransitions",
        "ObjectSizeGreaterThan",
        "ObjectSizeLessThan",
        "TagFilters",
        "Transition",
        "Transitions",
    ],
)
PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration of a bucket: the calls that put and remove it, and the shape that the service wants."""

    put: str
    remove: Callable[[Any, str], Any]
    arguments: Callable[[Any], dict[str, Any]]


CONFIGURATIONS = {
    "VersioningConfiguration": Configuration(
        "put_bucket_versioning",
        # Versioning that was on once can only be suspended.
        lambda s3, name: s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": "Suspended"}
        ),
        lambda wanted: {"VersioningConfiguration": wanted},
    ),
    "BucketEncryption": Configuration(
        "put_bucket_encryption",
        lambda s3, name: s3.delete_bucket_encryption(Bucket=name),
        lambda wanted: {
            "ServerSideEncryptionConfiguration": {
                "Rules": [_encryption(rule) for rule in wanted["ServerSideEncryptionConfiguration"]]
            }
        },
    ),
    "PublicAccessBlockConfiguration": Configuration(
        "put_public_access_block",
        lambda s3, name: s3.delete_public_access_block(Bucket=name),
        lambda wanted: {
            "PublicAccessBlockConfiguration": {key: wanted.get(key, False) for key in PUBLIC_ACCESS}
        },
    ),
    "OwnershipControls": Configuration(
        "put_bucket_ownership_controls",
        lambda s3, name: s3.delete_bucket_ownership_controls(Bucket=name),
        lambda wanted: {"OwnershipControls": wanted},
    ),
    "LifecycleConfiguration": Configuration(
        "put_bucket_lifecycle_configuration",
        lambda s3, name: s3.delete_bucket_lifecycle(Bucket=name),
        lambda wanted: {"LifecycleConfiguration": {"Rules": [_lifecycle(rule) for rule in wanted["Rules"]]}},
    ),
}


class Bucket(Handler):
    """A bucket. One that holds objects is not deleted, which fails the deletion of its stack."""

    type = "AWS::S3::Bucket"
    name_property = "BucketName"
    create_only = frozenset({"BucketName"})
    # AWS puts its own tags on buckets; moto's S3 refuses them from everybody.
    system_tags = False
    attributes = frozenset({"Arn", "DomainName", "DualStackDomainName", "RegionalDomainName"})
    schema = structure(
        {
            "BucketName": string(minLength=3, maxLength=63),
            "BucketEncryption": structure(
                {"ServerSideEncryptionConfiguration": array(ENCRYPTION)}, "ServerSideEncryptionConfiguration"
            ),
            "LifecycleConfiguration": structure(
                {"Rules": array(LIFECYCLE_RULE)}, "Rules", not_offered=["TransitionDefaultMinimumObjectSize"]
            ),
            "OwnershipControls": structure(
                {
                    "Rules": array(
                        structure(
                            {
                                "ObjectOwnership": string(
                                    enum=["ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"]
                                )
                            }
                        )
                    )
                },
                "Rules",
            ),
            "PublicAccessBlockConfiguration": structure({name: boolean() for name in PUBLIC_ACCESS}),
            "VersioningConfiguration": structure({"Status": string(enum=["Enabled", "Suspended"])}, "Status"),
            "Tags": tags(),
        },
        not_offered=[
            "AbacStatus",
            "AccelerateConfiguration",
            "AccessControl",
            "AnalyticsConfigurations",
            "BucketNamePrefix",
            "BucketNamespace",
            "CorsConfiguration",
            "IntelligentTieringConfigurations",
            "InventoryConfigurations",
            "LoggingConfiguration",
            "MetadataConfiguration",
            "MetadataTableConfiguration",
            "MetricsConfigurations",
            "NotificationConfiguration",
            "ObjectLockConfiguration",
            "ObjectLockEnabled",
            "ReplicationConfiguration",
            "WebsiteConfiguration",
        ],
    )

    def create(self, request: Request) -> Made:
        """Create the bucket and set all its configurations."""
        s3 = request.client("s3")
        name = request.properties.get("BucketName") or request.generated_name(LONGEST_NAME).lower()
        if _exists(s3, name):
            raise already_exists(self.type, name)
        place = {} if request.region == FIRST_REGION else {"LocationConstraint": request.region}
        s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
        request.announce(name)
        self._configure(request, name)
        return self._made(request, name)

    def update(self, request: Request) -> Made:
        """Set all configurations; those that the template no longer has are removed."""
        self._configure(request, request.physical_id)
        return self._made(request, request.physical_id)

    def delete(self, request: Request) -> None:
        """Delete the bucket, which must be empty."""
        request.client("s3").delete_bucket(Bucket=request.physical_id)

    @staticmethod
    def _made(request: Request, name: str) -> Made:
        suffix = "amazonaws.com.cn" if request.partition == "aws-cn" else "amazonaws.com"
        attributes = {
            "Arn": f"arn:{request.partition}:s3:::{name}",
            "DomainName": f"{name}.s3.{suffix}",
            "DualStackDomainName": f"{name}.s3.dualstack.{request.region}.{suffix}",
            "RegionalDomainName": f"{name}.s3.{request.region}.{suffix}",
        }
        return Made(name, attributes)

    @staticmethod
    def _configure(request: Request, name: str) -> None:
        s3 = request.client("s3")
        wanted, before = request.properties, request.previous
        for key, configuration in CONFIGURATIONS.items():
            if key in wanted:
                getattr(s3, configuration.put)(Bucket=name, **configuration.arguments(wanted[key]))
            elif key in before:
                configuration.remove(s3, name)
        if request.tags:
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": pairs(request.tags)})
        elif request.previous_tags:
            s3.delete_bucket_tagging(Bucket=name)


def _exists(s3: Any, name: str) -> bool:
    try:
        s3.head_bucket(Bucket=name)
    except ClientError:
        return False
    return True


def _encryption(rule: dict[str, Any]) -> dict[str, Any]:
    made = {key: rule[key] for key in ("BucketKeyEnabled",) if key in rule}
    if "ServerSideEncryptionByDefault" in rule:
        made["ApplyServerSideEncryptionByDefault"] = rule["ServerSideEncryptionByDefault"]
    return made


def _lifecycle(rule: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        made["ID"] = rule["Id"]
    expiration = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = rule["ExpirationInDays"]
    if "ExpiredObjectDeleteMarker" in rule:
        expiration["ExpiredObjectDeleteMarker"] = rule["ExpiredObjectDeleteMarker"]
    if expiration:
        made["Expiration"] = expiration
    if "NoncurrentVersionExpirationInDays" in rule:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    for key in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if key in rule:
            made[key] = rule[key]
    return made


class BucketPolicy(Handler):
    """The policy of a bucket."""

    type = "AWS::S3::BucketPolicy"
    create_only = frozenset({"Bucket"})
    taggable = False
    schema = structure({"Bucket": string(), "PolicyDocument": document()}, "Bucket", "PolicyDocument")

    def create(self, request: Request) -> Made:
        """Put the policy on a bucket that has none."""
        bucket = request.properties["Bucket"]
        if _policy_of(request, bucket):
            raise already_exists(self.type, bucket)
        self._put(request, bucket)
        return Made(bucket)

    def update(self, request: Request) -> Made:
        """Put the policy on a bucket that has one."""
        if not _policy_of(request, request.physical_id):
            raise not_found(self.type, request.physical_id)
        self._put(request, request.physical_id)
        return Made(request.physical_id)

    def delete(self, request: Request) -> None:
        """Take the policy off the bucket."""
        request.client("s3").delete_bucket_policy(Bucket=request.physical_id)

    @staticmethod
    def _put(request: Request, bucket: str) -> None:
        policy = document_text(request.properties["PolicyDocument"])
        request.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)


def _policy_of(request: Request, bucket: str) -> str:
    try:
        return str(request.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
            raise
        return ""
