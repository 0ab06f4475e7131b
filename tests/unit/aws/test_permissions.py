"""The table of permissions against what is published of actions and of resource types; what is allowed for which file."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.e2e.handlers import DATA, OPERATIONS, asked_for

from iam_ra.aws.naming import Names
from iam_ra.aws.permissions import (
    _NEEDED,
    FREE,
    MAX_CHARACTERS,
    TABLE,
    USES,
    Grant,
    Scope,
    Use,
    actions_of,
    policies,
    size,
    statements,
)

TEMPLATES = Path(__file__).parents[3] / "templates" / "cloudformation"
CA = "arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/0a0b"
READ = re.compile(r"(Get|List|Describe)\w+|Decrypt")
ACTIONS = json.loads((DATA / "AdditionalSpecs" / "Policies.json").read_text())


def scope(**changes: Any) -> Scope:
    values: dict[str, Any] = {
        "names": Names("default"),
        "partition": "aws",
        "region": "eu-central-1",
        "account": "123456789012",
        "uses": USES,
        "policies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        "boundaries": ["arn:aws:iam::123456789012:policy/edge"],
        "private_cas": [CA],
    }
    return Scope(**{**values, **changes})


def allowed(documents: list[dict[str, Any]]) -> set[str]:
    return {action for each in documents for statement in each["Statement"] for action in statement["Action"]}


def published(action: str) -> dict[str, Any]:
    service, name = action.split(":")
    found: dict[str, Any] = ACTIONS[service]["Actions"][name.lower()]
    return found


@pytest.mark.parametrize("grant", TABLE, ids=lambda grant: grant.sid)
def test_every_action_is_one_of_its_service_and_takes_the_resources(grant: Grant) -> None:
    for action in grant.actions:
        kinds = published(action).get("Resources", [])
        assert (grant.resources == ("*",)) is not bool(kinds), action
        formats = [
            form.replace("${Partition}", "aws").replace("${Region}", "r").replace("${Account}", "a")
            for kind in kinds
            for form in ACTIONS[action.split(":")[0]]["Resources"][kind.lower()]["ARNFormats"]
        ]
        words = {"partition": "aws", "region": "r", "account": "a", "namespace": "n"}
        words |= {"private_ca": "arn:aws:acm-pca:r:a:certificate-authority/c", "private_ca_id": "c"}
        own = [resource.format_map(words) for resource in grant.resources]
        assert not kinds or any(
            re.match(form.replace("*", ".*"), each) for form in formats for each in own
        ), action


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.json")), ids=lambda path: path.stem)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_cloudformation_does_for_our_templates_is_listed(template: Path, operation: str) -> None:
    kinds = frozenset(re.findall(r'"Type": "(AWS::\w+::\w+)"', template.read_text()))
    assert kinds
    assert not asked_for(operation, kinds) - allowed(policies("apply", scope()))


def test_nothing_is_listed_twice_but_with_another_condition() -> None:
    lines = [(action, grant.resources, str(grant.condition)) for grant in TABLE for action in grant.actions]
    assert len(lines) == len(set(lines))
    assert len({grant.sid for grant in TABLE}) == len(TABLE)
    assert set(get_args(Use)) == USES


def test_plan_only_reads() -> None:
    found = allowed(policies("plan", scope()))
    assert found
    assert not [action for action in found if not READ.fullmatch(action.split(":")[1])]
    # Nor does it read a host's key.
    assert "secretsmanager:GetSecretValue" not in found
    assert found < allowed(policies("apply", scope()))


@pytest.mark.parametrize(
    ("use", "action"),
    [
        ("secretsmanager", "secretsmanager:ListSecrets"),
        ("secretsmanager", "secretsmanager:CreateSecret"),
        ("kms", "kms:Sign"),
        ("private CA", f"{CA}"),
        ("new private CA", "acm-pca:CreateCertificateAuthority"),
        ("inline policies", "iam:PutRolePolicy"),
        ("managed policies", "iam:AttachRolePolicy"),
        ("boundaries", "iam:PutRolePermissionsBoundary"),
    ],
)
def test_what_a_file_does_not_use_is_not_allowed(use: Use, action: str) -> None:
    assert f'"{action}"' in json.dumps(policies("apply", scope()))
    assert f'"{action}"' not in json.dumps(policies("apply", scope(uses=USES - {use})))


def test_a_fleet_of_sops_files_needs_no_secrets_manager() -> None:
    texts = [json.dumps(policies(each, scope(uses=frozenset()))) for each in ("plan", "apply")]
    assert not any("secretsmanager" in text for text in texts)


def test_only_the_policies_of_the_file_can_be_attached() -> None:
    arns = [f"arn:aws:iam::123456789012:policy/p{number:03}" for number in range(90)]
    found = [
        each for each in statements("apply", scope(policies=arns)) if "iam:AttachRolePolicy" in each["Action"]
    ]
    assert [each["Sid"] for each in found] == ["IamAttach", "IamAttach2", "IamAttach3"]
    assert [arn for each in found for arn in each["Condition"]["ArnEquals"]["iam:PolicyARN"]] == arns
    assert not statements("apply", scope(policies=[]))[-1]["Sid"].startswith("IamAttach")


@pytest.mark.parametrize("purpose", ["plan", "apply"])
def test_each_policy_is_within_iams_limit(purpose: Any) -> None:
    arns = [f"arn:aws-us-gov:iam::123456789012:policy/{'p' * 100}{number:03}" for number in range(300)]
    wide = scope(names=Names("n" * 20), partition="aws-us-gov", region="us-gov-east-1", policies=arns)
    found = policies(purpose, wide)
    assert max(size(each) for each in found) <= MAX_CHARACTERS
    together = [statement for each in found for statement in each["Statement"]]
    assert together == statements(purpose, wide)
    assert len(policies("plan", scope())) == 1


def test_resources_are_those_of_the_namespace() -> None:
    for statement in statements("apply", scope(names=Names("edge"), private_cas=[])):
        own = [resource for resource in statement["Resource"] if "edge" in resource]
        shared = [resource for resource in statement["Resource"] if resource not in own]
        assert all(
            resource == "*"
            or (fnmatchcase(resource, "arn:aws:*:*:*") and resource.endswith(("/*", "RolesAnywhere")))
            for resource in shared
        ), statement
    assert not re.search(r"\{\w+\}", json.dumps(statements("apply", scope())))


def test_china_has_names_of_its_own() -> None:
    china = scope(partition="aws-cn", region="cn-north-1", policies=[], boundaries=[], private_cas=[])
    text = json.dumps(policies("apply", china))
    assert "s3.cn-north-1.amazonaws.com.cn" in text
    assert "arn:aws:" not in text


def test_operations_need_the_actions_that_iam_knows() -> None:
    for call in _NEEDED:
        assert all(published(action) is not None for action in actions_of(call))
    assert actions_of("s3:ListObjectsV2") == ("s3:ListBucket",)
    assert actions_of("iam:ListRoles") == ("iam:ListRoles",)
    assert [actions_of(call) for call in FREE] == [(), ()]
