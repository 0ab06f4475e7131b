"""AWS::SSM::Parameter."""

from __future__ import annotations

import secrets
from typing import Any

from iam_ra.sandbox.cloudformation.resources.base import Handler, Made, Request, not_found, pairs
from iam_ra.sandbox.cloudformation.schema import mapping, string, structure


class Parameter(Handler):
    """A parameter of the Systems Manager parameter store. CloudFormation makes no SecureString."""

    type = "AWS::SSM::Parameter"
    name_property = "Name"
    create_only = frozenset({"Name"})
    attributes = frozenset({"Type", "Value"})
    schema = structure(
        {
            "Name": string(minLength=1, maxLength=2048),
            "Type": string(enum=["String", "StringList"]),
            "Value": string(),
            "Description": string(maxLength=1024),
            "Tier": string(enum=["Standard", "Advanced", "Intelligent-Tiering"]),
            "AllowedPattern": string(maxLength=1024),
            "DataType": string(enum=["text", "aws:ec2:image"]),
            "Tags": mapping(string(), maxItems=1000),
        },
        "Type",
        "Value",
        not_offered=["Policies"],
    )

    def create(self, request: Request) -> Made:
        """Put the parameter; one that exists is a failure."""
        name = request.properties.get("Name") or f"CFN-{request.logical_id}-{secrets.token_hex(6)}"
        request.client("ssm").put_parameter(Name=name, **self._settings(request), Tags=pairs(request.tags))
        return self._made(name, request)

    def update(self, request: Request) -> Made:
        """Overwrite the parameter, which must be there."""
        ssm = request.client("ssm")
        name = request.physical_id
        if not ssm.get_parameters(Names=[name])["Parameters"]:
            raise not_found(self.type, name)
        ssm.put_parameter(Name=name, **self._settings(request), Overwrite=True)
        if request.removed_tags:
            ssm.remove_tags_from_resource(
                ResourceType="Parameter", ResourceId=name, TagKeys=request.removed_tags
            )
        if request.tags:
            ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=pairs(request.tags))
        return self._made(name, request)

    def delete(self, request: Request) -> None:
        """Delete the parameter."""
        request.client("ssm").delete_parameter(Name=request.physical_id)

    @staticmethod
    def _settings(request: Request) -> dict[str, Any]:
        return {key: value for key, value in request.properties.items() if key not in {"Name", "Tags"}}

    @staticmethod
    def _made(name: str, request: Request) -> Made:
        return Made(name, {"Type": request.properties["Type"], "Value": request.properties["Value"]})
