from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.e2e.clients.caller import Caller
from tests.e2e.clients.estate import HOST, REGION, Estate

from iam_ra.sandbox import loopback
from iam_ra.sandbox.call import Call
from iam_ra.sandbox.limits import Limits
from iam_ra.sandbox.server import LOCK, Server
from iam_ra.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
DELAY = 0.6


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.conforms(
    "Roles Anywhere: With `--real-limits`, calls of a family come once a second and sessions ten times.",
    source="AWS General Reference: IAM Roles Anywhere endpoints and quotas",
)
@pytest.mark.parametrize(
    ("service", "operation", "rate"),
    [
        ("rolesanywhere", "ListTrustAnchors", 1),
        ("rolesanywhere", "UpdateProfile", 1),
        ("rolesanywhere", "ImportCrl", 1),
        ("rolesanywhere", "ListSubjects", 1),
        ("rolesanywhere", "TagResource", 1),
        ("rolesanywhere", "CreateSession", 10),
        ("cloudformation", "DescribeStacks", 5),
    ],
)
def test_each_family_has_its_rate(service: str, operation: str, rate: int) -> None:
    clock = Clock()
    limits = Limits(clock)
    call = Call(service, operation)
    assert [limits.allow(call, "r") for _ in range(rate + 2)] == [True] * rate + [False] * 2
    clock.now += 1 / rate + 0.001
    assert [limits.allow(call, "r") for _ in range(2)] == [True, False]
    clock.now += 60
    assert [limits.allow(call, "r") for _ in range(rate + 1)] == [True] * rate + [False], (
        "what is saved up stays below"
    )
    assert limits.allow(call, "another region")


def test_a_family_is_counted_together_and_no_other_with_it() -> None:
    limits = Limits(Clock())
    assert limits.allow(Call("rolesanywhere", "CreateTrustAnchor"), "r")
    assert not limits.allow(Call("rolesanywhere", "PutNotificationSettings"), "r")
    assert not limits.allow(Call("rolesanywhere", "GetTrustAnchor"), "r")
    assert limits.allow(Call("rolesanywhere", "GetProfile"), "r")
    assert all(limits.allow(Call("iam", "ListRoles"), "r") for _ in range(100))


@contextmanager
def without_limits(server: Server) -> Iterator[None]:
    """Let what only prepares a test not wait for its turn."""
    limits, server._app._limits = server._app._limits, None
    yield
    server._app._limits = limits


@pytest.fixture(scope="module")
def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)


@pytest.fixture
def strict(sandbox: Server, _session: boto3.Session) -> Iterator[tuple[Server, Callable[[str], Any]]]:
    """Yield a sandbox with limits and a delay, and a maker of its clients; the usual one is put back afterwards."""
    with Server(Settings(real_limits=True, iam_delay_seconds=DELAY)) as server:
        made = []

        def client(service: str) -> Any:
            # As patient as iam-ra's own.
            config = Config(retries={"mode": "standard", "total_max_attempts": 10})
            found = _session.client(service, endpoint_url=server.endpoint_url, config=config)  # type: ignore[call-overload]
            made.append(found)
            return found

        yield server, client
        for each in made:
            each.close()
        server.reset()
    loopback.connect(sandbox._app, sandbox.settings, LOCK)


@pytest.mark.conforms(
    "Roles Anywhere: A call too many is throttled with status 429, and boto3 tries again.",
    source="AWS General Reference: IAM Roles Anywhere endpoints and quotas",
)
def test_a_call_too_many_is_throttled_in_the_service_s_words(strict: tuple[Server, Any]) -> None:
    server, client = strict
    anywhere = client("rolesanywhere")
    anywhere.list_profiles()
    started = time.monotonic()
    anywhere.list_profiles()
    assert time.monotonic() - started > 0.5, "the client had to try again"
    throttled = [entry for entry in server.calls.last(100) if entry.status == 429]
    assert throttled
    assert {entry.operation for entry in throttled} == {"ListProfiles"}


@pytest.mark.conforms(
    "Roles Anywhere sessions: With `--iam-delay`, changes of roles are seen late.",
    source="IAM User Guide: Changes that I make are not always immediately visible",
)
def test_a_role_is_seen_late_by_sessions_only(
    strict: tuple[Server, Callable[[str], Any]], tmp_path: Path
) -> None:
    server, client = strict
    with without_limits(server):
        estate = Estate(tmp_path, client)
    caller = Caller(server, estate, estate.authority.sign(HOST, "ec-p256"))
    time.sleep(DELAY)
    assert caller.ask().status == 201
    estate.trust("reader", {estate.anchor: ["somebody"]})
    document = client("iam").get_role(RoleName="reader")["Role"]["AssumeRolePolicyDocument"]
    assert "somebody" in str(document), "IAM itself knows at once"
    assert caller.ask().status == 201
    time.sleep(DELAY)
    assert caller.ask().status == 403


def test_a_new_role_is_not_there_yet(strict: tuple[Server, Callable[[str], Any]], tmp_path: Path) -> None:
    server, client = strict
    with without_limits(server):
        estate = Estate(tmp_path, client)
    iam, name = client("iam"), "reader"
    caller = Caller(server, estate, estate.authority.sign(HOST, "ec-p256"))
    iam.delete_role(RoleName=name)
    time.sleep(DELAY)
    assert caller.ask().status == 403
    estate._role("reader", [HOST])
    assert caller.ask().status == 403
    time.sleep(DELAY)
    assert caller.ask().status == 201


@pytest.mark.conforms(
    "Roles Anywhere sessions: With `--real-limits`, the eleventh at once is throttled.",
    source="AWS General Reference: IAM Roles Anywhere endpoints and quotas",
)
def test_eleven_sessions_at_once_are_one_too_many(
    strict: tuple[Server, Callable[[str], Any]], tmp_path: Path
) -> None:
    server, client = strict
    with without_limits(server):
        estate = Estate(tmp_path, client)
    caller = Caller(server, estate, estate.authority.sign(HOST, "ec-p256"))
    time.sleep(DELAY)
    answers = [caller.ask() for _ in range(16)]
    assert {answer.status for answer in answers} == {201, 429}
    throttled = next(answer for answer in answers if answer.status == 429)
    assert throttled.headers["x-amzn-errortype"] == "ThrottlingException"
    assert "Rate exceeded" in throttled.body.values()


@pytest.mark.conforms(
    "CloudFormation: With `--real-limits`, DescribeStacks too often is Throttling.",
    source="AWS General Reference: Common errors",
)
def test_a_throttled_describe_stacks_is_as_cloudformation_words_it(strict: tuple[Server, Any]) -> None:
    server, _ = strict
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    config = Config(retries={"total_max_attempts": 1})
    stacks = session.client("cloudformation", endpoint_url=server.endpoint_url, config=config)

    def describe_often() -> None:
        for _ in range(20):
            stacks.describe_stacks()

    with pytest.raises(ClientError) as raised:
        describe_often()
    stacks.close()
    assert raised.value.response["Error"]["Code"] == "Throttling"
    assert raised.value.response["Error"]["Message"] == "Rate exceeded"


def test_a_delay_is_not_negative() -> None:
    with pytest.raises(ValueError, match="iam_delay_seconds"):
        Settings(iam_delay_seconds=-1)
