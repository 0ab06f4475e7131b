"""AWS::SecretsManager::Secret."""

from __future__ import annotations

import secrets
from typing import Any

from iam_ra.sandbox.cloudformation.resources.base import Handler, Made, Request, not_found, pairs
from iam_ra.sandbox.cloudformation.schema import string, structure, tags


class Secret(Handler):
    """A secret, with or without a first value.

    CloudFormation deletes secrets at once, without a recovery window. Source: CloudFormation user guide, DeletionPolicy
    attribute (aws-cloudformation/cloudformation-coverage-roadmap#1999).
    """

    type = "AWS::SecretsManager::Secret"
    name_property = "Name"
    create_only = frozenset({"Name"})
    attributes = frozenset({"Id"})
    schema = structure(
        {
            "Name": string(minLength=1, maxLength=512),
            "Description": string(maxLength=2048),
            "KmsKeyId": string(maxLength=2048),
            "SecretString": string(minLength=1, maxLength=65536),
            "Tags": tags(),
        },
        not_offered=["GenerateSecretString", "ReplicaRegions", "Type"],
    )

    def create(self, request: Request) -> Made:
        """Create the secret."""
        name = request.properties.get("Name") or f"{request.logical_id}-{secrets.token_hex(6)}"
        made = request.client("secretsmanager").create_secret(
            Name=name, **self._settings(request.properties), Tags=pairs(request.tags)
        )
        return Made(made["ARN"], {"Id": made["ARN"]})

    def update(self, request: Request) -> Made:
        """Set what changed; a value is written only if the template's value changed."""
        manager = request.client("secretsmanager")
        arn = request.physical_id
        if "DeletedDate" in manager.describe_secret(SecretId=arn):
            raise not_found(self.type, arn)
        settings = self._settings(request.properties)
        if settings.get("SecretString") == request.previous.get("SecretString"):
            settings.pop("SecretString", None)
        settings.setdefault("Description", "")
        manager.update_secret(SecretId=arn, **settings)
        if request.removed_tags:
            manager.untag_resource(SecretId=arn, TagKeys=request.removed_tags)
        if request.tags:
            manager.tag_resource(SecretId=arn, Tags=pairs(request.tags))
        return Made(arn, {"Id": arn})

    def delete(self, request: Request) -> None:
        """Delete the secret without a recovery window."""
        request.client("secretsmanager").delete_secret(
            SecretId=request.physical_id, ForceDeleteWithoutRecovery=True
        )

    @staticmethod
    def _settings(properties: dict[str, Any]) -> dict[str, Any]:
        return {
            key: properties[key] for key in ("Description", "KmsKeyId", "SecretString") if key in properties
        }
