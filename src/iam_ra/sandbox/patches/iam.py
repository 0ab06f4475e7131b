"""IAM: managed policies of AWS on demand, trust policies checked at creation too, quotas, boundaries that exist.

Source: IAM API reference (CreateRole, PutRolePermissionsBoundary), IAM and STS quotas.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import LimitExceededException, MalformedPolicyDocument, NoSuchEntity
from moto.iam.models import AWSManagedPolicy, IAMBackend
from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator

from iam_ra.sandbox.patches.wrapping import around

TRUST_POLICY_CHARACTERS = 2048
POLICIES_PER_ROLE = 10
BY_ARN = (
    "attach_role_policy",
    "attach_user_policy",
    "attach_group_policy",
    "get_policy",
    "get_policy_version",
)


def install() -> None:
    """Mend moto.iam."""
    for name in BY_ARN:

        @around(IAMBackend, name)
        def with_policy(original: Any, self: Any, policy_arn: str, *more: Any, **options: Any) -> Any:
            _provide(self, policy_arn)
            return original(self, policy_arn, *more, **options)

    @around(IAMBackend, "attach_role_policy")
    def attach_role_policy(original: Any, self: Any, policy_arn: str, role_name: str) -> Any:
        attached = self.get_role(role_name).managed_policies
        if policy_arn not in attached and len(attached) >= POLICIES_PER_ROLE:
            raise LimitExceededException(f"Cannot exceed quota for PoliciesPerRole: {POLICIES_PER_ROLE}")
        return original(self, policy_arn, role_name)

    @around(IAMBackend, "create_role")
    def create_role(original: Any, self: Any, *arguments: Any, **options: Any) -> Any:
        given = inspect.signature(original).bind(self, *arguments, **options).arguments
        if not given.get("linked_service"):
            _check_trust_policy(given["assume_role_policy_document"])
        _check_boundary(self, given["permissions_boundary"])
        return original(self, *arguments, **options)

    @around(IAMBackend, "update_assume_role_policy")
    def update_assume_role_policy(original: Any, self: Any, role_name: str, policy_document: str) -> Any:
        self.get_role(role_name)
        _check_trust_policy(policy_document)
        return original(self, role_name, policy_document)

    @around(IAMBackend, "put_role_permissions_boundary")
    def put_role_permissions_boundary(
        original: Any, self: Any, role_name: str, permissions_boundary: str
    ) -> Any:
        _check_boundary(self, permissions_boundary)
        return original(self, role_name, permissions_boundary)


def _provide(backend: Any, arn: str) -> None:
    """Load one managed policy of AWS from moto's copy of them all, which would take a second to parse whole."""
    head = f"arn:{backend.partition}:iam::aws:policy/"
    if not arn.startswith(head) or arn in backend.managed_policies:
        return
    name = arn.rpartition("/")[2]
    mark = f'\n "{name}":'
    start = aws_managed_policies_data.find(mark)
    if start < 0:
        return
    data, _ = json.JSONDecoder().raw_decode(aws_managed_policies_data, start + len(mark))
    policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
    backend.managed_policies[policy.arn] = policy


def _check_boundary(backend: Any, arn: str | None) -> None:
    if not arn:
        return
    _provide(backend, arn)
    if arn not in backend.managed_policies:
        raise NoSuchEntity(f"Scope ARN: {arn} does not exist or is not attachable.")


def _check_trust_policy(document: str) -> None:
    IAMTrustPolicyDocumentValidator(document).validate()
    statements = json.loads(document)["Statement"]
    for statement in [statements] if isinstance(statements, dict) else statements:
        if not {"Principal", "NotPrincipal"} & set(statement):
            raise MalformedPolicyDocument("Missing required field Principal")
    if len("".join(document.split())) > TRUST_POLICY_CHARACTERS:
        raise LimitExceededException(f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_CHARACTERS}")
