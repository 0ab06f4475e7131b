from __future__ import annotations

import errno
import http.client
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from iam_ra.sandbox.call import Call
from iam_ra.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iam_ra.sandbox.faults import Kind
    from iam_ra.sandbox.server import Server

TEMPLATE = (
    '{"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}}}}'
)
QUERY, JSON, REST, S3 = (
    ("iam", "list_roles"),
    ("secretsmanager", "list_secrets"),
    ("rolesanywhere", "list_profiles"),
    ("s3", "list_buckets"),
)


def outcome(call: Any, **arguments: Any) -> str:
    """Return the error's code, or `ok`."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


@pytest.mark.conforms(
    "All services: A fault on demand has the code, the status and the form that the service uses.",
    source="AWS General Reference: Common errors",
)
@pytest.mark.parametrize(
    ("which", "kind", "code", "status"),
    [
        (QUERY, "throttle", "Throttling", 400),
        (JSON, "throttle", "ThrottlingException", 400),
        (REST, "throttle", "ThrottlingException", 429),
        (S3, "throttle", "SlowDown", 503),
        (QUERY, "500", "InternalFailure", 500),
        (JSON, "500", "InternalFailure", 500),
        (REST, "500", "InternalFailure", 500),
        (S3, "500", "InternalError", 500),
        (QUERY, "denied", "AccessDenied", 403),
        (JSON, "denied", "AccessDeniedException", 400),
        (REST, "denied", "AccessDeniedException", 403),
        (S3, "denied", "AccessDenied", 403),
        (S3, "412", "PreconditionFailed", 412),
        (S3, "409", "ConditionalRequestConflict", 409),
        (QUERY, "409", "ConcurrentModification", 409),
        (REST, "409", "ConflictException", 409),
    ],
)
def test_a_fault_speaks_the_protocol_of_its_service(
    sandbox: Server, aws: Any, which: tuple[str, str], kind: Kind, code: str, status: int
) -> None:
    service, operation = which
    sandbox.faults.add(kind, service)
    with pytest.raises(ClientError) as raised:
        getattr(aws(service), operation)()
    response = raised.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert response["Error"]["Message"]


@pytest.mark.parametrize(
    ("when", "failed"),
    [({}, [1, 2, 3, 4, 5, 6]), ({"nth": 2}, [2]), ({"every": 3}, [3, 6]), ({"rate": 0.0}, [])],
)
def test_which_calls_it_meets(sandbox: Server, aws: Any, when: dict[str, Any], failed: list[int]) -> None:
    fault = sandbox.faults.add("throttle", "iam", "ListRoles", **when)
    iam = aws("iam")
    assert [turn for turn in range(1, 7) if outcome(iam.list_roles) != "ok"] == failed
    assert outcome(iam.list_users) == "ok"
    assert (fault.calls, fault.hits) == (6, len(failed))


def test_a_rate_is_repeatable_by_its_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        fault = Fault("throttle", rate=0.5, seed=seed)
        return [fault.meets(Call("iam", "ListRoles")) for _ in range(200)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert 70 < sum(drawn(1)) < 130


def test_names_are_patterns_and_need_no_capitals(sandbox: Server, aws: Any) -> None:
    sandbox.faults.add("denied", "IAM", "list*")
    assert outcome(aws("iam").list_roles) == "AccessDenied"
    assert outcome(aws("iam").get_role, RoleName="r") == "NoSuchEntity"


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "flood"},
        {"kind": "500", "nth": 0},
        {"kind": "500", "nth": 1, "every": 2},
        {"kind": "500", "rate": 1.5},
        {"kind": "500", "seconds": 1},
        {"kind": "412", "service": "iam"},
    ],
)
def test_what_no_fault_can_be_is_refused(sandbox: Server, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        sandbox.faults.add(**options)
    assert sandbox.faults.waiting() == []


@pytest.fixture
def hasty(sandbox: Server) -> Iterator[Any]:
    """Return a maker of clients that neither retry nor wait."""
    made = []

    def client(service: str) -> Any:
        session = boto3.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
        )
        config = Config(retries={"total_max_attempts": 1}, read_timeout=0.5)
        found = session.client(service, endpoint_url=sandbox.endpoint_url, config=config)  # type: ignore[call-overload]
        made.append(found)
        return found

    yield client
    for each in made:
        each.close()


def test_a_reset_ends_the_connection_and_nothing_is_done(sandbox: Server, hasty: Any, aws: Any) -> None:
    sandbox.faults.add("reset", "s3", "CreateBucket")
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        hasty("s3").create_bucket(Bucket="here")
    assert aws("s3").list_buckets()["Buckets"] == []
    assert sandbox.calls.last(2)[0].status == 0


def test_a_timeout_loses_the_answer_of_what_is_done(sandbox: Server, hasty: Any, aws: Any) -> None:
    sandbox.faults.add("timeout", "s3", "CreateBucket")
    with pytest.raises(ReadTimeoutError):
        hasty("s3").create_bucket(Bucket="here")
    assert [each["Name"] for each in aws("s3").list_buckets()["Buckets"]] == ["here"]


def test_a_slow_call_is_answered_in_the_end_and_holds_up_nobody_else(
    sandbox: Server, hasty: Any, aws: Any
) -> None:
    sandbox.faults.add("slow", "s3", seconds=0.3)
    started = time.monotonic()
    assert outcome(hasty("s3").list_buckets) == "ok"
    assert time.monotonic() - started > 0.3
    sandbox.faults.clear()
    sandbox.faults.add("slow", "s3", "CreateBucket", seconds=30)
    with pytest.raises(ReadTimeoutError):
        hasty("s3").create_bucket(Bucket="late")
    started = time.monotonic()
    assert outcome(aws("iam").list_roles) == "ok"
    assert time.monotonic() - started < 5


def test_cleared_faults_meet_nothing_and_so_do_those_of_a_sandbox_that_was_reset(
    sandbox: Server, aws: Any
) -> None:
    sandbox.faults.add("500", "iam")
    sandbox.faults.add_resource("P", "us-east-1")
    assert sandbox.faults.clear() == 2
    assert outcome(aws("iam").list_roles) == "ok"
    sandbox.faults.add("500", "iam")
    sandbox.faults.add_resource("P", "us-east-1")
    sandbox.reset()
    assert outcome(aws("iam").list_roles) == "ok"
    assert sandbox.faults.waiting_resources() == []


def test_a_stack_s_own_calls_are_left_alone(sandbox: Server, aws: Any) -> None:
    sandbox.faults.add("500", "ssm")
    stacks = aws("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=TEMPLATE)
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    assert outcome(aws("ssm").describe_parameters) == "InternalFailure"


def test_a_resource_fails_by_its_logical_id_with_the_reason(sandbox: Server, aws: Any) -> None:
    sandbox.faults.add_resource("P", "us-east-1", on="create", reason="Out of luck", stack_name="s")
    (waiting,) = sandbox.faults.waiting_resources()
    assert (waiting["resource"], waiting["on"], waiting["stack_name"]) == ("P", "create", "s")
    stacks = aws("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=TEMPLATE, OnFailure="DO_NOTHING")
    deadline = time.monotonic() + 10
    while (status := stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"]) != "CREATE_FAILED":
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    reasons = [
        each.get("ResourceStatusReason", "")
        for each in stacks.describe_stack_events(StackName="s")["StackEvents"]
        if each["ResourceStatus"] == "CREATE_FAILED" and each["LogicalResourceId"] == "P"
    ]
    assert reasons == ["Out of luck"]
    assert sandbox.faults.waiting_resources() == []


@pytest.mark.parametrize("wrong", [{"on": "read"}, {"times": 0}, {"reason": ""}])
def test_a_resource_fails_only_in_what_is_done_with_it(sandbox: Server, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        sandbox.faults.add_resource("P", "us-east-1", **wrong)


def asked(url: str, pem: str, method: str = "GET", path: str = "/", **headers: str) -> int:
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port)
    connection = (
        http.client.HTTPConnection(*address)
        if parts.scheme == "http"
        else http.client.HTTPSConnection(*address, context=ssl.create_default_context(cadata=pem))
    )
    try:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("url", ["endpoint_url", "https_url"])
def test_a_reset_is_one_to_the_client_s_system_too(sandbox: Server, url: str) -> None:
    sandbox.faults.add("reset")
    with pytest.raises(ConnectionResetError) as raised:
        asked(getattr(sandbox, url), sandbox.authority_pem)
    # Through TLS, Python tells a reset from an end no more.
    assert raised.value.errno == (errno.ECONNRESET if url == "endpoint_url" else None)


def test_clearing_ends_the_pauses(sandbox: Server, aws: Any) -> None:
    sandbox.faults.add("slow", "iam", seconds=30)
    timer = threading.Timer(0.3, sandbox.faults.clear)
    timer.start()
    started = time.monotonic()
    assert outcome(aws("iam").list_roles) == "ok"
    assert 0.2 < time.monotonic() - started < 10
    timer.join()


def test_no_page_of_a_browser_can_control_the_sandbox(sandbox: Server, aws: Any) -> None:
    aws("s3").create_bucket(Bucket="here")
    ways: tuple[dict[str, str], ...] = {"Content-Type": "text/plain"}, {}
    statuses = [asked(sandbox.endpoint_url, "", "POST", "/_sandbox/reset", **way) for way in ways]
    assert statuses == [400, 400]
    assert len(aws("s3").list_buckets()["Buckets"]) == 1
    assert asked(sandbox.endpoint_url, "", "GET", "/_sandbox/unknown") == 404
