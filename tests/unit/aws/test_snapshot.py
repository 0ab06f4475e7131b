from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.unit.aws.cloudformation_client import FakeCloudFormation
from tests.unit.aws.s3_client import PAGE, FakeS3

from iam_ra.aws.crls import CrlInfo
from iam_ra.aws.naming import Names
from iam_ra.aws.session import Aws, Caller
from iam_ra.aws.snapshot import Snapshot, take

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = Names("default")
CALLER = Caller("123456789012", "arn:aws:iam::123456789012:user/me", "aws", datetime(2026, 1, 1, tzinfo=UTC))


class Listing:
    """A client with one paginator over given items, counting its pages."""

    def __init__(self, member: str, size: int) -> None:
        self.items: list[dict[str, Any]] = []
        self.pages = 0
        self.parameters: dict[str, Any] = {}
        self._member = member
        self._size = size

    def get_paginator(self, operation: str) -> Listing:
        assert operation in {"list_roles", "list_secrets", "list_crls"}
        return self

    def paginate(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        self.parameters = parameters
        for start in range(0, max(len(self.items), 1), self._size):
            self.pages += 1
            yield {self._member: self.items[start : start + self._size]}


class FakeAws:
    """The clients that a snapshot asks."""

    def __init__(self) -> None:
        self.caller = CALLER
        self.cloudformation = FakeCloudFormation()
        self.cloudformation.page = 100
        self.iam = Listing("Roles", 1000)
        self.secretsmanager = Listing("SecretList", 100)
        self.rolesanywhere = Listing("crls", 50)
        self.s3 = FakeS3()

    @property
    def calls(self) -> Counter[str]:
        pages = Counter(
            roles=self.iam.pages, secrets=self.secretsmanager.pages, crls=self.rolesanywhere.pages
        )
        return pages + self.cloudformation.calls + self.s3.calls

    def add_init(self, status: str = "CREATE_COMPLETE") -> None:
        tags = {"iam-ra:namespace": "default"}
        self.cloudformation.add("iam-ra-default-init", status, tags=tags, outputs={"BucketName": "b"})

    def add_hosts(self, count: int) -> None:
        for n in range(count):
            self.cloudformation.add(f"iam-ra-default-host-{n}", "CREATE_COMPLETE")
            self.iam.items.append({"RoleName": f"iam-ra-default-{n}"})
            self.secretsmanager.items += [secret(f"/iam-ra/default/hosts/{n}/private-key")]


def secret(name: str, **more: Any) -> dict[str, Any]:
    versions = {"old": ["AWSPREVIOUS"], "new": ["AWSCURRENT"]}
    return {"Name": name, "ARN": f"arn:{name}", "SecretVersionsToStages": versions, **more}


def look(aws: FakeAws) -> Snapshot:
    return take(cast("Aws", aws), NAMES)


def test_an_account_without_the_namespace_is_empty() -> None:
    aws = FakeAws()
    aws.cloudformation.add("unrelated", "CREATE_COMPLETE")
    found = look(aws)
    assert found.lineage is None
    assert found.bucket is None
    assert not found.stacks
    assert not found.objects
    assert not aws.s3.calls


def test_the_calls_grow_with_pages_never_with_hosts() -> None:
    few, many = FakeAws(), FakeAws()
    for aws, count in ((few, 10), (many, 90)):
        aws.add_init()
        aws.add_hosts(count)
        look(aws)
    assert few.calls == many.calls
    assert sum(few.calls.values()) == 5
    more = FakeAws()
    more.add_init()
    more.add_hosts(250)
    found = look(more)
    assert len(found.stacks) == 251
    assert len(found.secrets) == 250
    assert more.calls["secrets"] == 3
    assert more.calls["page of describe_stacks"] == 3
    assert more.calls["roles"] == 1


def test_it_holds_what_it_saw() -> None:
    aws = FakeAws()
    aws.add_init()
    aws.add_hosts(1)
    aws.cloudformation.add("iam-ra-other-host-0", "CREATE_COMPLETE")
    etags = {key: aws.s3.write(key, b"") for key in (f"default/{n}" for n in range(PAGE + 1))}
    aws.s3.write("other/x", b"")
    found = look(aws)
    assert set(found.stacks) == {"iam-ra-default-init", "iam-ra-default-host-0"}
    assert found.lineage == found.stacks["iam-ra-default-init"].uuid
    assert found.role_names == {"iam-ra-default-0"}
    assert found.objects == etags


def test_it_holds_the_revocation_lists_of_the_region() -> None:
    aws = FakeAws()
    crl = {"crlId": "i", "crlArn": "a", "name": "n", "trustAnchorArn": "t", "enabled": False, "crlData": b"x"}
    aws.rolesanywhere.items = [crl] * 60
    found = look(aws)
    assert found.crls == (CrlInfo("i", "a", "n", "t", enabled=False, data=b"x"),) * 60
    assert aws.calls["crls"] == 2
    assert aws.secretsmanager.parameters["IncludePlannedDeletion"] is True
    assert aws.secretsmanager.parameters["Filters"] == [{"Key": "name", "Values": ["/iam-ra/default/"]}]


def test_a_secret_shows_its_version_and_whether_it_is_going() -> None:
    aws = FakeAws()
    aws.secretsmanager.items = [
        secret("a", Tags=[{"Key": "k", "Value": "v"}]),
        secret("b", DeletedDate=CALLER.now),
        {"Name": "c", "ARN": "arn:c"},
        secret("d", SecretVersionsToStages={"old": ["AWSPREVIOUS"]}),
    ]
    found = look(aws).secrets
    assert [found[name].version for name in "abcd"] == ["new", "new", None, None]
    assert [found[name].is_deleted for name in "abcd"] == [False, True, False, False]
    assert found["a"].tags == {"k": "v"}


@pytest.mark.parametrize("exists", [True, False])
def test_after_a_deletion_that_failed_the_bucket_may_be_gone(exists: bool) -> None:
    aws = FakeAws()
    aws.add_init("DELETE_FAILED")
    aws.s3.exists = exists
    found = look(aws)
    assert not found.objects
    assert found.lineage is not None


@pytest.mark.parametrize(
    ("tags", "owned"),
    [
        ({"iam-ra:namespace": "default", "iam-ra:lineage": "0"}, True),
        ({"iam-ra:namespace": "default", "iam-ra:lineage": "1"}, False),
        ({"iam-ra:namespace": "other", "iam-ra:lineage": "0"}, False),
        ({"iam-ra:namespace": "default"}, False),
        ({}, False),
    ],
)
def test_a_stack_is_ours_by_namespace_and_lineage(tags: dict[str, str], owned: bool) -> None:
    aws = FakeAws()
    aws.add_init()
    aws.cloudformation.add("iam-ra-default-role-a", "CREATE_COMPLETE", tags=tags)
    found = look(aws)
    assert found.owns(found.stacks["iam-ra-default-role-a"]) is owned
    assert found.owns(found.stacks["iam-ra-default-init"])


@pytest.mark.parametrize("lineage", [{}, {"iam-ra:lineage": "0"}], ids=["none", "one"])
def test_before_there_is_a_lineage_no_stack_is_ours(lineage: dict[str, str]) -> None:
    aws = FakeAws()
    tags = {"iam-ra:namespace": "default", **lineage}
    aws.cloudformation.add("iam-ra-default-role-a", "CREATE_COMPLETE", tags=tags)
    found = look(aws)
    assert not found.owns(found.stacks["iam-ra-default-role-a"])


def test_an_init_stack_of_somebody_else_is_not_ours() -> None:
    aws = FakeAws()
    aws.cloudformation.add("iam-ra-default-init", "CREATE_COMPLETE", tags={})
    found = look(aws)
    assert not found.owns(found.stacks["iam-ra-default-init"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iam-ra-default-init", True),
        ("iam-ra-default-rootca", True),
        ("iam-ra-default-rootca-factory", True),
        ("iam-ra-default-role-a", True),
        ("iam-ra-default-host-a", True),
        ("iam-ra-default-initial", False),
        ("iam-ra-default2-init", False),
        ("iam-ra-default", False),
        ("iam-ra-default-", False),
        ("my-iam-ra-default-init", False),
        ("iam-ra-default-other", False),
    ],
)
def test_names_of_stacks_are_recognised(name: str, expected: bool) -> None:
    assert NAMES.is_ours(name) is expected
