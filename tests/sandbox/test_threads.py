"""Sixteen clients at once, for a while: no call fails that would not fail on AWS, and no write is lost.

Each does all there is to do a few times over; `IAM_RA_SOAK=50` takes another number of times.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from tests.sandbox.test_paging import SOON, TRUST, parameters
from tests.sandbox.test_rolesanywhere import SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.conftest import Aws

THREADS = 16
ADDITIONS = 10
ROUNDS = int(os.environ.get("IAM_RA_SOAK", "2"))
ROLE = "arn:aws:iam::123456789012:role/r"
# Of all that goes on below, AWS refuses only a write whose condition another one has broken since.
LOST_RACES = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


def count(aws: Aws, name: str, done: Counter[str]) -> None:
    """Add to a number in S3 that all threads share, or lose the race for it."""
    del name
    s3 = aws("s3")
    for _ in range(ADDITIONS):
        seen = s3.get_object(Bucket="shared", Key="number")
        more = str(int(seen["Body"].read()) + 1).encode()
        try:
            s3.put_object(Bucket="shared", Key="number", Body=more, IfMatch=seen["ETag"])
        except ClientError as error:
            if error.response["Error"]["Code"] not in LOST_RACES:
                raise
            done["races lost"] += 1
        else:
            done["added"] += 1


def stack(aws: Aws, name: str, done: Counter[str]) -> None:
    client = aws("cloudformation")
    made = client.create_stack(StackName=name, TemplateBody=parameters(2, folder=name))["StackId"]
    client.get_waiter("stack_create_complete").wait(StackName=made, WaiterConfig=SOON)
    client.update_stack(StackName=name, TemplateBody=parameters(2, folder=name, value="w"))
    client.get_waiter("stack_update_complete").wait(StackName=made, WaiterConfig=SOON)
    assert aws("ssm").get_parameter(Name=f"/{name}/1")["Parameter"]["Value"] == "w"
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=made, WaiterConfig=SOON)
    done["stacks"] += 1


def look(aws: Aws, name: str, done: Counter[str]) -> None:
    """Look at everything, whatever the others do to it meanwhile."""
    del name
    client = aws("cloudformation")
    for page in client.get_paginator("describe_stacks").paginate():
        for each in page["Stacks"]:
            assert client.describe_stack_events(StackName=each["StackId"])["StackEvents"]
    for service, operation in (
        ("rolesanywhere", "list_trust_anchors"),
        ("rolesanywhere", "list_profiles"),
        ("secretsmanager", "list_secrets"),
        ("iam", "list_roles"),
    ):
        list(aws(service).get_paginator(operation).paginate())
    done["looks"] += 1


def anchor(aws: Aws, name: str, done: Counter[str]) -> None:
    client = aws("rolesanywhere")
    made = client.create_trust_anchor(name=name, source=SOURCE, enabled=True)["trustAnchor"]
    client.tag_resource(resourceArn=made["trustAnchorArn"], tags=[{"key": "name", "value": name}])
    profile = client.create_profile(name=name, roleArns=[ROLE])["profile"]["profileId"]
    tags = client.list_tags_for_resource(resourceArn=made["trustAnchorArn"])["tags"]
    assert tags == [{"key": "name", "value": name}]
    client.delete_profile(profileId=profile)
    client.delete_trust_anchor(trustAnchorId=made["trustAnchorId"])
    done["anchors"] += 1


def secret(aws: Aws, name: str, done: Counter[str]) -> None:
    client = aws("secretsmanager")
    client.create_secret(Name=name, SecretString="one")
    client.put_secret_value(SecretId=name, SecretString="two")
    assert client.get_secret_value(SecretId=name)["SecretString"] == "two"
    client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    done["secrets"] += 1


def role(aws: Aws, name: str, done: Counter[str]) -> None:
    iam, kms = aws("iam"), aws("kms")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    key = kms.create_key(Description=name)["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=name.encode())["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == name.encode()
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    iam.delete_role(RoleName=name)
    done["roles"] += 1


WORKS: list[Callable[[Aws, str, Counter[str]], None]] = [count, stack, look, anchor, secret, role]


@pytest.fixture
def _eager_switches() -> Iterator[None]:
    """Let threads take turns so often that what is not guarded goes wrong soon."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_eager_switches")
@pytest.mark.conforms(
    "All services: Sixteen clients at once meet no error that AWS would not give, and no write is lost.",
    source="Amazon S3 API Reference: PutObject",
)
def test_sixteen_threads(aws: Aws) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="shared")
    s3.put_object(Bucket="shared", Key="number", Body=b"0")
    for service in ("cloudformation", "rolesanywhere", "secretsmanager", "iam", "kms", "ssm"):
        aws(service)  # The fixture makes a client at its first use, which threads must not share.

    def live(thread: int) -> Counter[str]:
        done: Counter[str] = Counter()
        for turn in range(thread, thread + ROUNDS * len(WORKS)):
            WORKS[turn % len(WORKS)](aws, f"t{thread}-{turn}", done)
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        done: Counter[str] = sum(pool.map(live, range(THREADS)), Counter())
    number = int(s3.get_object(Bucket="shared", Key="number")["Body"].read())
    assert number == done["added"]
    assert done["races lost"]
    assert {done[what] for what in ("stacks", "looks", "anchors", "secrets", "roles")} == {ROUNDS * THREADS}
    assert done["added"] + done["races lost"] == ROUNDS * THREADS * ADDITIONS
    assert left(aws) == {"stacks": 0, "anchors": 0, "secrets": 0, "roles": 0}


def left(aws: Aws) -> dict[str, int]:
    found: dict[str, list[Any]] = {
        "stacks": aws("cloudformation").describe_stacks()["Stacks"],
        "anchors": aws("rolesanywhere").list_trust_anchors()["trustAnchors"],
        "secrets": aws("secretsmanager").list_secrets()["SecretList"],
        "roles": aws("iam").list_roles()["Roles"],
    }
    return {what: len(those) for what, those in found.items()}
