"""AWS::KMS::Key and AWS::KMS::Alias."""

from __future__ import annotations

from typing import Any

from iam_ra.sandbox.cloudformation.resources.base import (
    NOT_FOUND,
    Handler,
    HandlerError,
    Made,
    Request,
    document_text,
    not_found,
    pairs,
)
from iam_ra.sandbox.cloudformation.schema import boolean, document, integer, string, structure, tags

DEFAULT_WINDOW_DAYS = 30
DELETING = "PendingDeletion"
KEY_SPECS = (
    "SYMMETRIC_DEFAULT",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
)


class Key(Handler):
    """A KMS key. Deleting it schedules its deletion.

    A change of KeySpec or KeyUsage fails the update. Source: AWS::KMS::Key, CloudFormation template reference.
    """

    type = "AWS::KMS::Key"
    attributes = frozenset({"Arn", "KeyId"})
    system_tags = False
    gone = NOT_FOUND | {"KMSInvalidStateException"}
    schema = structure(
        {
            "Description": string(maxLength=8192),
            "Enabled": boolean(),
            "EnableKeyRotation": boolean(),
            "KeyPolicy": document(),
            "KeySpec": string(enum=KEY_SPECS),
            "KeyUsage": string(
                enum=["ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"]
            ),
            "PendingWindowInDays": integer(7, 30),
            "Tags": tags(),
        },
        not_offered=["BypassPolicyLockoutSafetyCheck", "MultiRegion", "Origin", "RotationPeriodInDays"],
    )

    def create(self, request: Request) -> Made:
        """Create the key, then switch rotation and the key itself as asked."""
        kms = request.client("kms")
        wanted = request.properties
        names = ("Description", "KeySpec", "KeyUsage")
        settings: dict[str, Any] = {name: wanted[name] for name in names if name in wanted}
        if "KeyPolicy" in wanted:
            settings["Policy"] = document_text(wanted["KeyPolicy"])
        made = kms.create_key(**settings, Tags=pairs(request.tags, "TagKey", "TagValue"))["KeyMetadata"]
        request.announce(made["KeyId"])
        if wanted.get("EnableKeyRotation"):
            kms.enable_key_rotation(KeyId=made["KeyId"])
        if wanted.get("Enabled") is False:
            kms.disable_key(KeyId=made["KeyId"])
        return Made(made["KeyId"], {"Arn": made["Arn"], "KeyId": made["KeyId"]})

    def update(self, request: Request) -> Made:
        """Set description, policy, rotation, state and tags."""
        kms = request.client("kms")
        key_id, wanted = request.physical_id, request.properties
        key = kms.describe_key(KeyId=key_id)["KeyMetadata"]
        if key["KeyState"] == DELETING:
            raise not_found(self.type, key_id)
        for name, default in (("KeySpec", "SYMMETRIC_DEFAULT"), ("KeyUsage", "ENCRYPT_DECRYPT")):
            if wanted.get(name, default) != key.get(name, default):
                raise HandlerError("NotUpdatable", f"You cannot change the {name} of an existing KMS key.")
        kms.update_key_description(KeyId=key_id, Description=wanted.get("Description", ""))
        if "KeyPolicy" in wanted:
            kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=document_text(wanted["KeyPolicy"]))
        if wanted.get("EnableKeyRotation", False) != request.previous.get("EnableKeyRotation", False):
            (kms.enable_key_rotation if wanted.get("EnableKeyRotation") else kms.disable_key_rotation)(
                KeyId=key_id
            )
        (kms.enable_key if wanted.get("Enabled", True) else kms.disable_key)(KeyId=key_id)
        if request.removed_tags:
            kms.untag_resource(KeyId=key_id, TagKeys=request.removed_tags)
        if request.tags:
            kms.tag_resource(KeyId=key_id, Tags=pairs(request.tags, "TagKey", "TagValue"))
        return Made(key_id, request.attributes)

    def delete(self, request: Request) -> None:
        """Schedule the key's deletion."""
        days = request.properties.get("PendingWindowInDays", DEFAULT_WINDOW_DAYS)
        request.client("kms").schedule_key_deletion(KeyId=request.physical_id, PendingWindowInDays=days)


class Alias(Handler):
    """A name for a KMS key."""

    type = "AWS::KMS::Alias"
    name_property = "AliasName"
    create_only = frozenset({"AliasName"})
    taggable = False
    schema = structure(
        {
            "AliasName": string(minLength=1, maxLength=256, pattern="^(alias/)[a-zA-Z0-9:/_-]+$"),
            "TargetKeyId": string(minLength=1, maxLength=256),
        },
        "AliasName",
        "TargetKeyId",
    )

    def create(self, request: Request) -> Made:
        """Create the alias."""
        name = request.properties["AliasName"]
        request.client("kms").create_alias(AliasName=name, TargetKeyId=request.properties["TargetKeyId"])
        return Made(name)

    def update(self, request: Request) -> Made:
        """Point the alias, which must be there, to the key."""
        request.client("kms").update_alias(
            AliasName=request.physical_id, TargetKeyId=request.properties["TargetKeyId"]
        )
        return Made(request.physical_id)

    def delete(self, request: Request) -> None:
        """Delete the alias."""
        request.client("kms").delete_alias(AliasName=request.physical_id)
