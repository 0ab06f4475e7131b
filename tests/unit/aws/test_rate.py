from __future__ import annotations

import math
import threading
import time
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.config import Config

from iam_ra.aws.rate import Pace, Paces
from iam_ra.sandbox.call import Call
from iam_ra.sandbox.limits import Limits


class Clock:
    """Stands still but for what is slept."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.mark.parametrize("now", [0.0, 1_000_000.0])
def test_the_first_call_goes_at_once_and_the_others_at_the_pace(now: float) -> None:
    clock = Clock(now)
    pace = Pace(4, clock, clock.sleep)
    for _ in range(5):
        pace.wait()
    assert clock.slept == [0.25] * 4


def test_who_comes_late_waits_for_nothing_and_saves_nothing_up() -> None:
    clock = Clock(100)
    pace = Pace(10, clock, clock.sleep)
    pace.wait()
    clock.now += 60
    pace.wait()
    assert clock.slept == []
    pace.wait()
    assert clock.slept == [pytest.approx(0.1)]


def test_who_comes_within_the_gap_waits_for_its_rest() -> None:
    clock = Clock(100)
    pace = Pace(2, clock, clock.sleep)
    pace.wait()
    clock.now += 0.2
    pace.wait()
    assert clock.slept == [pytest.approx(0.3)]


def test_threads_get_turns_of_their_own() -> None:
    """Nobody sleeps under the lock: all know at once when it is their turn."""
    turns: list[float] = []
    pace = Pace(10, lambda: 5.0, turns.append)
    threads = [threading.Thread(target=pace.wait) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(turns) == [pytest.approx(number / 10) for number in range(1, 20)]


def test_the_real_clock_is_used_by_default() -> None:
    pace = Pace(100)
    began = time.monotonic()
    for _ in range(4):
        pace.wait()
    assert time.monotonic() - began >= 0.03


def test_a_burst_goes_at_once_and_comes_back_with_time() -> None:
    clock = Clock(100)
    pace = Pace(1, clock, clock.sleep, burst=3)
    for _ in range(5):
        pace.wait()
    assert clock.slept == [1, 1]
    clock.now += 60
    for _ in range(4):
        pace.wait()
    assert clock.slept == [1, 1, 1]


@pytest.mark.parametrize("burst", [5, math.inf])
def test_after_a_refusal_there_is_no_burst_any_more(burst: float) -> None:
    clock = Clock(100)
    pace = Pace(2, clock, clock.sleep, burst=burst)
    for _ in range(5):
        pace.wait()
    assert not clock.slept
    pace.slow_down()
    for _ in range(4):
        pace.wait()
    assert clock.slept == [0.5] * 4
    clock.now += 60
    for _ in range(2):
        pace.wait()
    assert clock.slept == [0.5] * 5


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("rolesanywhere.ImportCrl", "rolesanywhere.ListCrls"),
        ("rolesanywhere.ListTagsForResource", "rolesanywhere.TagResource"),
        ("rolesanywhere.GetSubject", "rolesanywhere.ListSubjects"),
        ("rolesanywhere.PutNotificationSettings", "rolesanywhere.GetTrustAnchor"),
        ("rolesanywhere.PutAttributeMapping", "rolesanywhere.GetProfile"),
        ("cloudformation.CreateStack", "cloudformation.DeleteStack"),
        ("iam.ListRoles", "iam.GetRole"),
    ],
)
def test_families_share_a_pace(first: str, second: str) -> None:
    paces = Paces()
    assert paces.of(f"before-send.{first}") is paces.of(f"needs-retry.{second}") is not None
    assert paces.of("before-send.s3.GetObject") is None
    assert paces.of("before-send.cloudformation.DescribeStacks") is not paces.of(f"before-send.{second}")


def test_every_operation_of_roles_anywhere_has_a_family() -> None:
    operations = botocore.session.get_session().get_service_model("rolesanywhere").operation_names
    paces = Paces()
    assert not [each for each in operations if paces.of(f"before-send.rolesanywhere.{each}") is None]


class Service:
    """Roles Anywhere as the wire shows it, as strict as its quotas; time passes only where somebody waits."""

    def __init__(self) -> None:
        self.clock = Clock(1_000)
        self.limits = Limits(self.clock)
        self.answers: list[int] = []

    def client(self) -> Any:
        session = boto3.session.Session("test", "test", region_name="eu-central-1")
        Paces(self.clock, self.clock.sleep).register(session.events)
        events: Any = session.events
        events.register_last("before-send.*", self.answer)
        return session.client("rolesanywhere", config=Config(retries={"mode": "standard"}))

    def answer(self, request: Any, **_: Any) -> Any:
        call = Call("rolesanywhere", "ListCrls")
        status = 200 if self.limits.allow(call, "eu-central-1") else 429
        self.answers.append(status)
        body = b'{"crls": []}' if status == 200 else b'{"message": "slow down"}'
        headers = {"x-amzn-errortype": "ThrottlingException", "content-type": "application/json"}
        return AWSResponse(request.url, status, HTTPHeaders.from_dict(headers), Body(body))


class Body:
    """An answer's bytes as botocore reads them."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def stream(self) -> list[bytes]:
        return [self.data]


def test_a_throttled_call_is_made_again_and_the_ones_after_it_keep_the_pace() -> None:
    service = Service()
    client = service.client()
    for _ in range(8):
        client.list_crls()
    # The second was too fast; from then on none was.
    assert service.answers == [200, 429, *[200] * 7]
    assert service.clock.slept == [1] * 7
