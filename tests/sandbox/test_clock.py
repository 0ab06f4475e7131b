from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from tests.e2e.clients.caller import Caller
from tests.e2e.clients.estate import HOST, REGION, Estate, key

from iam_ra.anywhere.keys import sign_with
from iam_ra.anywhere.signature import create_session_request
from iam_ra.sandbox import expiry

if TYPE_CHECKING:
    from pathlib import Path

    from iam_ra.sandbox.server import Server

QUARTER = timedelta(days=90)
NEAR = timedelta(seconds=30)
TEMPLATE = (
    '{"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}}}}'
)
SERVICES = (
    ("sts", "get_caller_identity"),
    ("s3", "list_buckets"),
    ("iam", "list_roles"),
    ("rolesanywhere", "list_profiles"),
    ("cloudformation", "describe_stacks"),
    ("secretsmanager", "list_secrets"),
)


def date(answer: Any) -> datetime:
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])


def near(found: datetime, expected: datetime) -> bool:
    return abs(found - expected) < NEAR


@pytest.fixture
def later(sandbox: Server) -> datetime:
    return sandbox.turn_clock("+90d")


@pytest.mark.conforms(
    "All services: Every answer bears the service's Date, which `sandbox clock` sets.",
    source="RFC 9110: Date",
)
@pytest.mark.parametrize(("service", "operation"), SERVICES)
def test_every_answer_bears_the_date(aws: Any, later: datetime, service: str, operation: str) -> None:
    assert near(date(getattr(aws(service), operation)()), later)
    assert near(later, datetime.now(UTC) + QUARTER)


def test_so_does_a_refusal(aws: Any, later: datetime) -> None:
    with pytest.raises(ClientError) as raised:
        aws("iam").get_role(RoleName="nobody")
    assert near(date(raised.value.response), later)


def test_it_goes_on_from_where_it_stands_to_a_date_and_back(sandbox: Server, aws: Any) -> None:
    sandbox.turn_clock("+90d")
    assert near(sandbox.turn_clock("+1d"), datetime.now(UTC) + QUARTER + timedelta(days=1))
    assert near(sandbox.turn_clock("2031-02-03"), datetime(2031, 2, 3, tzinfo=UTC))
    assert near(sandbox.turn_clock("2031-02-03T04:00+02:00"), datetime(2031, 2, 3, 2, tzinfo=UTC))
    assert near(sandbox.turn_clock("reset"), datetime.now(UTC))
    assert near(date(aws("sts").get_caller_identity()), datetime.now(UTC))


def test_a_reset_of_the_sandbox_resets_it(sandbox: Server, aws: Any, later: datetime) -> None:
    del later
    sandbox.reset()
    assert near(date(aws("sts").get_caller_identity()), datetime.now(UTC))


@pytest.mark.parametrize("to", ["", "tomorrow", "+", "+90", "90d", "+200y", "2500-01-01"])
def test_what_is_no_time_is_refused_and_changes_nothing(sandbox: Server, to: str) -> None:
    with pytest.raises(ValueError, match="`"):
        sandbox.turn_clock(to)
    assert near(sandbox.turn_clock("reset"), datetime.now(UTC))


@pytest.mark.conforms(
    "All services: What is made bears the service's time.",
    source="botocore models: members of type timestamp",
)
def test_what_is_made_is_dated_by_it(aws: Any, later: datetime) -> None:
    stacks, anywhere, secrets = aws("cloudformation"), aws("rolesanywhere"), aws("secretsmanager")
    stacks.create_stack(StackName="s", TemplateBody=TEMPLATE)
    profile = anywhere.create_profile(name="p", roleArns=["arn:aws:iam::123456789012:role/r"])["profile"]
    secret = secrets.create_secret(Name="x", SecretString="s")["ARN"]
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = str({"Version": "2012-10-17", "Statement": [statement]}).replace("'", '"')
    role = aws("iam").create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]
    aws("s3").create_bucket(Bucket="here")
    aws("s3").put_object(Bucket="here", Key="k", Body=b"")
    assert near(stacks.describe_stacks(StackName="s")["Stacks"][0]["CreationTime"], later)
    assert near(stacks.describe_stack_events(StackName="s")["StackEvents"][0]["Timestamp"], later)
    assert near(profile["createdAt"], later)
    assert near(secrets.describe_secret(SecretId=secret)["CreatedDate"], later)
    assert near(role["CreateDate"], later)
    assert near(aws("s3").head_object(Bucket="here", Key="k")["LastModified"], later)


@pytest.fixture
def caller(sandbox: Server, aws: Any, tmp_path: Path) -> Caller:
    estate = Estate(tmp_path, lambda service: aws(service, REGION))
    return Caller(sandbox, estate, estate.authority.sign(HOST, "ec-p256"))


@pytest.mark.conforms(
    "Roles Anywhere sessions: Certificates and sessions end by the service's time.",
    source="IAM Roles Anywhere User Guide: Trust model",
)
def test_a_certificate_and_a_session_end_by_it_and_requests_bear_the_real_time(
    caller: Caller, sandbox: Server
) -> None:
    sandbox.turn_clock("+5d")
    answer = caller.ask(duration_seconds=900)
    assert answer.status == 201
    end = datetime.fromisoformat(answer.credentials["expiration"])
    assert near(end, datetime.now(UTC) + timedelta(days=5, seconds=900))
    assert not expiry.is_over(answer.credentials["accessKeyId"])
    sandbox.turn_clock("+16m")
    assert expiry.is_over(answer.credentials["accessKeyId"])
    sandbox.turn_clock("+50y")
    status, code, message = caller.ask().error
    assert (status, code) == (403, "AccessDeniedException")
    assert "expired" in message.lower() or "valid" in message.lower()


def test_a_request_may_bear_the_sandbox_s_time_and_no_other(caller: Caller, sandbox: Server) -> None:
    sandbox.turn_clock("+5d")
    signer = sign_with(key("ec-p256").signing_key)
    statuses = {}
    for days in (0, 1, 5):
        request = create_session_request(
            caller.asks,
            host=caller.url.removeprefix("http://"),
            leaf=caller.leaf,
            sign=signer,
            now=datetime.now(UTC) + timedelta(days=days),
        )
        statuses[days] = caller.send(request).status
    assert statuses == {0: 201, 1: 403, 5: 201}
