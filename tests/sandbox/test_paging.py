"""boto3's own paginators and waiters: pages follow each other without loss, and waiting ends when AWS's would."""

from __future__ import annotations

import json
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import WaiterError
from tests.sandbox.test_rolesanywhere import ACCOUNT, CA, SOURCE, revocations

from iam_ra.sandbox.rolesanywhere.models import rolesanywhere_backends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.conftest import Aws

ROLE = "arn:aws:iam::123456789012:role/r"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "rolesanywhere.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
            }
        ],
    }
)
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
)
SHARED = "arn:aws:iam::123456789012:policy/p0"
FIVE = range(5)
SOON = {"Delay": 0.03, "MaxAttempts": 200}


def parameters(count: int, *, chained: bool = False, value: str = "v", folder: str = "p") -> str:
    resources = {}
    for number in range(count):
        before = {"DependsOn": f"P{number - 1}"} if chained and number else {}
        properties = {"Name": f"/{folder}/{number}", "Type": "String", "Value": value}
        resources[f"P{number}"] = {"Type": "AWS::SSM::Parameter", "Properties": properties, **before}
    return json.dumps({"Resources": resources})


def fill_rolesanywhere(aws: Aws) -> None:
    client = aws("rolesanywhere")
    for number in FIVE:
        anchor = client.create_trust_anchor(name=f"a{number}", source=SOURCE)["trustAnchor"]["trustAnchorArn"]
        client.create_profile(name=f"p{number}", roleArns=[ROLE])
        client.import_crl(name=f"c{number}", crlData=revocations(), trustAnchorArn=anchor)
        # Only sessions make subjects otherwise.
        rolesanywhere_backends[ACCOUNT]["us-east-1"].subjects.record(
            x509_subject=f"CN=h{number}", serial="1", issuer="CN=root", certificate=CA
        )


def fill_s3(aws: Aws) -> None:
    client = aws("s3")
    client.create_bucket(Bucket="bucket")
    client.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    for number in FIVE:
        client.put_object(Bucket="bucket", Key=f"k{number}", Body=b"")


def fill_secretsmanager(aws: Aws) -> None:
    for number in FIVE:
        aws("secretsmanager").create_secret(Name=f"s{number}", SecretString="v")


def fill_iam(aws: Aws) -> None:
    client = aws("iam")
    for number in FIVE:
        client.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=TRUST)
        arn = client.create_policy(PolicyName=f"p{number}", PolicyDocument=POLICY)["Policy"]["Arn"]
        client.attach_role_policy(RoleName="r0", PolicyArn=arn)
        client.tag_role(RoleName="r0", Tags=[{"Key": f"k{number}", "Value": "v"}])


def fill_more_iam(aws: Aws) -> None:
    fill_iam(aws)
    client = aws("iam")
    for number in FIVE:
        client.put_role_policy(RoleName="r0", PolicyName=f"p{number}", PolicyDocument=POLICY)
        client.attach_role_policy(RoleName=f"r{number}", PolicyArn=SHARED)
        if number:
            client.create_policy_version(PolicyArn=SHARED, PolicyDocument=POLICY)


def fill_kms(aws: Aws) -> None:
    for _ in FIVE:
        aws("kms").create_key()


def fill_more_s3(aws: Aws) -> None:
    for number in FIVE:
        aws("s3").create_bucket(Bucket=f"bucket{number}")
        aws("s3").create_multipart_upload(Bucket="bucket0", Key=f"k{number}")


def fill_ssm(aws: Aws) -> None:
    client = aws("ssm")
    for number in FIVE:
        client.put_parameter(Name=f"/p/{number}", Type="String", Value="v")
        client.put_parameter(Name="/h", Type="String", Value=f"v{number}", Overwrite=True)


FILL: dict[str, Callable[[Aws], None]] = {
    "rolesanywhere": fill_rolesanywhere,
    "s3": fill_s3,
    "secretsmanager": fill_secretsmanager,
    "iam": fill_iam,
    "ssm": fill_ssm,
}
PAGED: list[tuple[str, str, str, str, dict[str, Any]]] = [
    ("rolesanywhere", "list_trust_anchors", "trustAnchors", "name", {"pageSize": 2}),
    ("rolesanywhere", "list_profiles", "profiles", "name", {"pageSize": 2}),
    ("rolesanywhere", "list_crls", "crls", "name", {"pageSize": 2}),
    ("rolesanywhere", "list_subjects", "subjects", "x509Subject", {"pageSize": 2}),
    ("s3", "list_objects_v2", "Contents", "Key", {"Bucket": "bucket"}),
    ("s3", "list_objects", "Contents", "Key", {"Bucket": "bucket"}),
    ("s3", "list_object_versions", "Versions", "Key", {"Bucket": "bucket"}),
    ("secretsmanager", "list_secrets", "SecretList", "Name", {}),
    ("iam", "list_roles", "Roles", "RoleName", {}),
    ("iam", "list_policies", "Policies", "PolicyName", {"Scope": "Local"}),
    ("iam", "list_attached_role_policies", "AttachedPolicies", "PolicyName", {"RoleName": "r0"}),
    ("iam", "list_role_tags", "Tags", "Key", {"RoleName": "r0"}),
    ("ssm", "get_parameters_by_path", "Parameters", "Name", {"Path": "/p"}),
    ("ssm", "get_parameter_history", "Parameters", "Value", {"Name": "/h"}),
]


@pytest.mark.conforms(
    "All services: Paginators get every item once, in pages of the size that was asked for.",
    source="botocore: paginators-1.json of each service",
)
@pytest.mark.parametrize(
    ("service", "operation", "items", "key", "options"), PAGED, ids=[f"{each[0]}.{each[1]}" for each in PAGED]
)
def test_paginators(
    aws: Aws, service: str, operation: str, items: str, key: str, options: dict[str, Any]
) -> None:
    FILL[service](aws)
    paginator = aws(service).get_paginator(operation)
    # Where botocore's paginator does not know how the size is called, it is an option like others.
    config = {} if "pageSize" in options else {"PageSize": 2}
    pages = [page[items] for page in paginator.paginate(PaginationConfig=config, **options)]
    assert [len(page) for page in pages] == [2, 2, 1]
    found = [item[key] for page in pages for item in page]
    assert sorted(found) == sorted(set(found))


UNPAGED: list[tuple[str, Callable[[Aws], None], str, str, dict[str, str], list[int]]] = [
    ("kms", fill_kms, "list_keys", "Keys", {}, [5]),
    ("ssm", fill_ssm, "describe_parameters", "Parameters", {}, [6]),
    ("iam", fill_more_iam, "list_role_policies", "PolicyNames", {"RoleName": "r0"}, [5]),
    ("iam", fill_more_iam, "list_policy_versions", "Versions", {"PolicyArn": SHARED}, [5]),
    ("iam", fill_more_iam, "list_entities_for_policy", "PolicyRoles", {"PolicyArn": SHARED}, [2]),
    ("s3", fill_more_s3, "list_multipart_uploads", "Uploads", {"Bucket": "bucket0"}, [5]),
    ("s3", fill_more_s3, "list_buckets", "Buckets", {}, [2]),
]


@pytest.mark.parametrize(
    ("service", "fill", "operation", "items", "options", "lengths"),
    UNPAGED,
    ids=[f"{each[0]}.{each[2]}" for each in UNPAGED],
)
def test_lists_whose_pages_are_told_to_be_wrong(
    aws: Aws,
    service: str,
    fill: Callable[[Aws], None],
    operation: str,
    items: str,
    options: dict[str, str],
    lengths: list[int],
) -> None:
    fill(aws)
    pages = aws(service).get_paginator(operation).paginate(PaginationConfig={"PageSize": 2}, **options)
    assert [len(page[items]) for page in pages] == lengths, "moto has changed: correct docs/sandbox.md"


@pytest.mark.conforms(
    "CloudFormation: Paginators get every stack, event and resource once, over more than one page.",
    source="botocore: paginators-1.json of cloudformation",
)
def test_paginators_of_cloudformation(aws: Aws) -> None:
    client = aws("cloudformation")
    made = [
        client.create_stack(StackName=name, TemplateBody=parameters(count, folder=name))["StackId"]
        for name, count in [("s0", 120), *((f"s{number}", 1) for number in range(1, 120))]
    ]
    client.get_waiter("stack_create_complete").wait(StackName="s0", WaiterConfig=SOON)

    def whole(operation: str, items: str, key: str, **options: str) -> list[str]:
        pages = [page[items] for page in client.get_paginator(operation).paginate(**options)]
        assert len(pages) > 1
        assert all(pages)
        return sorted(item[key] for page in pages for item in page)

    assert whole("describe_stacks", "Stacks", "StackId") == sorted(made)
    assert whole("list_stacks", "StackSummaries", "StackId") == sorted(made)
    logical = sorted(f"P{number}" for number in range(120))
    assert (
        whole("list_stack_resources", "StackResourceSummaries", "LogicalResourceId", StackName="s0")
        == logical
    )
    events = whole("describe_stack_events", "StackEvents", "EventId", StackName="s0")
    assert len(set(events)) == len(events) == 2 + 3 * len(logical)


@contextmanager
def polls(client: Any) -> Iterator[list[int]]:
    """Collect the HTTP status of every answer meanwhile."""
    seen: list[int] = []

    def note(http_response: Any, **_: Any) -> None:
        seen.append(http_response.status_code)

    client.meta.events.register("after-call", note)
    yield seen
    client.meta.events.unregister("after-call", note)


@pytest.mark.conforms(
    "CloudFormation: Waiters wait for a creation, an update, a rollback and a deletion.",
    source="botocore: waiters-2.json of cloudformation",
)
def test_waiters_of_cloudformation(aws: Aws) -> None:
    client = aws("cloudformation")

    def wait(name: str) -> None:
        with polls(client) as seen:
            client.get_waiter(name).wait(StackName=stack, WaiterConfig=SOON)
        assert len(seen) > 1

    stack = client.create_stack(StackName="s", TemplateBody=parameters(4, chained=True))["StackId"]
    wait("stack_create_complete")
    client.update_stack(StackName="s", TemplateBody=parameters(4, chained=True, value="w"))
    wait("stack_update_complete")
    client.update_stack(StackName="s", TemplateBody=parameters(4, chained=True, value=""))
    wait("stack_rollback_complete")
    client.delete_stack(StackName="s")
    wait("stack_delete_complete")


@pytest.mark.conforms(
    "CloudFormation: Waiters give up on a creation or an update that failed.",
    source="botocore: waiters-2.json of cloudformation",
)
def test_waiters_of_cloudformation_give_up(aws: Aws) -> None:
    client = aws("cloudformation")
    client.create_stack(StackName="s", TemplateBody=parameters(1, value=""))
    with pytest.raises(WaiterError, match="ROLLBACK_"):
        client.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig=SOON)
    client.create_stack(StackName="t", TemplateBody=parameters(1))
    client.get_waiter("stack_create_complete").wait(StackName="t", WaiterConfig=SOON)
    client.update_stack(StackName="t", TemplateBody=parameters(1, value=""))
    with pytest.raises(WaiterError):
        client.get_waiter("stack_update_complete").wait(StackName="t", WaiterConfig=SOON)


WAITERS: list[tuple[str, str, dict[str, str], str, dict[str, str], int]] = [
    ("s3", "bucket_exists", {"Bucket": "new"}, "create_bucket", {}, 404),
    ("s3", "bucket_not_exists", {"Bucket": "old"}, "delete_bucket", {}, 200),
    ("s3", "object_exists", {"Bucket": "bucket", "Key": "new"}, "put_object", {"Body": ""}, 404),
    ("s3", "object_not_exists", {"Bucket": "bucket", "Key": "old"}, "delete_object", {}, 200),
    ("iam", "role_exists", {"RoleName": "new"}, "create_role", {"AssumeRolePolicyDocument": TRUST}, 404),
    (
        "cloudformation",
        "stack_exists",
        {"StackName": "new"},
        "create_stack",
        {"TemplateBody": parameters(1)},
        400,
    ),
]


@pytest.mark.conforms(
    "All services: Waiters see what comes to exist, and what goes.",
    source="botocore: waiters-2.json of each service",
)
@pytest.mark.parametrize(
    ("service", "waiter", "names", "operation", "more", "first"), WAITERS, ids=[each[1] for each in WAITERS]
)
def test_waiters(
    aws: Aws,
    service: str,
    waiter: str,
    names: dict[str, str],
    operation: str,
    more: dict[str, str],
    first: int,
) -> None:
    s3, client = aws("s3"), aws(service)
    s3.create_bucket(Bucket="bucket")
    s3.create_bucket(Bucket="old")
    s3.put_object(Bucket="bucket", Key="old", Body=b"")
    later = Timer(0.3, lambda: getattr(client, operation)(**names, **more))
    later.start()
    with polls(client) as seen:
        client.get_waiter(waiter).wait(**names, WaiterConfig=SOON)
    later.join()
    assert len(seen) > 2
    assert seen[0] == first


def test_policy_exists_waits(aws: Aws) -> None:
    client = aws("iam")
    later = Timer(0.3, lambda: client.create_policy(PolicyName="new", PolicyDocument=POLICY))
    later.start()
    with polls(client) as seen:
        client.get_waiter("policy_exists").wait(
            PolicyArn="arn:aws:iam::123456789012:policy/new", WaiterConfig=SOON
        )
    later.join()
    assert len(seen) > 2
    assert seen[0] == 404
