"""AWS::IAM::Role and AWS::IAM::ManagedPolicy."""

from __future__ import annotations

from typing import Any

from iam_ra.sandbox.cloudformation.resources.base import (
    Handler,
    HandlerError,
    Made,
    Request,
    document_text,
    pairs,
)
from iam_ra.sandbox.cloudformation.schema import array, document, integer, string, structure, tags

DEFAULT_SESSION_SECONDS = 3600
LONGEST_ROLE_NAME = 64
LONGEST_POLICY_NAME = 128
VERSIONS_KEPT = 5
PATH = string(minLength=1, maxLength=512, pattern=r"^(/)|(/[\u0021-\u007E]+/)$")


class Role(Handler):
    """An IAM role. Everything but its name and its path changes in place."""

    type = "AWS::IAM::Role"
    name_property = "RoleName"
    create_only = frozenset({"RoleName", "Path"})
    attributes = frozenset({"Arn", "RoleId"})
    system_tags = False
    schema = structure(
        {
            "AssumeRolePolicyDocument": document(),
            "Description": string(
                maxLength=1000, pattern=r"^[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*$"
            ),
            "ManagedPolicyArns": array(string()),
            "MaxSessionDuration": integer(3600, 43200),
            "Path": PATH,
            "PermissionsBoundary": string(minLength=20, maxLength=2048),
            "Policies": array(
                structure(
                    {"PolicyDocument": document(), "PolicyName": string()}, "PolicyName", "PolicyDocument"
                )
            ),
            "RoleName": string(minLength=1, maxLength=64, pattern=r"^[\w+=,.@-]+$"),
            "Tags": tags(maxItems=50),
        },
        "AssumeRolePolicyDocument",
    )

    def create(self, request: Request) -> Made:
        """Create the role, then attach and embed its policies."""
        iam = request.client("iam")
        wanted = request.properties
        name = wanted.get("RoleName") or request.generated_name(LONGEST_ROLE_NAME)
        same = ("Description", "MaxSessionDuration", "Path", "PermissionsBoundary")
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=document_text(wanted["AssumeRolePolicyDocument"]),
            Tags=pairs(request.tags),
            **{key: wanted[key] for key in same if key in wanted},
        )["Role"]
        request.announce(name)
        self._policies(request, name)
        return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def update(self, request: Request) -> Made:
        """Set the trust policy and everything else."""
        iam = request.client("iam")
        name, wanted = request.physical_id, request.properties
        iam.update_assume_role_policy(
            RoleName=name, PolicyDocument=document_text(wanted["AssumeRolePolicyDocument"])
        )
        iam.update_role(
            RoleName=name,
            Description=wanted.get("Description", ""),
            MaxSessionDuration=wanted.get("MaxSessionDuration", DEFAULT_SESSION_SECONDS),
        )
        if "PermissionsBoundary" in wanted:
            iam.put_role_permissions_boundary(
                RoleName=name, PermissionsBoundary=wanted["PermissionsBoundary"]
            )
        elif "PermissionsBoundary" in request.previous:
            iam.delete_role_permissions_boundary(RoleName=name)
        self._policies(request, name)
        if request.removed_tags:
            iam.untag_role(RoleName=name, TagKeys=request.removed_tags)
        if request.tags:
            iam.tag_role(RoleName=name, Tags=pairs(request.tags))
        return Made(name, request.attributes)

    def delete(self, request: Request) -> None:
        """Take the stack's own policies off the role and delete it; foreign ones make the service refuse."""
        iam = request.client("iam")
        name = request.physical_id
        attached = _attached(iam, name)
        for arn in request.properties.get("ManagedPolicyArns", []):
            if arn in attached:
                iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        embedded = iam.list_role_policies(RoleName=name)["PolicyNames"]
        for policy in request.properties.get("Policies", []):
            if policy["PolicyName"] in embedded:
                iam.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])
        iam.delete_role(RoleName=name)

    @staticmethod
    def _policies(request: Request, name: str) -> None:
        iam = request.client("iam")
        wanted, before = request.properties, request.previous
        arns = wanted.get("ManagedPolicyArns", [])
        attached = _attached(iam, name) if arns or before.get("ManagedPolicyArns") else set()
        for arn in arns:
            if arn not in attached:
                iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in before.get("ManagedPolicyArns", []):
            if arn not in arns and arn in attached:
                iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        names = set()
        for policy in wanted.get("Policies", []):
            names.add(policy["PolicyName"])
            text = document_text(policy["PolicyDocument"])
            iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=text)
        there = iam.list_role_policies(RoleName=name)["PolicyNames"] if before.get("Policies") else []
        for policy in before.get("Policies", []):
            if policy["PolicyName"] not in names and policy["PolicyName"] in there:
                iam.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])


def _attached(iam: Any, role: str) -> set[str]:
    return {
        policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    }


class ManagedPolicy(Handler):
    """A customer-managed policy. Its name, path and description cannot change in place; its document can."""

    type = "AWS::IAM::ManagedPolicy"
    name_property = "ManagedPolicyName"
    create_only = frozenset({"ManagedPolicyName", "Description", "Path"})
    attributes = frozenset({"PolicyArn", "PolicyId"})
    taggable = False
    schema = structure(
        {
            "Description": string(maxLength=1000),
            "ManagedPolicyName": string(minLength=1, maxLength=128, pattern=r"^[\w+=,.@-]+$"),
            "Path": PATH,
            "PolicyDocument": document(),
            "Roles": array(string()),
        },
        "PolicyDocument",
        not_offered=["Groups", "Users"],
    )

    def create(self, request: Request) -> Made:
        """Create the policy and attach it to its roles."""
        iam = request.client("iam")
        wanted = request.properties
        policy = iam.create_policy(
            PolicyName=wanted.get("ManagedPolicyName") or request.generated_name(LONGEST_POLICY_NAME),
            PolicyDocument=document_text(wanted["PolicyDocument"]),
            **{key: wanted[key] for key in ("Description", "Path") if key in wanted},
        )["Policy"]
        request.announce(policy["Arn"])
        for role in wanted.get("Roles", []):
            iam.attach_role_policy(RoleName=role, PolicyArn=policy["Arn"])
        return Made(policy["Arn"], {"PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]})

    def update(self, request: Request) -> Made:
        """Make the document the policy's default version, and attach and detach roles."""
        iam = request.client("iam")
        arn, wanted, before = request.physical_id, request.properties, request.previous
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        old = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
        if len(versions) >= VERSIONS_KEPT:
            iam.delete_policy_version(PolicyArn=arn, VersionId=old[-1])
        iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=document_text(wanted["PolicyDocument"]), SetAsDefault=True
        )
        roles = set(wanted.get("Roles", []))
        for role in sorted(roles - set(before.get("Roles", []))):
            iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        for role in sorted(set(before.get("Roles", [])) - roles):
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)
        return Made(arn, request.attributes)

    def delete(self, request: Request) -> None:
        """Detach the policy from its roles, delete its versions and itself."""
        iam = request.client("iam")
        arn = request.physical_id
        for role in request.properties.get("Roles", []):
            try:
                iam.detach_role_policy(RoleName=role, PolicyArn=arn)
            except iam.exceptions.NoSuchEntityException:
                continue
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        attached = iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]
        if attached:
            raise HandlerError("ResourceConflict", "Cannot delete a policy attached to entities.")
        iam.delete_policy(PolicyArn=arn)
